import { BoxGeometry, BufferAttribute, BufferGeometry, Color, ExtrudeGeometry, Group, LineBasicMaterial, LineLoop, LineSegments, Mesh, MeshBasicMaterial, MeshLambertMaterial, PlaneGeometry, RingGeometry, Shape } from "three";
import type { Theme } from "../style/tokens";
import type { SpaceDefinition } from "./spaces";

/** The place itself: floor with a mark each ten metres, what is closed as blocks, what is walkable as a line, the entrance as a ring. */
export function groundOf(space: SpaceDefinition, theme: Theme): Group {
  const group = new Group();
  const floor = new Mesh(new PlaneGeometry(space.width, space.depth), new MeshLambertMaterial({ color: theme.floor }));
  floor.position.set(space.width / 2, space.depth / 2, 0);
  group.add(floor, gridOf(space, theme));
  const edge = new Mesh(new BoxGeometry(space.width + 1, space.depth + 1, 0.2), new MeshLambertMaterial({ color: new Color(theme.line) }));
  edge.position.set(space.width / 2, space.depth / 2, -0.15);
  group.add(edge);
  for (const outline of space.closed ?? []) {
    const shape = new Shape();
    outline.forEach(([x, y], i) => (i === 0 ? shape.moveTo(x!, y!) : shape.lineTo(x!, y!)));
    const size = area(outline);
    const block = new Mesh(new ExtrudeGeometry(shape, { depth: size > 400 ? 1.6 : 2.6, bevelEnabled: false }), new MeshLambertMaterial({ color: theme.building }));
    group.add(block);
    if (size > 400) group.add(trussOf(outline, theme));
  }
  for (const outline of space.walkable ?? []) group.add(lineOf(outline, theme.good));
  const [x, y] = space.entrance ?? [space.width / 2, space.depth / 2];
  const ring = new Mesh(new RingGeometry(Math.max(1, space.entranceSpread - 0.15), Math.max(1.2, space.entranceSpread), 48), new MeshBasicMaterial({ color: theme.accent, transparent: true, opacity: 0.35 }));
  ring.position.set(x!, y!, 0.03);
  group.add(ring);
  return group;
}

function gridOf(space: SpaceDefinition, theme: Theme): LineSegments {
  const points: number[] = [];
  for (let x = 0; x <= space.width; x += 10) points.push(x, 0, 0.01, x, space.depth, 0.01);
  for (let y = 0; y <= space.depth; y += 10) points.push(0, y, 0.01, space.width, y, 0.01);
  const geometry = new BufferGeometry();
  geometry.setAttribute("position", new BufferAttribute(new Float32Array(points), 3));
  return new LineSegments(geometry, new LineBasicMaterial({ color: theme.line, transparent: true, opacity: 0.5 }));
}

/** A big block is a stage: a roof on four posts stands over it. */
function trussOf(outline: number[][], theme: Theme): Group {
  const group = new Group();
  const [xs, ys] = [outline.map((p) => p[0]!), outline.map((p) => p[1]!)];
  const [west, east, south, north] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  const material = new MeshLambertMaterial({ color: theme.roof });
  for (const [x, y] of [[west + 1, south + 1], [east - 1, south + 1], [west + 1, north - 1], [east - 1, north - 1]]) {
    const post = new Mesh(new BoxGeometry(0.6, 0.6, 9), material);
    post.position.set(x!, y!, 4.5);
    group.add(post);
  }
  const roof = new Mesh(new BoxGeometry(east - west, north - south, 0.5), material);
  roof.position.set((west + east) / 2, (south + north) / 2, 9.2);
  group.add(roof);
  const screen = new Mesh(new BoxGeometry((east - west) * 0.55, 0.3, 4.6), new MeshBasicMaterial({ color: new Color(theme.accent).multiplyScalar(0.55) }));
  screen.position.set((west + east) / 2, north - 2, 5);
  group.add(screen);
  return group;
}

function lineOf(outline: number[][], colour: string): LineLoop {
  const geometry = new BufferGeometry();
  geometry.setAttribute("position", new BufferAttribute(new Float32Array(outline.flatMap(([x, y]) => [x!, y!, 0.05])), 3));
  return new LineLoop(geometry, new LineBasicMaterial({ color: colour }));
}

function area(outline: number[][]): number {
  let sum = 0;
  outline.forEach(([x, y], i) => {
    const [nx, ny] = outline[(i + 1) % outline.length]!;
    sum += x! * ny! - nx! * y!;
  });
  return Math.abs(sum) / 2;
}

/** Whether a place lies in an outline (even-odd rule). */
export function isInside(outline: number[][], x: number, y: number): boolean {
  let inside = false;
  for (let i = 0, j = outline.length - 1; i < outline.length; j = i++) {
    const [ax, ay] = outline[i]!;
    const [bx, by] = outline[j]!;
    if (ay! > y !== by! > y && x < ((bx! - ax!) * (y - ay!)) / (by! - ay!) + ax!) inside = !inside;
  }
  return inside;
}
