import type { Scene, Snapshot, Value } from "../api/types";
import { CATEGORIES, clamp01, meaningOf, parseHex, writeScale, type Rgb } from "../colour/scales";
import type { Theme } from "../style/tokens";
import type { ModelBook } from "./modelBook";
import type { TwinTable } from "./twinTable";

/** What the map is coloured by: one property of one model. */
export interface ColourChoice {
  model: string;
  path: string;
  title: string;
  unit: string | null;
  kind: "number" | "boolean" | "enum";
  min: number;
  max: number;
  /** For enums and booleans, in the model's order. */
  values: string[];
}

/** Every property that can colour the map, models with many twins first. */
export function colourChoices(scene: Scene, book: ModelBook): ColourChoice[] {
  const counts = new Map<number, number>();
  for (const m of scene.twins.model) counts.set(m, (counts.get(m) ?? 0) + 1);
  const choices: { choice: ColourChoice; count: number }[] = [];
  scene.models.forEach((model, i) => {
    const count = counts.get(i) ?? 0;
    if (count === 0) return;
    const base = { model: model.id, min: 0, max: 1, unit: null, values: [] };
    for (const r of model.properties)
      if (typeof r.min === "number" && typeof r.max === "number" && !PLACES.has(r.path)) choices.push({ count, choice: { ...base, path: r.path, title: model.displayName, unit: r.unit ?? null, kind: "number", min: r.min, max: r.max } });
    for (const p of book.get(model.id)?.properties ?? []) {
      if (p.enumValues) choices.push({ count, choice: { ...base, path: p.name, title: model.displayName, kind: "enum", values: p.enumValues } });
      else if (p.schema === "boolean") choices.push({ count, choice: { ...base, path: p.name, title: model.displayName, kind: "boolean", values: ["true", "false"] } });
    }
  });
  return choices.sort((a, b) => b.count - a.count).map((c) => c.choice);
}

const PLACES = new Set(["x", "y", "z", "heading", "width", "length", "height"]);

/** The colour of each state, by what its name means, else by its place in the list. */
export function stateColour(theme: Theme, value: string, index: number): string {
  switch (meaningOf(value)) {
    case "good": return theme.good;
    case "warning": return theme.warning;
    case "alarm": return theme.alarm;
    case "active": return theme.active;
    case "idle": return theme.unknown;
    default: return CATEGORIES[index % CATEGORIES.length]!;
  }
}

/**
 * The present value of the chosen property for every twin, and the colours that follow, as bytes ready for the graphics
 * card. Hot: set is called once per change and allocates nothing for numbers.
 */
export class ColourLayer {
  readonly colours: Uint8Array;
  /** Share of the range, or index of the state; NaN while unknown. */
  private readonly shares: Float32Array;
  private readonly values: (Value | undefined)[];
  private states: Rgb[] = [];
  private neutral: Rgb = [0.5, 0.5, 0.5];
  private scaleStart = 0;

  constructor(
    readonly choice: ColourChoice,
    private readonly table: TwinTable,
    theme: Theme,
    dark: boolean,
  ) {
    this.colours = new Uint8Array(table.count * 3);
    this.shares = new Float32Array(table.count).fill(NaN);
    this.values = new Array<Value | undefined>(table.count);
    this.setTheme(theme, dark);
  }

  setTheme(theme: Theme, dark: boolean): void {
    this.scaleStart = dark ? 0.18 : 0;
    this.neutral = parseHex(theme.unknown);
    this.states = this.choice.values.map((v, i) => parseHex(stateColour(theme, v, i)));
    for (let row = 0; row < this.table.count; row++) this.paint(row);
  }

  load(snapshot: Snapshot): void {
    for (let i = 0; i < snapshot.id.length; i++) {
      const row = this.table.rowOf(snapshot.id[i]!);
      if (row >= 0) this.set(row, snapshot.v[i]!);
    }
  }

  /** Takes a new value; answers how far the picture changed, 0 to 1: a new state counts as 1. */
  set(row: number, value: Value): number {
    this.values[row] = value;
    const before = this.shares[row]!;
    const after = this.shareOf(value);
    if (Object.is(before, after)) return 0;
    this.shares[row] = after;
    this.paint(row);
    if (Number.isNaN(before) || Number.isNaN(after)) return 0;
    return this.choice.kind === "number" ? Math.abs(after - before) : 1;
  }

  /** The last value heard; undefined while unknown. */
  valueOf(row: number): Value | undefined {
    return this.values[row];
  }

  private shareOf(value: Value): number {
    if (this.choice.kind === "number") return typeof value === "number" ? clamp01((value - this.choice.min) / (this.choice.max - this.choice.min || 1)) : NaN;
    const index = this.choice.values.indexOf(String(value));
    return index < 0 ? NaN : index;
  }

  private paint(row: number): void {
    const share = this.shares[row]!;
    const o = row * 3;
    if (!Number.isNaN(share) && this.choice.kind === "number") {
      writeScale(share, this.scaleStart, this.colours, o);
      return;
    }
    const rgb = Number.isNaN(share) ? this.neutral : (this.states[share] ?? this.neutral);
    for (let c = 0; c < 3; c++) this.colours[o + c] = Math.round(rgb[c]! * 255);
  }
}
