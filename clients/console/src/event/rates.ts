/** What a connection counts. */
export interface Counts { frames: number; bytesIn: number }

/** Frames and bytes a second between two looks at one connection. A new connection counts from zero: it has no rate at its first look. */
export class Rates {
  private last: { of: Counts; at: number; frames: number; bytes: number } | null = null;

  of(counts: Counts | null, nowMs: number): { frames: number; bytes: number } | null {
    const { last } = this;
    this.last = counts && { of: counts, at: nowMs, frames: counts.frames, bytes: counts.bytesIn };
    if (!counts || last?.of !== counts || nowMs <= last.at) return null;
    const seconds = (nowMs - last.at) / 1000;
    return { frames: (counts.frames - last.frames) / seconds, bytes: (counts.bytesIn - last.bytes) / seconds };
  }
}
