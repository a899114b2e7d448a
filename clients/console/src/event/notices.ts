/** Why the space put one back, by the wire's cause (SPEC-spaces, clause 6.5). */
const CAUSES: Record<number, string> = {
  1: "You were faster than this space allows; it has put you back.", 2: "Nobody may go there; the space has put you back.", 3: "Nobody moves for now.",
  4: "Too many moves a second; the space has put you back.", 5: "That is out of reach; the space has put you back.",
};
const EACH_MS = 5000;

/** Says why one was put back: once in five seconds for each cause, for who walks against a wall is put back each tick. At most one entry a cause. */
export class PutBack {
  private readonly said = new Map<number, number>();

  /** The words to say now, or null. Being placed (cause 0) needs none: a door or a host did it. */
  words(cause: number, nowMs: number): string | null {
    const words = CAUSES[cause];
    if (!words || nowMs - (this.said.get(cause) ?? -Infinity) < EACH_MS) return null;
    this.said.set(cause, nowMs);
    return words;
  }
}
