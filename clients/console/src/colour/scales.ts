/** A colour as red, green, blue from 0 to 1 in sRGB. */
export type Rgb = readonly [number, number, number];

/**
 * One perceptual scale for every quantity: lightness grows evenly from dark violet over teal to yellow, so that order is
 * read without the legend and survives a grey print and the common colour blindnesses. Nine stops in sRGB, interpolated.
 */
const STOPS: readonly Rgb[] = [
  [0.267, 0.005, 0.329], [0.279, 0.175, 0.483], [0.231, 0.319, 0.545], [0.173, 0.449, 0.558], [0.128, 0.567, 0.551],
  [0.154, 0.680, 0.504], [0.361, 0.786, 0.388], [0.667, 0.861, 0.197], [0.993, 0.906, 0.144],
];
/** In the dark theme the lower end would drown in the ground: the scale starts a little way in. */
export const DARK_START = 0.18;

/** The colour of a share of the range; below 0 and above 1 it is the end's colour. Writes into out at the offset as bytes. */
export function writeScale(share: number, start: number, out: Uint8Array, offset: number): void {
  const s = clamp01(share) * (1 - start) + start;
  const at = s * (STOPS.length - 1);
  const i = Math.min(STOPS.length - 2, Math.floor(at));
  const f = at - i;
  const a = STOPS[i]!;
  const b = STOPS[i + 1]!;
  for (let c = 0; c < 3; c++) out[offset + c] = Math.round((a[c]! + (b[c]! - a[c]!) * f) * 255);
}

export function scaleCss(share: number, start: number): string {
  const out = new Uint8Array(3);
  writeScale(share, start, out, 0);
  return `rgb(${out[0]}, ${out[1]}, ${out[2]})`;
}

export function clamp01(value: number): number {
  return value < 0 ? 0 : value > 1 ? 1 : value;
}

/** #rrggbb to parts. */
export function parseHex(hex: string): Rgb {
  const n = Number.parseInt(hex.slice(1), 16);
  return [((n >> 16) & 255) / 255, ((n >> 8) & 255) / 255, (n & 255) / 255];
}

/** WCAG 2 relative luminance. */
export function luminance([r, g, b]: Rgb): number {
  const lin = (c: number): number => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
  return 0.2126 * lin(r) + 0.7152 * lin(g) + 0.0722 * lin(b);
}

/** WCAG 2 contrast ratio, 1 to 21. */
export function contrast(a: string, b: string): number {
  const la = luminance(parseHex(a));
  const lb = luminance(parseHex(b));
  return (Math.max(la, lb) + 0.05) / (Math.min(la, lb) + 0.05);
}

/** What a state's name means, so that states of any model are coloured alike. */
export type Meaning = "good" | "warning" | "alarm" | "idle" | "active" | "other";

const MEANINGS: Record<string, Meaning> = {
  running: "good", available: "good", moving: "good", driving: "good", working: "good", online: "good", ok: "good", none: "good", true: "active",
  charging: "active", loading: "active", preparing: "active", active: "active",
  blocked: "warning", warning: "warning", finishing: "warning", stopped: "warning",
  down: "alarm", faulted: "alarm", critical: "alarm", error: "alarm", failed: "alarm",
  starved: "idle", idle: "idle", atStop: "idle", parked: "idle", false: "idle", off: "idle",
};

export function meaningOf(state: string): Meaning {
  return MEANINGS[state] ?? "other";
}

/** Hues apart for enums whose values mean nothing special; safe for the common colour blindnesses. */
export const CATEGORIES = ["#5aa9e6", "#e6a141", "#8fc96b", "#c98bdb", "#d9d36a", "#6bcfc4", "#e58a7b", "#a9b4c2"] as const;
