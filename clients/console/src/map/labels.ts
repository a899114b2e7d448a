/** A label that wants to be shown: the point it belongs to and its size, in CSS pixels; a higher rank goes first. */
export interface LabelWish {
  key: string;
  x: number;
  y: number;
  width: number;
  height: number;
  rank: number;
}

export interface PlacedLabel {
  key: string;
  left: number;
  top: number;
}

/** Free space kept between labels and between a label and its point. */
const GAP = 4;
const LIFT = 10;

/**
 * Places labels so that none overlaps another or leaves the view. Greedy by rank: each tries above, right, left, below its
 * point and is left out when none is free. Ties keep the order given, so labels do not flicker between frames.
 */
export function layoutLabels(wishes: readonly LabelWish[], width: number, height: number, most = 40): PlacedLabel[] {
  const order = wishes.map((w, i) => ({ w, i })).sort((a, b) => b.w.rank - a.w.rank || a.i - b.i);
  const placed: (PlacedLabel & { width: number; height: number })[] = [];
  for (const { w } of order) {
    if (placed.length >= most) break;
    for (const [left, top] of spots(w)) {
      const inside = left >= 0 && top >= 0 && left + w.width <= width && top + w.height <= height;
      if (!inside || placed.some((p) => touches(p, left, top, w))) continue;
      placed.push({ key: w.key, left, top, width: w.width, height: w.height });
      break;
    }
  }
  return placed.map(({ key, left, top }) => ({ key, left, top }));
}

function spots(w: LabelWish): [number, number][] {
  return [
    [w.x - w.width / 2, w.y - LIFT - w.height],
    [w.x + LIFT, w.y - w.height / 2],
    [w.x - LIFT - w.width, w.y - w.height / 2],
    [w.x - w.width / 2, w.y + LIFT],
  ];
}

function touches(p: { left: number; top: number; width: number; height: number }, left: number, top: number, w: LabelWish): boolean {
  return left < p.left + p.width + GAP && left + w.width + GAP > p.left && top < p.top + p.height + GAP && top + w.height + GAP > p.top;
}
