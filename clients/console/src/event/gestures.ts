/** Bit of a pose's flags: the hand is up (SPEC-spaces, clause 2). */
const HAND_UP = 2;
/** How long a gesture lasts, in milliseconds. */
const SHOWN_MS = 3000;

/** What people do besides walking. The wire has numbers, 1 to 15; these are the console's words and keys for them. Digits are the frame's own keys. */
export const GESTURES: readonly { number: number; key: string; verb: string; says: string }[] = [
  { number: 1, key: "v", verb: "Wave", says: "waves" }, { number: 2, key: "b", verb: "Clap", says: "claps" }, { number: 3, key: "n", verb: "Cheer", says: "cheers" },
];

/** What the flags of a pose say in words; empty where there is nothing to say. */
export function wordsOfFlags(flags: number): string {
  const number = flags >> 4;
  const gesture = number === 0 ? "" : GESTURES.find((g) => g.number === number)?.says ?? "gestures";
  return [flags & HAND_UP ? "hand up" : "", gesture].filter((w) => w !== "").join(", ");
}

/** How high one hops at a moment while a gesture lasts, in metres. */
export function hopOf(flags: number, nowMs: number): number {
  return flags >> 4 === 0 ? 0 : 0.12 * Math.abs(Math.sin(nowMs / 140));
}

/** One's own hand and gesture. */
export class OwnGesture {
  private isHandUp = false;
  private number = 0;
  private until = 0;

  start(number: number, nowMs: number): void {
    [this.number, this.until] = [number, nowMs + SHOWN_MS];
  }

  toggleHand(): boolean {
    return (this.isHandUp = !this.isHandUp);
  }

  flags(nowMs: number): number {
    return (this.isHandUp ? HAND_UP : 0) | (nowMs < this.until ? this.number << 4 : 0);
  }
}
