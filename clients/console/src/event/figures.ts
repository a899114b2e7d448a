import { BufferGeometry, Color, CylinderGeometry, DynamicDrawUsage, Euler, Group, InstancedMesh, Matrix4, MeshLambertMaterial, Quaternion, SphereGeometry, Vector3 } from "three";
import type { Crowd, Drawn } from "twin-sdk";
import type { Theme } from "../style/tokens";

export const MOST_FIGURES = 1024;
export const MOST_CROWD = 20_000;
const PEOPLE_HUES = [0.02, 0.08, 0.13, 0.34, 0.45, 0.53, 0.6, 0.68, 0.78, 0.9];

/** People as instanced figures: bodies and heads of those in view, plain shapes for the crowd beyond. Three draw calls, however many they are. Scene: east, north, up. */
export class Figures {
  readonly group = new Group();
  private readonly bodies: InstancedMesh;
  private readonly heads: InstancedMesh;
  private readonly far: InstancedMesh;
  private readonly matrix = new Matrix4();
  private readonly turn = new Quaternion();
  private readonly euler = new Euler();
  private readonly place = new Vector3();
  private readonly one = new Vector3(1, 1, 1);
  private readonly colour = new Color();
  private count = 0;

  constructor(private theme: Theme) {
    this.bodies = mesh(body(), MOST_FIGURES);
    this.heads = mesh(head(), MOST_FIGURES);
    this.far = mesh(shape(), MOST_CROWD);
    this.group.add(this.bodies, this.heads, this.far);
  }

  setTheme(theme: Theme): void {
    this.theme = theme;
  }

  begin(): void {
    this.count = 0;
  }

  /** One figure; yaw in radians from east, counted towards north. */
  add(number: number, x: number, y: number, z: number, yaw: number, role: "own" | "host" | "moderator" | "speaker" | "bot" | "", isMarked: boolean): void {
    if (this.count === MOST_FIGURES) return;
    this.place.set(x, z, y);
    this.turn.setFromEuler(this.euler.set(0, 0, yaw));
    this.matrix.compose(this.place, this.turn, this.one);
    this.bodies.setMatrixAt(this.count, this.matrix);
    this.heads.setMatrixAt(this.count, this.matrix);
    const t = this.theme;
    if (isMarked) this.colour.set(t.warning);
    else if (role === "own") this.colour.set(t.accent);
    else if (role === "host" || role === "moderator") this.colour.set(t.alarm);
    else if (role === "speaker") this.colour.set(t.good);
    else this.colour.setHSL(PEOPLE_HUES[number % PEOPLE_HUES.length]!, 0.32, 0.42 + ((number * 7) % 5) * 0.035);
    this.bodies.setColorAt(this.count, this.colour);
    this.colour.setHSL(0.07, 0.35, 0.45 + ((number * 13) % 7) * 0.05);
    this.heads.setColorAt(this.count, this.colour);
    this.count++;
  }

  end(): void {
    for (const m of [this.bodies, this.heads]) {
      m.count = this.count;
      m.instanceMatrix.needsUpdate = true;
      if (m.instanceColor) m.instanceColor.needsUpdate = true;
    }
  }

  /** The crowd of a second: in each tile as many shapes as people, less those who are drawn as figures. */
  setCrowd(crowd: Crowd, near: ReadonlyMap<number, number>): number {
    let made = 0;
    this.colour.set(this.theme.unknown);
    for (const tile of crowd.tiles) {
      const [column, row] = [tile.index % crowd.columns, Math.floor(tile.index / crowd.columns)];
      const rest = tile.count - (near.get(tile.index) ?? 0);
      for (let i = 0; i < rest && made < MOST_CROWD; i++, made++) {
        const [u, v] = [scatter(tile.index, i, 1), scatter(tile.index, i, 2)];
        this.place.set((column + u) * crowd.tileMetres, (row + v) * crowd.tileMetres, 0);
        this.turn.setFromEuler(this.euler.set(0, 0, (tile.heading * Math.PI) / 8));
        this.matrix.compose(this.place, this.turn, this.one);
        this.far.setMatrixAt(made, this.matrix);
        this.far.setColorAt(made, this.colour);
      }
    }
    this.far.count = made;
    this.far.instanceMatrix.needsUpdate = true;
    if (this.far.instanceColor) this.far.instanceColor.needsUpdate = true;
    return made;
  }

  dispose(): void {
    for (const m of [this.bodies, this.heads, this.far]) {
      m.geometry.dispose();
      (m.material as MeshLambertMaterial).dispose();
      m.dispose();
    }
  }
}

/** Yaw of a rotation about the up axis: radians from east (X) towards north (Z). */
export function yawOf(one: Drawn): number {
  const [, y, , w] = one.rotation;
  return 2 * Math.atan2(y, w);
}

/** The same place for the same person of a tile each second: a crowd must not shimmer. */
function scatter(tile: number, i: number, salt: number): number {
  let h = (tile * 374_761_393 + i * 668_265_263 + salt * 2_246_822_519) >>> 0;
  h = Math.imul(h ^ (h >>> 13), 1_274_126_177) >>> 0;
  return ((h ^ (h >>> 16)) >>> 0) / 2 ** 32;
}

function mesh(geometry: BufferGeometry, most: number): InstancedMesh {
  const made = new InstancedMesh(geometry, new MeshLambertMaterial(), most);
  made.instanceMatrix.setUsage(DynamicDrawUsage);
  made.count = 0;
  made.frustumCulled = false;
  return made;
}

/** 1.45 m from foot to shoulder, deeper at the shoulders than at the feet; its front is east. */
function body(): BufferGeometry {
  const g = new CylinderGeometry(0.24, 0.15, 1.42, 10, 3);
  g.rotateX(Math.PI / 2);
  g.scale(0.62, 1, 1);
  g.translate(0, 0, 0.71);
  return g;
}

function head(): BufferGeometry {
  const g = new SphereGeometry(0.14, 10, 8);
  g.scale(1.1, 0.95, 1.15);
  g.translate(0.02, 0, 1.6);
  return g;
}

function shape(): BufferGeometry {
  const g = new CylinderGeometry(0.13, 0.17, 1.68, 5, 1);
  g.rotateX(Math.PI / 2);
  g.translate(0, 0, 0.84);
  return g;
}
