import { numberOf, type Line, type Machine } from "./plant";

/** Where things stand on a line's plan, in metres, and how metres become pixels: one scale for both directions, north up. */
export interface Floor {
  minX: number;
  maxX: number;
  minY: number;
  maxY: number;
  /** Pixels to the metre. */
  scale: number;
  /** Pixels to the left of the plan, for the names of the figures below it. */
  left: number;
  width: number;
  height: number;
  /** Metres a station takes along the line, and across. */
  station: { along: number; across: number };
}

const LEFT = 108;
const RIGHT = 14;
/** Metres around what is drawn. */
const EDGE = 1.6;
/** Share of the distance between stations that a station takes; the twins tell places, not sizes. */
const STATION_SHARE = 0.42;

export function floorOf(line: Line, aisles: readonly { line: readonly (readonly [number, number])[]; width: number }[], width: number): Floor {
  const stations = line.flow.filter((m) => m.kind === "Station");
  const xs = stations.map((m) => numberOf(m, "x") ?? 0).sort((a, b) => a - b);
  const gaps = xs.slice(1).map((x, i) => x - xs[i]!).filter((g) => g > 0.1);
  const pitch = gaps.length > 0 ? Math.min(...gaps) : 10;
  const station = { along: pitch * STATION_SHARE, across: pitch * STATION_SHARE * 0.8 };
  const [px, py] = [[] as number[], [] as number[]];
  for (const m of [...line.flow, ...line.robots]) {
    const half = m.kind === "Station" ? station.along / 2 : 1;
    px.push((numberOf(m, "x") ?? 0) - half, (numberOf(m, "x") ?? 0) + half);
    py.push((numberOf(m, "y") ?? 0) - station.across / 2, (numberOf(m, "y") ?? 0) + station.across / 2);
  }
  for (const aisle of aisles) for (const [x, y] of aisle.line) {
    px.push(x - aisle.width / 2, x + aisle.width / 2);
    py.push(y - aisle.width / 2, y + aisle.width / 2);
  }
  if (px.length === 0) [px[0], py[0]] = [0, 0];
  const [minX, maxX, minY, maxY] = [Math.min(...px) - EDGE, Math.max(...px) + EDGE, Math.min(...py) - EDGE, Math.max(...py) + EDGE];
  const scale = Math.max(0.5, (width - LEFT - RIGHT) / (maxX - minX));
  return { minX, maxX, minY, maxY, scale, left: LEFT, width, height: (maxY - minY) * scale, station };
}

export function placeOf(floor: Floor, x: number, y: number): { x: number; y: number } {
  return { x: floor.left + (x - floor.minX) * floor.scale, y: (floor.maxY - y) * floor.scale };
}

/** The middle of a machine in pixels; null when it has no place. */
export function middleOf(floor: Floor, machine: Machine): { x: number; y: number } | null {
  const x = numberOf(machine, "x");
  const y = numberOf(machine, "y");
  return x === null || y === null ? null : placeOf(floor, x, y);
}

/** Aisles that run beside a line: every point within reach of its machines. */
export function aislesOf<T extends { id: string; line: [number, number][] }>(line: Line, roads: readonly T[]): T[] {
  const ys = [...line.flow, ...line.robots].map((m) => numberOf(m, "y") ?? 0);
  const [low, high] = [Math.min(...ys) - 15, Math.max(...ys) + 15];
  return roads.filter((r) => r.id.startsWith("aisle") && r.line.every(([, y]) => y >= low && y <= high));
}
