import {
  BufferAttribute, BufferGeometry, DynamicDrawUsage, Group, InstancedBufferAttribute, InstancedMesh, Matrix4, MeshBasicMaterial, Points, ShaderMaterial,
  type PerspectiveCamera,
} from "three";
import { modelName } from "../format";
import type { TwinTable } from "../live/twinTable";
import { DirtyRows } from "./dirtyRows";
import { PlaceGrid } from "./grid";
import { shapeOf, type Shape } from "./shapes";

/** Most shapes of one model drawn near the eye; the rest stay points. */
const MOST_NEAR = 4096;
/** A change draws the eye for about this long, seconds. */
export const FLASH_S = 1.4;

const VERTEX = /* glsl */ `
  attribute vec3 tint;
  attribute float size;
  attribute float changed;
  attribute float near;
  uniform float uNow;
  uniform float uPixels;
  uniform float uNearShare;
  varying vec3 vTint;
  varying float vGlow;
  void main() {
    vec4 view = modelViewMatrix * vec4(position, 1.0);
    float away = length(view.xyz);
    gl_Position = projectionMatrix * view;
    float age = uNow - changed;
    vGlow = age >= 0.0 && age < ${FLASH_S.toFixed(2)} ? 1.0 - age / ${FLASH_S.toFixed(2)} : 0.0;
    float grow = clamp(1400.0 / away, 0.42, 1.5);
    gl_PointSize = size * uPixels * grow * (1.0 + 1.6 * vGlow * vGlow);
    vTint = tint;
    if (size == 0.0 || away < near * uNearShare) gl_Position = vec4(2.0, 2.0, 2.0, 1.0);
  }`;
const FRAGMENT = /* glsl */ `
  varying vec3 vTint;
  varying float vGlow;
  uniform vec3 uFlash;
  void main() {
    vec2 p = gl_PointCoord * 2.0 - 1.0;
    if (dot(p, p) > 1.0) discard;
    gl_FragColor = vec4(mix(vTint, uFlash, 0.6 * vGlow), 1.0);
    #include <colorspace_fragment>
  }`;

interface NearMesh {
  mesh: InstancedMesh;
  shape: Shape;
  rows: number[];
}

/**
 * Every twin of the map: points from afar in one draw call, instanced shapes near the eye. Colours are a view on the
 * colour layer's bytes; only rows that changed are uploaded. Call frame() once per animation frame.
 */
export class TwinLayer {
  readonly group = new Group();
  readonly visible: Uint8Array;
  private readonly position: Float32Array;
  private readonly changed: Float32Array;
  private readonly slot: Int32Array;
  private readonly meshes = new Map<number, NearMesh>();
  private readonly geometry = new BufferGeometry();
  private readonly material: ShaderMaterial;
  private readonly grid: PlaceGrid;
  private readonly dirty = new DirtyRows();
  private readonly matrix = new Matrix4();
  private tint: BufferAttribute;
  private nearAt: [number, number, number] = [Infinity, 0, 0];
  private flashUntil = 0;
  /** 0 to 1: lowered when frames take too long. */
  nearShare = 1;

