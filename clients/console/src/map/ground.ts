import { BufferAttribute, BufferGeometry, Color, Group, LineBasicMaterial, LineSegments, Mesh, MeshBasicMaterial, ShapeUtils, Vector2 } from "three";
import type { Scene } from "../api/types";
import type { Theme } from "../style/tokens";

type Point = readonly [number, number];
/** Plain arrays of a mesh; shade is a grey per vertex that the theme's colour is multiplied with. */
export interface MeshArrays {
  position: number[];
  shade: number[];
  index: number[];
}

/** Light comes from the south-west: walls that face it are lighter. Baked, because the sun of a control room does not move. */
const LIGHT = [-0.55, -0.83] as const;

/** All buildings as one mesh of walls, and one of roofs. Outlines may wind either way. */
export function buildingArrays(buildings: Scene["buildings"]): { walls: MeshArrays; roofs: MeshArrays; edges: number[] } {
  const walls: MeshArrays = { position: [], shade: [], index: [] };
  const roofs: MeshArrays = { position: [], shade: [], index: [] };
  const edges: number[] = [];
  for (const building of buildings) {
    const outline = counterClockwise(building.footprint);
    if (outline.length < 3) continue;
    addWalls(walls, outline, building.height);
    addFlat(roofs, outline, building.height, 1);
    for (let i = 0; i < outline.length; i++) {
      const a = outline[i]!;
      const b = outline[(i + 1) % outline.length]!;
      edges.push(a[0], a[1], building.height, b[0], b[1], building.height);
    }
  }
  return { walls, roofs, edges };
}

function addWalls(out: MeshArrays, outline: Point[], height: number): void {
  for (let i = 0; i < outline.length; i++) {
    const a = outline[i]!;
    const b = outline[(i + 1) % outline.length]!;
    const length = Math.hypot(b[0] - a[0], b[1] - a[1]) || 1;
    const facing = ((b[1] - a[1]) * LIGHT[0] - (b[0] - a[0]) * LIGHT[1]) / length;
    const shade = 0.72 + 0.2 * facing;
    const first = out.position.length / 3;
    out.position.push(a[0], a[1], 0, b[0], b[1], 0, b[0], b[1], height, a[0], a[1], height);
    out.shade.push(shade * 0.8, shade * 0.8, shade, shade);
    out.index.push(first, first + 1, first + 2, first, first + 2, first + 3);
  }
}

/** A flat polygon at a height. */
export function addFlat(out: MeshArrays, outline: readonly Point[], z: number, shade: number): void {
  const first = out.position.length / 3;
  const points = outline.map((p) => new Vector2(p[0], p[1]));
  for (const p of points) {
    out.position.push(p.x, p.y, z);
    out.shade.push(shade);
  }
  for (const face of ShapeUtils.triangulateShape(points, [])) out.index.push(first + face[0]!, first + face[1]!, first + face[2]!);
}

/** A road as a ribbon with mitred corners; the miter is bounded, so that a hairpin does not spike. */
export function addRibbon(out: MeshArrays, line: readonly Point[], width: number, z: number): void {
  const n = line.length;
  if (n < 2) return;
  const first = out.position.length / 3;
  for (let i = 0; i < n; i++) {
    const before = line[Math.max(0, i - 1)]!;
    const here = line[i]!;
    const after = line[Math.min(n - 1, i + 1)]!;
    const [ax, ay] = unit(before, here, after);
    const [bx, by] = unit(here, after, here);
    let nx = -(ay + by);
    let ny = ax + bx;
    const size = Math.hypot(nx, ny) || 1;
    nx /= size;
    ny /= size;
    const cosine = Math.max(0.5, nx * -by + ny * bx);
    const half = width / 2 / cosine;
    out.position.push(here[0] + nx * half, here[1] + ny * half, z, here[0] - nx * half, here[1] - ny * half, z);
    out.shade.push(1, 1);
    if (i > 0) {
      const o = first + i * 2;
      out.index.push(o - 2, o - 1, o, o - 1, o + 1, o);
    }
  }
}

