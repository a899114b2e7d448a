/** How long frames take: the last 240 intervals between frames that were drawn one after another, milliseconds. */
export class FrameMeter {
  private readonly intervals: number[] = [];
  private readonly work: number[] = [];
  private last = 0;

  /** A frame begins; at is the animation clock. A pause longer than a second is rest, not a slow frame. */
  begin(at: number): void {
    if (this.last > 0 && at - this.last < 1000) push(this.intervals, at - this.last);
    this.last = at;
  }

  /** What the frame cost this thread. */
  worked(milliseconds: number): void {
    push(this.work, milliseconds);
  }

  /** The picture rests: the next frame starts a new count. */
  rest(): void {
    this.last = 0;
  }

  clear(): void {
    this.intervals.length = 0;
  }

  get reading(): { frames: number; medianMs: number; p95Ms: number; workMedianMs: number; workP95Ms: number } {
    return {
      frames: this.intervals.length, medianMs: quantile(this.intervals, 0.5), p95Ms: quantile(this.intervals, 0.95),
      workMedianMs: quantile(this.work, 0.5), workP95Ms: quantile(this.work, 0.95),
    };
  }
}

export function quantile(values: readonly number[], share: number): number {
  if (values.length === 0) return 0;
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!;
}

function push(list: number[], value: number): void {
  list.push(value);
  if (list.length > 240) list.shift();
}