  constructor(
    readonly table: TwinTable,
    private colours: Uint8Array,
    private readonly movers: Set<number>,
    shows: (row: number) => boolean,
  ) {
    const n = table.count;
    this.position = new Float32Array(n * 3);
    this.changed = new Float32Array(n).fill(-100);
    this.visible = new Uint8Array(n);
    this.slot = new Int32Array(n).fill(-1);
    const size = new Float32Array(n);
    const near = new Float32Array(n);
    const shapes = table.models.map((m) => shapeOf(modelName(m.id)));
    for (let row = 0; row < n; row++) {
      const shape = shapes[table.model[row]!];
      this.position.set([table.x[row]!, table.y[row]!, table.z[row]! + 2], row * 3);
      if (!shape || !shows(row)) continue;
      this.visible[row] = 1;
      size[row] = shape.pointPixels;
      near[row] = shape.nearMetres;
    }
    this.tint = new BufferAttribute(colours.slice(), 3, true).setUsage(DynamicDrawUsage);
    this.geometry.setAttribute("position", new BufferAttribute(this.position, 3).setUsage(DynamicDrawUsage));
    this.geometry.setAttribute("tint", this.tint);
    this.geometry.setAttribute("size", new BufferAttribute(size, 1));
    this.geometry.setAttribute("near", new BufferAttribute(near, 1));
    this.geometry.setAttribute("changed", new BufferAttribute(this.changed, 1).setUsage(DynamicDrawUsage));
    this.material = new ShaderMaterial({
      vertexShader: VERTEX, fragmentShader: FRAGMENT, transparent: false,
      uniforms: { uNow: { value: 0 }, uPixels: { value: 1 }, uNearShare: { value: 1 }, uFlash: { value: [1, 1, 1] } },
    });
    const points = new Points(this.geometry, this.material);
    points.frustumCulled = false;
    this.group.add(points);
    const shown = [...Array(n).keys()].filter((r) => this.visible[r] && !movers.has(r));
    this.grid = new PlaceGrid(table.x, table.y, shown);
    shapes.forEach((shape, model) => {
      if (shape) this.addMesh(model, shape);
    });
  }

  /** Shows other colours: another property was chosen. */
  setColours(colours: Uint8Array): void {
    this.colours = colours;
    this.tint.array.set(colours);
    this.tint.clearUpdateRanges();
    this.tint.needsUpdate = true;
    this.nearAt = [Infinity, 0, 0];
  }

  setFlash(rgb: readonly [number, number, number]): void {
    this.material.uniforms["uFlash"]!.value = rgb;
  }

  /** A twin's colour changed; eye says whether it should draw the eye. Seconds of the animation clock. */
  touch(row: number, now: number, eye: boolean): void {
    this.dirty.add(row);
    if (!eye || !this.visible[row]) return;
    this.changed[row] = now;
    this.flashUntil = now + FLASH_S;
  }

  /** A mover's place for this frame. */
  place(row: number, x: number, y: number, heading: number): void {
    this.position[row * 3] = x;
    this.position[row * 3 + 1] = y;
    this.table.x[row] = x;
    this.table.y[row] = y;
    this.table.heading[row] = heading;
    this.moved = true;
  }

  private moved = false;

  isFlashing(now: number): boolean {
    return now < this.flashUntil;
  }

  get isDirty(): boolean {
    return this.dirty.count > 0;
  }

  /** Uploads what changed and chooses what is near. Answers how many shapes are drawn near. */
  frame(now: number, camera: PerspectiveCamera, pixelRatio: number): void {
    const u = this.material.uniforms;
    u["uNow"]!.value = now;
    u["uPixels"]!.value = pixelRatio;
    u["uNearShare"]!.value = this.nearShare;
    this.uploadColours();
    const { x, y, z } = camera.position;
    const far = Math.hypot(x - this.nearAt[0], y - this.nearAt[1], z - this.nearAt[2]);
    if (far > Math.max(4, z * 0.04)) {
      this.nearAt = [x, y, z];
      this.chooseNear(x, y, z);
    } else if (this.moved) this.placeMovers();
    if (this.moved) {
      this.geometry.getAttribute("position").needsUpdate = true;
      this.moved = false;
    }
  }

  dispose(): void {
    this.geometry.dispose();
    this.material.dispose();
    for (const { mesh } of this.meshes.values()) {
      mesh.geometry.dispose();
      (mesh.material as MeshBasicMaterial).dispose();
      mesh.dispose();
    }
  }

