import type { Json, JsonObject, ModelListItem } from "../api/types";
import { modelName } from "../format";

export interface PropertyEntry {
  name: string;
  schema: string;
  unit: string | null;
  writable: boolean;
  enumValues: string[] | null;
  /** What kind of quantity it is, as Temperature; null when the model does not say. */
  semantic: string | null;
  isIndexed: boolean;
  from: string;
}

export interface RelationshipEntry {
  name: string;
  target: string | null;
  /** How many of them a twin may have; null when the model does not say. */
  least: number | null;
  most: number | null;
  /** Names of the relationship's own properties. */
  properties: string[];
  from: string;
}

export interface CommandEntry {
  name: string;
  request: { name: string; schema: string } | null;
  response: { name: string; schema: string } | null;
  from: string;
}

export interface ModelEntry {
  id: string;
  displayName: string;
  description: string | null;
  decommissioned: boolean;
  bases: string[];
  properties: PropertyEntry[];
  telemetry: PropertyEntry[];
  relationships: RelationshipEntry[];
  commands: CommandEntry[];
  components: { name: string; schema: string; model: string; from: string }[];
}

/** The models with what they inherit, read from DTDL 2 or 3 as far as the console shows it. */
export class ModelBook {
  private readonly entries = new Map<string, ModelEntry>();
  readonly children = new Map<string, string[]>();

  constructor(items: ModelListItem[]) {
    const raw = new Map<string, ModelListItem>(items.map((i) => [i.id, i]));
    for (const item of items) this.resolve(item.id, raw, []);
    for (const entry of this.entries.values())
      for (const base of entry.bases) this.children.set(base, [...(this.children.get(base) ?? []), entry.id]);
  }

  get all(): ModelEntry[] {
    return [...this.entries.values()];
  }

  get(id: string): ModelEntry | undefined {
    return this.entries.get(id);
  }

  roots(): ModelEntry[] {
    return this.all.filter((m) => m.bases.every((b) => !this.entries.has(b)));
  }

  property(model: string, path: string): PropertyEntry | undefined {
    const entry = this.entries.get(model);
    return entry?.properties.find((p) => p.name === path) ?? entry?.telemetry.find((p) => p.name === path);
  }

  /** The models above one, the nearest first, each once. */
  above(id: string): ModelEntry[] {
    const out = new Map<string, ModelEntry>();
    const queue = [...(this.entries.get(id)?.bases ?? [])];
    for (const base of queue) {
      const entry = this.entries.get(base);
      if (!entry || out.has(base) || base === id) continue;
      out.set(base, entry);
      queue.push(...entry.bases);
    }
    return [...out.values()];
  }

  /** Relationships that lead to a model or one above it, with the models that name them themselves. */
  pointingAt(id: string): { model: ModelEntry; name: string }[] {
    const targets = new Set([id, ...this.above(id).map((m) => m.id)]);
    return this.all.flatMap((model) => model.relationships.filter((r) => r.from === model.id && r.target !== null && targets.has(r.target)).map((r) => ({ model, name: r.name })));
  }

  private resolve(id: string, raw: Map<string, ModelListItem>, path: string[]): ModelEntry | null {
    const done = this.entries.get(id);
    if (done) return done;
    const item = raw.get(id);
    if (!item || path.includes(id)) return null;
    const model = item.model ?? {};
    const bases = list(model["extends"]).map((b) => (typeof b === "string" ? b : String((b as JsonObject)["@id"] ?? "")));
    const entry: ModelEntry = {
      id, bases, displayName: localText(model["displayName"] ?? item.displayName) ?? modelName(id), description: localText(model["description"]), decommissioned: item.decommissioned ?? false,
      properties: [], telemetry: [], relationships: [], commands: [], components: [],
    };
    for (const base of bases) {
      const b = this.resolve(base, raw, [...path, id]);
      if (!b) continue;
      entry.properties.push(...b.properties);
      entry.telemetry.push(...b.telemetry);
      entry.relationships.push(...b.relationships);
      entry.commands.push(...b.commands);
      entry.components.push(...b.components);
    }
    for (const content of list(model["contents"])) addContent(entry, content as JsonObject);
    this.entries.set(id, entry);
    return entry;
  }
}

function addContent(entry: ModelEntry, content: JsonObject): void {
  const types = list(content["@type"]);
  const name = String(content["name"] ?? "");
  if (types.includes("Property") || types.includes("Telemetry")) {
    const schema = content["schema"] ?? "";
    const property: PropertyEntry = {
      name, schema: schemaName(schema), unit: typeof content["unit"] === "string" ? content["unit"] : null, writable: content["writable"] === true,
      enumValues: enumValues(schema), from: entry.id, isIndexed: types.includes("Indexed"),
      semantic: types.map(String).find((t) => !PLAIN_TYPES.has(t)) ?? null,
    };
    (types.includes("Property") ? entry.properties : entry.telemetry).push(property);
  } else if (types.includes("Relationship")) {
    const count = (key: string): number | null => (typeof content[key] === "number" ? content[key] : null);
    entry.relationships.push({
      name, target: typeof content["target"] === "string" ? content["target"] : null, least: count("minMultiplicity"), most: count("maxMultiplicity"),
      properties: list(content["properties"]).map((p) => String((p as JsonObject)["name"] ?? "")), from: entry.id,
    });
  } else if (types.includes("Command")) {
    entry.commands.push({ name, request: payload(content["request"]), response: payload(content["response"]), from: entry.id });
  } else if (types.includes("Component")) {
    const schema = content["schema"] ?? "";
    entry.components.push({ name, schema: schemaName(schema), model: typeof schema === "string" ? schema : String((schema as JsonObject)["@id"] ?? ""), from: entry.id });
  }
}

/** Types that say nothing of the quantity. */
const PLAIN_TYPES: ReadonlySet<string> = new Set(["Property", "Telemetry", "Indexed", "Initialized", "Historized", "Overriding", "Annotation", "ValueAnnotation", "Streaming", "Required"]);

function payload(value: Json | undefined): { name: string; schema: string } | null {
  return value && typeof value === "object" && !Array.isArray(value) ? { name: String(value["name"] ?? "value"), schema: schemaName(value["schema"] ?? "") } : null;
}

function schemaName(schema: Json): string {
  if (typeof schema === "string") return modelName(schema);
  if (schema && typeof schema === "object" && !Array.isArray(schema)) return String(list(schema["@type"])[0] ?? "Object");
  return "";
}

function enumValues(schema: Json): string[] | null {
  if (!schema || typeof schema !== "object" || Array.isArray(schema) || !Array.isArray(schema["enumValues"])) return null;
  return schema["enumValues"].map((v) => String((v as JsonObject)["enumValue"] ?? (v as JsonObject)["name"]));
}

/** A displayName may be text or text by language; English first. */
function localText(value: Json | Record<string, string> | undefined): string | null {
  if (typeof value === "string") return value;
  if (value && typeof value === "object" && !Array.isArray(value)) {
    const first = value["en"] ?? Object.values(value)[0];
    return typeof first === "string" ? first : null;
  }
  return null;
}

function list(value: Json | undefined): Json[] {
  if (value === undefined || value === null) return [];
  return Array.isArray(value) ? value : [value];
}
