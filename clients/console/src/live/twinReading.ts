import type { Change, JsonObject, Value } from "../api/types";
import { meaningOf } from "../colour/scales";
import type { ModelBook, PropertyEntry } from "./modelBook";

export type ValueState = "good" | "warning" | "alarm" | "stale" | "unknown" | "simulated" | "plain";

/** One property of a twin as the inspector shows it; path has a slash below a component. */
export interface PropertyReading {
  path: string;
  name: string;
  component: string | null;
  /** undefined while the twin has no value. */
  value: Value | undefined;
  /** Milliseconds since 1970 when the silo took it; null when unknown. */
  at: number | null;
  entry: PropertyEntry | null;
}

export interface TwinReading {
  id: string;
  model: string;
  properties: Map<string, PropertyReading>;
}

/** Reads the answer of GET /digitaltwins/{id}: the model's properties in its order (also those without a value), then what the model does not know. */
export function readTwin(twin: JsonObject, book: ModelBook): TwinReading {
  const metadata = objectOf(twin["$metadata"]);
  const model = String(metadata["$model"] ?? "");
  const entry = book.get(model);
  const properties = new Map<string, PropertyReading>();
  const components = new Set((entry?.components ?? []).map((c) => c.name));
  addAll(properties, twin, metadata, entry?.properties ?? [], null, components);
  for (const { name, model: of } of entry?.components ?? []) {
    const part = objectOf(twin[name]);
    const about = { ...objectOf(metadata[name]), ...objectOf(part["$metadata"]) };
    addAll(properties, part, about, book.get(of)?.properties ?? [], name, new Set());
  }
  return { id: String(twin["$dtId"] ?? ""), model, properties };
}

function addAll(into: Map<string, PropertyReading>, from: JsonObject, metadata: JsonObject, entries: PropertyEntry[], component: string | null, skip: Set<string>): void {
  const known = new Map(entries.map((e) => [e.name, e]));
  // The model's own properties before what it inherits: a lamp's power says more than where it stands.
  const own = entries.filter((e) => e.from === entries.at(-1)?.from).map((e) => e.name);
  const names = [...own, ...entries.filter((e) => !own.includes(e.name)).map((e) => e.name), ...Object.keys(from).filter((k) => !k.startsWith("$") && !known.has(k) && !skip.has(k))];
  for (const name of names) {
    const path = component ? `${component}/${name}` : name;
    const time = objectOf(metadata[name])["lastUpdateTime"];
    into.set(path, { path, name, component, value: from[name], at: typeof time === "string" ? Date.parse(time) : null, entry: known.get(name) ?? null });
  }
}

/** Takes a change of this twin; answers the reading that is new, null when it is of no property. */
export function applyChange(twin: TwinReading, change: Change): PropertyReading | null {
  if (change.path === undefined || (change.kind !== "propertyChanged" && change.kind !== "propertyRemoved")) return null;
  const old = twin.properties.get(change.path);
  const parts = change.path.split("/");
  const reading: PropertyReading = {
    path: change.path, name: parts.at(-1)!, component: old?.component ?? (parts.length > 1 ? parts[0]! : null), entry: old?.entry ?? null,
    value: change.kind === "propertyRemoved" ? undefined : (change.value ?? null), at: Date.parse(change.committed || change.t),
  };
  twin.properties.set(change.path, reading);
  return reading;
}

/** What a value says of itself: states by the meaning of their name; everything else is plain. The rest is context. */
export function stateOf(reading: PropertyReading, isStale: boolean): ValueState {
  if (reading.value === undefined || reading.value === null) return "unknown";
  if (isStale) return "stale";
  if (reading.entry?.enumValues === null || reading.entry === null || typeof reading.value !== "string") return "plain";
  const meaning = meaningOf(reading.value);
  return meaning === "good" || meaning === "warning" || meaning === "alarm" ? meaning : "plain";
}

/** Silent for so many of its own intervals, and at least so long, and a property that used to speak counts as stale. */
const SILENT_INTERVALS = 6;
const SILENT_MS = 60_000;

/** How often each property of one twin speaks. A property that changed fewer than three times under our eyes is never called stale: it may just be at rest. */
export class Cadence {
  private readonly seen = new Map<string, { first: number; last: number; count: number }>();

  heard(path: string, at: number): void {
    const s = this.seen.get(path);
    if (!s) this.seen.set(path, { first: at, last: at, count: 1 });
    else {
      s.last = Math.max(s.last, at);
      s.count++;
    }
  }

  isSilent(path: string, now: number): boolean {
    const s = this.seen.get(path);
    if (!s || s.count < 3) return false;
    return now - s.last > Math.max(SILENT_MS, SILENT_INTERVALS * ((s.last - s.first) / (s.count - 1)));
  }
}

/** Twins of the generated city and factory are moved by the silo's own scenario, not by devices. */
export function isSimulated(model: string, scenario: string | null | undefined): boolean {
  return !!scenario && scenario !== "none" && /^dtmi:twin:(city|factory):/.test(model);
}

export function isNumeric(reading: PropertyReading): boolean {
  return typeof reading.value === "number" || (reading.value === undefined && /^(double|float|integer|long)$/.test(reading.entry?.schema ?? ""));
}

function objectOf(value: Value | undefined): JsonObject {
  return value && typeof value === "object" && !Array.isArray(value) ? value : {};
}