  private addMesh(model: number, shape: Shape): void {
    const material = new MeshBasicMaterial({ vertexColors: true });
    const count = this.table.model.reduce((c, m, row) => c + (m === model && this.visible[row] ? 1 : 0), 0);
    if (count === 0) return;
    const mesh = new InstancedMesh(shape.geometry, material, Math.min(MOST_NEAR, count));
    mesh.instanceColor = new InstancedBufferAttribute(new Float32Array(mesh.instanceMatrix.count * 3), 3).setUsage(DynamicDrawUsage);
    mesh.instanceMatrix.setUsage(DynamicDrawUsage);
    mesh.frustumCulled = false;
    mesh.count = 0;
    this.meshes.set(model, { mesh, shape, rows: [] });
    this.group.add(mesh);
  }

  private uploadColours(): void {
    if (this.dirty.count === 0) return;
    const changed = this.geometry.getAttribute("changed") as BufferAttribute;
    this.tint.clearUpdateRanges();
    changed.clearUpdateRanges();
    for (const [from, count] of this.dirty.ranges()) {
      for (let i = from * 3; i < (from + count) * 3; i++) this.tint.array[i] = this.colours[i]!;
      this.tint.addUpdateRange(from * 3, count * 3);
      changed.addUpdateRange(from, count);
    }
    this.tint.needsUpdate = changed.needsUpdate = true;
    for (const row of this.dirty.rows()) {
      const near = this.slot[row]! >= 0 ? this.meshes.get(this.table.model[row]!) : undefined;
      if (!near) continue;
      this.paint(near.mesh, this.slot[row]!, row);
      near.mesh.instanceColor!.needsUpdate = true;
    }
    this.dirty.clear();
  }

  private chooseNear(x: number, y: number, z: number): void {
    for (const near of this.meshes.values()) {
      for (const row of near.rows) this.slot[row] = -1;
      near.rows = [];
    }
    let reach = 0;
    for (const near of this.meshes.values()) reach = Math.max(reach, near.shape.nearMetres * this.nearShare);
    const take = (row: number): void => {
      const near = this.meshes.get(this.table.model[row]!);
      if (!near || near.rows.length >= near.mesh.instanceMatrix.count) return;
      const r = near.shape.nearMetres * this.nearShare + 20;
      const dx = this.table.x[row]! - x;
      const dy = this.table.y[row]! - y;
      if (dx * dx + dy * dy + z * z > r * r) return;
      this.slot[row] = near.rows.length;
      near.rows.push(row);
      this.write(near.mesh, near.rows.length - 1, row);
    };
    if (z < reach) this.grid.within(x, y, Math.sqrt(reach * reach - z * z) + 20, take);
    for (const row of this.movers) if (this.visible[row]) take(row);
    for (const near of this.meshes.values()) {
      near.mesh.count = near.rows.length;
      near.mesh.instanceMatrix.needsUpdate = true;
      near.mesh.instanceColor!.needsUpdate = true;
    }
  }

  private placeMovers(): void {
    for (const row of this.movers) {
      const slot = this.slot[row]!;
      const near = slot >= 0 ? this.meshes.get(this.table.model[row]!) : undefined;
      if (!near) continue;
      this.write(near.mesh, slot, row);
      near.mesh.instanceMatrix.needsUpdate = true;
    }
  }

  private write(mesh: InstancedMesh, slot: number, row: number): void {
    this.matrix.makeRotationZ((-this.table.heading[row]! * Math.PI) / 180);
    this.matrix.setPosition(this.table.x[row]!, this.table.y[row]!, this.table.z[row]!);
    mesh.setMatrixAt(slot, this.matrix);
    this.paint(mesh, slot, row);
  }

  /** Bytes are sRGB; the card multiplies in linear light. */
  private paint(mesh: InstancedMesh, slot: number, row: number): void {
    const to = mesh.instanceColor!.array as Float32Array;
    for (let c = 0; c < 3; c++) to[slot * 3 + c] = LINEAR[this.colours[row * 3 + c]!]!;
  }
}

const LINEAR = Float32Array.from({ length: 256 }, (_, i) => {
  const c = i / 255;
  return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
});