function unit(a: Point, b: Point, fallback: Point): [number, number] {
  let x = b[0] - a[0];
  let y = b[1] - a[1];
  if (x === 0 && y === 0) {
    x = fallback[0] - a[0];
    y = fallback[1] - a[1];
  }
  const size = Math.hypot(x, y) || 1;
  return [x / size, y / size];
}

function counterClockwise(outline: readonly Point[]): Point[] {
  let area = 0;
  for (let i = 0; i < outline.length; i++) {
    const a = outline[i]!;
    const b = outline[(i + 1) % outline.length]!;
    area += a[0] * b[1] - b[0] * a[1];
  }
  return area < 0 ? [...outline].reverse() : [...outline];
}

/** The still part of the map: areas, roads, buildings. Rebuilt with the scene, recoloured with the theme. */
export class Ground {
  readonly group = new Group();
  private readonly materials: { material: MeshBasicMaterial | LineBasicMaterial; token: keyof Theme; scale: number }[] = [];

  constructor(scene: Scene, theme: Theme) {
    const layers: [keyof Theme, MeshArrays][] = [];
    const byKind = new Map<keyof Theme, MeshArrays>();
    const tokens: Record<string, keyof Theme> = { water: "water", park: "park", carPark: "floor", floor: "floor" };
    for (const area of scene.areas ?? []) {
      const token = tokens[area.kind] ?? "floor";
      const arrays = byKind.get(token) ?? { position: [], shade: [], index: [] };
      byKind.set(token, arrays);
      addFlat(arrays, area.outline, token === "water" ? 0.05 : 0.12, 1);
    }
    layers.push(...byKind);
    const roads: MeshArrays = { position: [], shade: [], index: [] };
    for (const road of scene.roads) addRibbon(roads, road.line, road.width, 0.3);
    layers.push(["road", roads]);
    const { walls, roofs, edges } = buildingArrays(scene.buildings);
    layers.push(["building", walls], ["roof", roofs]);
    layers.forEach(([token, arrays], i) => this.add(token, arrays, i));
    const lines = new BufferGeometry();
    lines.setAttribute("position", new BufferAttribute(new Float32Array(edges), 3));
    const material = new LineBasicMaterial({ transparent: true, opacity: 0.55 });
    this.materials.push({ material, token: "line", scale: 1 });
    this.group.add(new LineSegments(lines, material));
    this.setTheme(theme);
  }

  setTheme(theme: Theme): void {
    for (const { material, token } of this.materials) material.color = new Color(theme[token]);
  }

  dispose(): void {
    this.group.traverse((o) => {
      if (o instanceof Mesh || o instanceof LineSegments) (o.geometry as BufferGeometry).dispose();
    });
    for (const { material } of this.materials) material.dispose();
  }

  private add(token: keyof Theme, arrays: MeshArrays, order: number): void {
    const geometry = new BufferGeometry();
    geometry.setAttribute("position", new BufferAttribute(new Float32Array(arrays.position), 3));
    const colours = new Float32Array(arrays.shade.length * 3);
    arrays.shade.forEach((s, i) => colours.fill(s, i * 3, i * 3 + 3));
    geometry.setAttribute("color", new BufferAttribute(colours, 3));
    geometry.setIndex(arrays.index);
    const flat = token !== "building" && token !== "roof";
    const material = new MeshBasicMaterial({ vertexColors: true, side: flat ? 2 : 0, polygonOffset: true, polygonOffsetFactor: flat ? 2 : 1, polygonOffsetUnits: flat ? 2 : 1 });
    if (flat) material.depthWrite = false;
    this.materials.push({ material, token, scale: 1 });
    const mesh = new Mesh(geometry, material);
    mesh.renderOrder = flat ? order - 10 : 0;
    this.group.add(mesh);
  }
}
