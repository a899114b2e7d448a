/** A value at a time, milliseconds since 1970. */
export interface Point {
  at: number;
  value: number;
}

/** How long readings are kept and drawn. */
export const SPAN_MS = 10 * 60_000;

/** Readings of one number over the last ten minutes, oldest first. */
export class Series {
  readonly points: Point[] = [];

  add(at: number, value: number | null): void {
    if (value === null || !Number.isFinite(value)) return;
    if (this.points.length > 0 && at <= this.points[this.points.length - 1]!.at) return;
    this.points.push({ at, value });
    while (this.points.length > 0 && this.points[0]!.at < at - SPAN_MS) this.points.shift();
  }

  get last(): number | null {
    return this.points.at(-1)?.value ?? null;
  }

  get most(): number | null {
    return this.points.length === 0 ? null : Math.max(...this.points.map((p) => p.value));
  }
}

/** Turns a counter's readings into a rate per second. A counter that fell began anew: what it shows now was counted since. */
export class Rate {
  readonly series = new Series();
  /** What was counted within the span. */
  readonly counted: Point[] = [];
  private before: Point | null = null;

  add(at: number, total: number | null): void {
    if (total === null || !Number.isFinite(total)) return;
    const before = this.before;
    if (before && at <= before.at) return;
    this.before = { at, value: total };
    if (!before) return;
    const more = total >= before.value ? total - before.value : total;
    this.series.add(at, (more * 1000) / (at - before.at));
    this.counted.push({ at, value: more });
    while (this.counted[0]!.at < at - SPAN_MS) this.counted.shift();
  }

  /** What came within the span. */
  get inSpan(): number {
    return this.counted.reduce((sum, p) => sum + p.value, 0);
  }
}

/** The mean of a histogram's values between two readings: difference of sums over difference of counts. */
export class MeanOf {
  readonly series = new Series();
  private sum = Number.NaN;
  private count = Number.NaN;

  add(at: number, sum: number | null, count: number | null): void {
    if (sum === null || count === null) return;
    const more = count - this.count;
    if (more > 0 && sum >= this.sum) this.series.add(at, (sum - this.sum) / more);
    this.sum = sum;
    this.count = count;
  }
}
