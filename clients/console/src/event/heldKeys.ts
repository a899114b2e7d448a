/** Keys that walk: forward and right. */
const WALK: Record<string, readonly [forward: number, right: number]> = { w: [1, 0], ArrowUp: [1, 0], s: [-1, 0], ArrowDown: [-1, 0], a: [0, -1], ArrowLeft: [0, -1], d: [0, 1], ArrowRight: [0, 1] };

/** One name for a key with and without Shift. */
export const plain = (key: string): string => (key.length === 1 ? key.toLowerCase() : key);

/** The keys of walking that are down. A key that is let go while a field or another window has the focus is let go too: nobody walks on by itself. */
export class HeldKeys {
  private readonly held = new Set<string>();

  /** Whether the key is one that walks. */
  static walks(key: string): boolean {
    return plain(key) in WALK;
  }

  /** Answers whether anything changed. */
  set(key: string, isDown: boolean): boolean {
    const name = plain(key);
    if (!(name in WALK) || this.held.has(name) === isDown) return false;
    if (isDown) this.held.add(name);
    else this.held.delete(name);
    return true;
  }

  /** All are let go, as when the window is no longer looked at. Answers whether any was down. */
  clear(): boolean {
    const any = this.held.size > 0;
    this.held.clear();
    return any;
  }

  get push(): [forward: number, right: number] {
    let [forward, right] = [0, 0];
    for (const key of this.held) [forward, right] = [forward + WALK[key]![0], right + WALK[key]![1]];
    return [Math.sign(forward), Math.sign(right)];
  }
}
