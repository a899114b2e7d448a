import type { GraphLink, GraphNode } from "./neighbourhood";

export interface Point {
  x: number;
  y: number;
}

/** A thing to place: a twin, or a fold hanging on its owner. */
export interface Placed {
  id: string;
  parent: string | null;
}

const STEPS = 220;
const LINK = 88;
const REPULSION = 5200;
const FARTHEST = 520;
const GRAVITY = 0.012;
const LEAST_APART = 40;
/** How much a twin that has a place already follows the forces when others come. */
const HELD = 0.06;

/**
 * Places a graph: children around their parent by a tree of sectors, then springs along relationships and repulsion
 * between all, cooling to rest. No randomness and no clock: the same graph always lies the same way, and twins that
 * have a place move little when others come. Quadratic in the twins: 400 of them take some tens of milliseconds.
 */
export function layOut(things: readonly Placed[], links: readonly { source: string; target: string }[], before: ReadonlyMap<string, Point>): Map<string, Point> {
  const n = things.length;
  const index = new Map(things.map((t, i) => [t.id, i]));
  const x = new Float64Array(n);
  const y = new Float64Array(n);
  const freedom = new Float64Array(n).fill(1);
  const start = before.size > 0 ? around(things, before) : sectors(things);
  things.forEach((t, i) => {
    const p = start.get(t.id)!;
    x[i] = p.x;
    y[i] = p.y;
    if (before.has(t.id)) freedom[i] = HELD;
  });
  if (n > 0 && before.size === 0) freedom[0] = 0.2;
  const ends = links.flatMap((l) => {
    const a = index.get(l.source);
    const b = index.get(l.target);
    return a === undefined || b === undefined || a === b ? [] : [[a, b] as const];
  });
  relax(x, y, freedom, ends, before.size > 0 ? 0.5 : 1);
  return new Map(things.map((t, i) => [t.id, { x: x[i]!, y: y[i]! }]));
}

function relax(x: Float64Array, y: Float64Array, freedom: Float64Array, ends: readonly (readonly [number, number])[], heat: number): void {
  const n = x.length;
  const vx = new Float64Array(n);
  const vy = new Float64Array(n);
  const degree = new Float64Array(n);
  for (const [a, b] of ends) {
    degree[a]!++;
    degree[b]!++;
  }
  for (let step = 0; step < STEPS; step++) {
    const alpha = heat * (1 - step / STEPS) ** 1.6;
    for (const [a, b] of ends) pull(a, b, alpha);
    repel(x, y, vx, vy, alpha);
    for (let i = 0; i < n; i++) {
      vx[i] = (vx[i]! - x[i]! * GRAVITY * alpha) * 0.62;
      vy[i] = (vy[i]! - y[i]! * GRAVITY * alpha) * 0.62;
      x[i]! += clamp(vx[i]!) * freedom[i]!;
      y[i]! += clamp(vy[i]!) * freedom[i]!;
    }
  }

  function pull(a: number, b: number, alpha: number): void {
    const dx = x[b]! - x[a]!;
    const dy = y[b]! - y[a]!;
    const away = Math.hypot(dx, dy) || 1;
    const length = LINK + 7 * Math.sqrt(Math.min(degree[a]!, degree[b]!) - 1);
    const force = ((away - length) / away) * alpha * (0.7 / Math.min(degree[a]!, degree[b]!));
    const share = degree[a]! / (degree[a]! + degree[b]!);
    vx[a]! += dx * force * (1 - share);
    vy[a]! += dy * force * (1 - share);
    vx[b]! -= dx * force * share;
    vy[b]! -= dy * force * share;
  }
}

function repel(x: Float64Array, y: Float64Array, vx: Float64Array, vy: Float64Array, alpha: number): void {
  const n = x.length;
  for (let i = 0; i < n; i++) {
    for (let j = i + 1; j < n; j++) {
      let dx = x[j]! - x[i]!;
      let dy = y[j]! - y[i]!;
      let square = dx * dx + dy * dy;
      if (square > FARTHEST * FARTHEST) continue;
      if (square < 1e-6) {
        // Two on one spot part by their numbers, not by chance.
        dx = 0.5 + (i % 7) * 0.1;
        dy = 0.5 - (j % 5) * 0.1;
        square = dx * dx + dy * dy;
      }
      const away = Math.sqrt(square);
      let force = (REPULSION * alpha) / Math.max(square, 120) / away;
      if (away < LEAST_APART) force += (((LEAST_APART - away) / away) * 0.35);
      vx[i]! -= dx * force;
      vy[i]! -= dy * force;
      vx[j]! += dx * force;
      vy[j]! += dy * force;
    }
  }
}

