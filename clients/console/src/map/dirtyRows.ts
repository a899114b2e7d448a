/** Rows that changed since the last frame, and the few ranges that cover them. Close rows share a range: one upload is cheaper than two. */
export class DirtyRows {
  private readonly set = new Set<number>();

  /** Rows between two ranges that are uploaded along rather than split. */
  constructor(
    private readonly bridge = 64,
    private readonly mostRanges = 32,
  ) {}

  add(row: number): void {
    this.set.add(row);
  }

  get count(): number {
    return this.set.size;
  }

  rows(): IterableIterator<number> {
    return this.set.values();
  }

  /** First row and length, in order, without overlap; at most mostRanges: beyond it, one range from first to last. */
  ranges(): [number, number][] {
    const sorted = [...this.set].sort((a, b) => a - b);
    const out: [number, number][] = [];
    for (const row of sorted) {
      const last = out[out.length - 1];
      if (last && row - (last[0] + last[1]) <= this.bridge) last[1] = row - last[0] + 1;
      else out.push([row, 1]);
    }
    if (out.length <= this.mostRanges) return out;
    const first = sorted[0]!;
    return [[first, sorted[sorted.length - 1]! - first + 1]];
  }

  clear(): void {
    this.set.clear();
  }
}
