import type { HistoryBucket } from "../api/types";

/** Ranges of the history chart with the width of a bucket: about 120 to 180 buckets each. */
export const RANGES = [
  { name: "1 h", ms: 3_600_000, width: "PT30S", bucketMs: 30_000 },
  { name: "6 h", ms: 21_600_000, width: "PT3M", bucketMs: 180_000 },
  { name: "1 d", ms: 86_400_000, width: "PT10M", bucketMs: 600_000 },
  { name: "7 d", ms: 604_800_000, width: "PT1H", bucketMs: 3_600_000 },
] as const;
export type Range = (typeof RANGES)[number];

/** Round steps that give at most so many ticks between the ends. */
export function niceTicks(min: number, max: number, most: number): number[] {
  if (!Number.isFinite(min) || !Number.isFinite(max)) return [];
  if (min === max) return [min];
  const raw = (max - min) / Math.max(1, most);
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].map((f) => f * power).find((s) => s >= raw * 0.999) ?? 10 * power;
  const ticks: number[] = [];
  for (let i = Math.ceil(min / step - 1e-9); i * step <= max + step * 1e-9; i++) ticks.push(Number((i * step).toPrecision(12)));
  return ticks;
}

/** Lowest and highest of all buckets with air around it; a flat line gets a band of its own size. */
export function extent(buckets: readonly HistoryBucket[]): [number, number] | null {
  let low = Infinity;
  let high = -Infinity;
  for (const b of buckets) {
    if (typeof b.min === "number") low = Math.min(low, b.min);
    if (typeof b.max === "number") high = Math.max(high, b.max);
  }
  if (low > high) return null;
  const air = (high - low) * 0.06 || Math.abs(high) * 0.1 || 1;
  return [low - air, high + air];
}

/** Cuts where more than two buckets are missing: a gap in the data is a gap in the line. */
export function segments(buckets: readonly HistoryBucket[], bucketMs: number): HistoryBucket[][] {
  const out: HistoryBucket[][] = [];
  let last = -Infinity;
  for (const b of buckets) {
    if (typeof b.mean !== "number") continue;
    const at = Date.parse(b.t);
    if (at - last > bucketMs * 3) out.push([]);
    out.at(-1)!.push(b);
    last = at;
  }
  return out;
}

/** Moments for the time axis at whole minutes, hours or days of local time. */
export function timeTicks(from: number, to: number, most: number): number[] {
  const minute = 60_000;
  const steps = [5, 10, 15, 30, 60, 120, 180, 360, 720, 1440, 2880].map((m) => m * minute);
  const step = steps.find((s) => (to - from) / s <= most) ?? steps.at(-1)!;
  const shift = new Date(from).getTimezoneOffset() * minute;
  const ticks: number[] = [];
  for (let t = Math.ceil((from - shift) / step) * step + shift; t <= to; t += step) ticks.push(t);
  return ticks;
}
