/** Counts per second over the last seconds, for a sparkline. Times are milliseconds of a steady clock. */
export class RateMeter {
  private readonly counts: Float64Array;
  private second = -1;

  constructor(readonly seconds: number) {
    this.counts = new Float64Array(seconds);
  }

  add(now: number, count: number): void {
    this.advance(now);
    const slot = this.second % this.seconds;
    this.counts[slot] = this.counts[slot]! + count;
  }

  /** Whole seconds, oldest first; the running second is left out. */
  series(now: number): number[] {
    this.advance(now);
    const out: number[] = [];
    for (let s = this.second - this.seconds + 1; s < this.second; s++) out.push(s < 0 ? 0 : this.counts[s % this.seconds]!);
    return out;
  }

  /** Mean of the last five whole seconds. */
  perSecond(now: number): number {
    const last = this.series(now).slice(-5);
    return last.reduce((a, b) => a + b, 0) / Math.max(1, last.length);
  }

  private advance(now: number): void {
    const second = Math.floor(now / 1000);
    if (this.second < 0) this.second = second;
    const gap = Math.min(this.seconds, second - this.second);
    for (let i = 1; i <= gap; i++) this.counts[(second - gap + i) % this.seconds] = 0;
    this.second = Math.max(this.second, second);
  }
}
