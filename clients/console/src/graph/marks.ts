import { CATEGORIES, meaningOf } from "../colour/scales";
import { numberText, unitText } from "../format";
import type { Json, JsonObject } from "../api/types";
import type { ModelBook } from "../live/modelBook";

export const SHAPES = ["circle", "square", "diamond", "triangle"] as const;
export type Shape = (typeof SHAPES)[number];

/** How twins of a model are drawn: eight hues, and another shape when these are used up. */
export interface Mark {
  colour: string;
  shape: Shape;
}

/** Gives each model a mark when it is first met; what was given stays. */
export class ModelMarks {
  private readonly given = new Map<string, Mark>();

  of(model: string): Mark {
    const known = this.given.get(model);
    if (known) return known;
    const i = this.given.size;
    const mark: Mark = { colour: CATEGORIES[i % CATEGORIES.length]!, shape: SHAPES[Math.floor(i / CATEGORIES.length) % SHAPES.length]! };
    this.given.set(model, mark);
    return mark;
  }
}

/** What is known of a twin in the picture. */
export interface TwinFace {
  model: string;
  name: string;
  /** The value shown under the name; empty when the model has none worth showing. */
  reading: string;
  alarm: "none" | "warning" | "alarm";
}

/** Properties that say most of a twin, best first. */
const TELLING = ["load", "power", "state", "occupied", "flow", "pm25", "temperature", "oilTemperature", "speed", "level", "capacity", "use", "kind"];
const SILENT = new Set(["name", "x", "y", "z", "heading", "width", "length", "height", "alarm"]);

/** The property of a model shown on its twins; null when none is worth it. */
export function tellingOf(model: string, book: ModelBook): string | null {
  const entry = book.get(model);
  if (!entry) return null;
  const names = entry.properties.map((p) => p.name);
  return TELLING.find((n) => names.includes(n)) ?? entry.properties.find((p) => !SILENT.has(p.name) && /^(double|float|integer|long|boolean|Enum)$/.test(p.schema))?.name ?? null;
}

export function readingText(model: string, property: string, value: Json | undefined, book: ModelBook): string {
  if (value === undefined || value === null || typeof value === "object") return "";
  const entry = book.property(model, property);
  if (typeof value === "boolean") return value ? property : `not ${property}`;
  if (typeof value === "string") return value;
  const unit = unitText(entry?.unit);
  return unit ? `${numberText(value)} ${unit}` : `${property} ${numberText(value)}`;
}

export function alarmOf(value: Json | undefined): TwinFace["alarm"] {
  if (typeof value !== "string" || value === "none" || value === "") return "none";
  return meaningOf(value) === "warning" ? "warning" : "alarm";
}

export function faceOf(twin: JsonObject, book: ModelBook): TwinFace & { id: string } {
  const metadata = twin["$metadata"];
  const about = metadata && typeof metadata === "object" && !Array.isArray(metadata) ? metadata : {};
  const model = typeof about["$model"] === "string" ? about["$model"] : "";
  const id = String(twin["$dtId"] ?? "");
  const telling = tellingOf(model, book);
  const name = twin["name"];
  return {
    id, model, name: typeof name === "string" && name !== "" ? name : id,
    reading: telling ? readingText(model, telling, twin[telling], book) : "", alarm: alarmOf(twin["alarm"]),
  };
}
