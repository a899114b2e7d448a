import type { Scene } from "../api/types";

/** Every twin that has a place, as columns. Row numbers are stable while the scene is; metres, degrees clockwise from north. */
export class TwinTable {
  readonly ids: readonly string[];
  readonly models: readonly { id: string; displayName: string }[];
  readonly model: Uint16Array;
  readonly x: Float32Array;
  readonly y: Float32Array;
  readonly z: Float32Array;
  readonly heading: Float32Array;
  private readonly rows = new Map<string, number>();

  constructor(scene: Scene) {
    const t = scene.twins;
    this.ids = t.id;
    this.models = scene.models;
    this.model = Uint16Array.from(t.model);
    this.x = Float32Array.from(t.x);
    this.y = Float32Array.from(t.y);
    this.z = Float32Array.from(t.z);
    this.heading = Float32Array.from(t.heading);
    for (let i = 0; i < t.id.length; i++) this.rows.set(t.id[i]!, i);
  }

  get count(): number {
    return this.ids.length;
  }

  /** The row of a twin; -1 when it has no place on the map. */
  rowOf(id: string): number {
    return this.rows.get(id) ?? -1;
  }

  modelOf(row: number): string {
    return this.models[this.model[row]!]?.id ?? "";
  }
}