/** A fresh start: each subtree has a sector as wide as its leaves are many. */
function sectors(things: readonly Placed[]): Map<string, Point> {
  const children = new Map<string, string[]>();
  for (const t of things) if (t.parent !== null) children.set(t.parent, [...(children.get(t.parent) ?? []), t.id]);
  const leaves = new Map<string, number>();
  for (const t of [...things].reverse()) leaves.set(t.id, Math.max(1, (children.get(t.id) ?? []).reduce((sum, c) => sum + (leaves.get(c) ?? 1), 0)));
  const out = new Map<string, Point>();
  const root = things[0];
  if (!root) return out;
  const queue: { id: string; from: number; to: number; ring: number }[] = [{ id: root.id, from: -Math.PI / 2, to: 1.5 * Math.PI, ring: 0 }];
  for (const { id, from, to, ring } of queue) {
    const middle = (from + to) / 2;
    out.set(id, { x: Math.cos(middle) * ring * 130, y: Math.sin(middle) * ring * 130 });
    let at = from;
    for (const child of children.get(id) ?? []) {
      const wide = ((to - from) * leaves.get(child)!) / leaves.get(id)!;
      queue.push({ id: child, from: at, to: at + wide, ring: ring + 1 });
      at += wide;
    }
  }
  for (const t of things) if (!out.has(t.id)) out.set(t.id, { x: 0, y: 0 });
  return out;
}

/** Those with a place keep it; newcomers stand around their parent, on the side away from the middle. */
function around(things: readonly Placed[], before: ReadonlyMap<string, Point>): Map<string, Point> {
  const out = new Map<string, Point>();
  const come = new Map<string, number>();
  for (const t of things) {
    const old = before.get(t.id);
    if (old) {
      out.set(t.id, { ...old });
      continue;
    }
    const parent = (t.parent === null ? undefined : out.get(t.parent)) ?? { x: 0, y: 0 };
    const i = come.get(t.parent ?? "") ?? 0;
    come.set(t.parent ?? "", i + 1);
    const out0 = Math.atan2(parent.y, parent.x);
    const angle = out0 + ((i + 1) >> 1) * (i % 2 === 0 ? 1 : -1) * 0.42;
    const ring = 70 + 22 * Math.floor(i / 12);
    out.set(t.id, { x: parent.x + Math.cos(angle) * ring, y: parent.y + Math.sin(angle) * ring });
  }
  return out;
}

function clamp(v: number): number {
  return v > 40 ? 40 : v < -40 ? -40 : v;
}

/** The one to go to from a point in a direction (pixels right and down): near, and not far off the line. Null when there is none on that side. */
export function nextTowards(points: ReadonlyMap<string, Point>, from: string, dx: number, dy: number): string | null {
  const here = points.get(from);
  if (!here) return null;
  let best: string | null = null;
  let least = Infinity;
  for (const [id, p] of points) {
    if (id === from) continue;
    const along = (p.x - here.x) * dx + (p.y - here.y) * dy;
    const across = Math.abs((p.x - here.x) * dy - (p.y - here.y) * dx);
    if (along <= 0 || across > along * 1.8) continue;
    const cost = along + across * 2;
    if (cost < least) {
      least = cost;
      best = id;
    }
  }
  return best;
}

/** The nodes and links a layout needs, folds hanging on their owners. */
export function thingsOf(nodes: readonly GraphNode[], links: readonly GraphLink[], folds: readonly { key: string; owner: string }[]): { things: Placed[]; lines: { source: string; target: string }[] } {
  return {
    things: [...nodes, ...folds.map((f) => ({ id: f.key, parent: f.owner }))],
    lines: [...links, ...folds.map((f) => ({ source: f.owner, target: f.key }))],
  };
}
