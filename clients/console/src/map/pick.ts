import type { Scene } from "../api/types";

/** Column-major 4x4, as three.js keeps it. */
export type Matrix = ArrayLike<number>;

export interface ScreenPoint {
  x: number;
  y: number;
  /** Distance along the view, metres; larger is farther. */
  depth: number;
}

/** A place on the screen in CSS pixels; null behind the eye. */
export function project(m: Matrix, x: number, y: number, z: number, width: number, height: number): ScreenPoint | null {
  const w = m[3]! * x + m[7]! * y + m[11]! * z + m[15]!;
  if (w <= 0) return null;
  const sx = (m[0]! * x + m[4]! * y + m[8]! * z + m[12]!) / w;
  const sy = (m[1]! * x + m[5]! * y + m[9]! * z + m[13]!) / w;
  return { x: (sx * 0.5 + 0.5) * width, y: (0.5 - sy * 0.5) * height, depth: w };
}

export interface PickTable {
  count: number;
  x: Float32Array;
  y: Float32Array;
  z: Float32Array;
}

/**
 * The twin under the pointer: the nearest within reach on the screen, and of nearly equal ones the one nearer to the eye.
 * Hot: runs on every pointer move over all twins (20,000 take well under a millisecond), so it allocates nothing.
 */
export function pickTwin(t: PickTable, shown: Uint8Array, m: Matrix, px: number, py: number, width: number, height: number, reach = 11): number {
  let best = -1;
  let bestScore = Infinity;
  const halfW = width / 2;
  const halfH = height / 2;
  for (let row = 0; row < t.count; row++) {
    if (!shown[row]) continue;
    const x = t.x[row]!;
    const y = t.y[row]!;
    const z = t.z[row]! + 2;
    const w = m[3]! * x + m[7]! * y + m[11]! * z + m[15]!;
    if (w <= 0) continue;
    const dx = ((m[0]! * x + m[4]! * y + m[8]! * z + m[12]!) / w + 1) * halfW - px;
    if (dx > reach || dx < -reach) continue;
    const dy = (1 - (m[1]! * x + m[5]! * y + m[9]! * z + m[13]!) / w) * halfH - py;
    if (dy > reach || dy < -reach) continue;
    const score = Math.sqrt(dx * dx + dy * dy) + w * 0.002;
    if (score < bestScore) {
      bestScore = score;
      best = row;
    }
  }
  return best;
}

export interface Ray {
  ox: number;
  oy: number;
  oz: number;
  dx: number;
  dy: number;
  dz: number;
}

/** Buildings as boxes for the first cut, outlines for the answer. */
export class BuildingPicker {
  private readonly boxes: Float32Array;

  constructor(private readonly buildings: Scene["buildings"]) {
    this.boxes = new Float32Array(buildings.length * 5);
    buildings.forEach((b, i) => {
      const xs = b.footprint.map((p) => p[0]);
      const ys = b.footprint.map((p) => p[1]);
      this.boxes.set([Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys), b.height], i * 5);
    });
  }

  /** The first building along the ray and how far it is, metres; null when the ray meets none. */
  first(ray: Ray): { id: string; distance: number } | null {
    let best: { id: string; distance: number } | null = null;
    for (let i = 0; i < this.buildings.length; i++) {
      const o = i * 5;
      const span = this.span(ray, o);
      if (!span || (best && span[0] >= best.distance)) continue;
      if (this.meetsOutline(ray, i, span)) best = { id: this.buildings[i]!.id, distance: span[0] };
    }
    return best;
  }

  /** Where the ray is inside the building's box. */
  private span(r: Ray, o: number): [number, number] | null {
    const b = this.boxes;
    let near = 0;
    let far = Infinity;
    for (const [origin, direction, low, high] of [[r.ox, r.dx, b[o]!, b[o + 2]!], [r.oy, r.dy, b[o + 1]!, b[o + 3]!], [r.oz, r.dz, 0, b[o + 4]!]] as const) {
      if (Math.abs(direction) < 1e-9) {
        if (origin < low || origin > high) return null;
        continue;
      }
      const a = (low - origin) / direction;
      const c = (high - origin) / direction;
      near = Math.max(near, Math.min(a, c));
      far = Math.min(far, Math.max(a, c));
      if (near > far) return null;
    }
    return [near, far];
  }

  /** Samples the way through the box: outlines are turned boxes mostly, so a few steps are enough for a pointer. */
  private meetsOutline(r: Ray, i: number, [near, far]: [number, number]): boolean {
    const outline = this.buildings[i]!.footprint;
    for (let s = 0; s <= 8; s++) {
      const t = near + ((far - near) * s) / 8;
      if (insideOutline(outline, r.ox + r.dx * t, r.oy + r.dy * t)) return true;
    }
    return false;
  }
}

export function insideOutline(outline: readonly (readonly [number, number])[], x: number, y: number): boolean {
  let inside = false;
  for (let i = 0, j = outline.length - 1; i < outline.length; j = i++) {
    const a = outline[i]!;
    const b = outline[j]!;
    if (a[1] > y !== b[1] > y && x < ((b[0] - a[0]) * (y - a[1])) / (b[1] - a[1]) + a[0]) inside = !inside;
  }
  return inside;
}
