/** A histogram: equal bins with round edges. Bin i counts from <= v < from + width; the last one takes its upper edge too. */
export interface Histogram {
  from: number;
  width: number;
  counts: number[];
  /** Bin of each value in the order given; -1 where it is not a finite number. */
  binOf: Int32Array;
  count: number;
  min: number;
  max: number;
  mean: number;
  median: number;
}

const MOST_BINS = 40;
const FEWEST_BINS = 6;

/**
 * Bins by the Freedman–Diaconis rule (width = 2 IQR / cube root of n), made round to 1, 2 or 5 times a power of ten and
 * held between 6 and 40 bins. Null when no value is a finite number.
 */
export function histogramOf(values: readonly (number | null | undefined)[]): Histogram | null {
  const numbers = values.filter((v): v is number => typeof v === "number" && Number.isFinite(v)).sort((a, b) => a - b);
  if (numbers.length === 0) return null;
  const min = numbers[0]!;
  const max = numbers[numbers.length - 1]!;
  const width = binWidth(numbers);
  const from = Math.floor(min / width + 1e-9) * width;
  const bins = Math.max(1, Math.ceil((max - from) / width - 1e-9));
  const counts = new Array<number>(bins).fill(0);
  const binOf = new Int32Array(values.length).fill(-1);
  values.forEach((v, i) => {
    if (typeof v !== "number" || !Number.isFinite(v)) return;
    const bin = Math.min(bins - 1, Math.max(0, Math.floor((v - from) / width + 1e-9)));
    binOf[i] = bin;
    counts[bin]!++;
  });
  const sum = numbers.reduce((a, b) => a + b, 0);
  return { from, width, counts, binOf, count: numbers.length, min, max, mean: sum / numbers.length, median: quantile(numbers, 0.5) };
}

function binWidth(sorted: readonly number[]): number {
  const min = sorted[0]!;
  const max = sorted[sorted.length - 1]!;
  const range = max - min;
  if (range === 0) return niceStep(Math.abs(min) > 0 ? Math.abs(min) / 10 : 1);
  const spread = quantile(sorted, 0.75) - quantile(sorted, 0.25);
  const ideal = spread > 0 ? (2 * spread) / Math.cbrt(sorted.length) : range / Math.sqrt(sorted.length);
  const width = niceStep(Math.min(range / FEWEST_BINS, Math.max(ideal, range / MOST_BINS)));
  return sorted.every((v) => Number.isInteger(v)) ? Math.max(1, width) : width;
}

/** The value below which a share of the sorted numbers lies, between neighbours by proportion. */
export function quantile(sorted: readonly number[], share: number): number {
  const at = (sorted.length - 1) * share;
  const low = Math.floor(at);
  const high = Math.min(sorted.length - 1, low + 1);
  return sorted[low]! + (sorted[high]! - sorted[low]!) * (at - low);
}

/** The largest of 1, 2 or 5 times a power of ten that is not above the step, so bins are never fewer than asked for. */
export function niceStep(step: number): number {
  const power = 10 ** Math.floor(Math.log10(step));
  const lead = step / power + 1e-9;
  return (lead >= 5 ? 5 : lead >= 2 ? 2 : 1) * power;
}

/** Round ticks that cover a range: at least two, about the count asked for. */
export function ticksOf(min: number, max: number, about: number): number[] {
  if (!(max > min)) return [min];
  const raw = (max - min) / Math.max(1, about);
  const power = 10 ** Math.floor(Math.log10(raw));
  const lead = raw / power;
  const step = (lead > 5.001 ? 10 : lead > 2.001 ? 5 : lead > 1.001 ? 2 : 1) * power;
  const ticks: number[] = [];
  for (let i = Math.ceil(min / step - 1e-9); i * step <= max + step * 1e-9; i++) ticks.push(Number((i * step).toPrecision(12)));
  return ticks;
}

export interface Category {
  value: string;
  count: number;
}

/** How often each value stands there, most often first; beyond the limit the rest is added up under "other". */
export function categoriesOf(values: readonly (string | null)[], most = 12): Category[] {
  const counts = new Map<string, number>();
  for (const v of values) if (v !== null) counts.set(v, (counts.get(v) ?? 0) + 1);
  const all = [...counts].map(([value, count]) => ({ value, count })).sort((a, b) => b.count - a.count || a.value.localeCompare(b.value));
  if (all.length <= most) return all;
  const rest = all.slice(most - 1).reduce((sum, c) => sum + c.count, 0);
  return [...all.slice(0, most - 1), { value: OTHER, count: rest }];
}

/** The name of what is beyond the limit of categories; no value of a query can be it, for it has a thin space. */
export const OTHER = "other\u2009values";
