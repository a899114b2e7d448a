import type { Json, JsonObject } from "../api/types";
import { isTime, modelName, numberText, timeText, unitText, words } from "../format";

export type ColumnKind = "number" | "boolean" | "time" | "text" | "json";

/** A column of an answer: where its values are, what they are, and how they are written. */
export interface Column {
  /** Keys from the row to the value. */
  path: readonly string[];
  title: string;
  /** The DTDL unit; null when it has none or the rows do not agree on one. */
  unit: string | null;
  kind: ColumnKind;
  /** Digits after the point, the same for the whole column, so that points stand under each other. */
  decimals: number;
}

/** Asks for the unit of a property; the model is empty when the row does not tell it. */
export type UnitOf = (model: string, property: string, row: JsonObject) => string | null;

/** Rows looked at to find the columns of an answer; what only a later row has is not shown as a column. */
const LOOKED_AT = 400;
/** Most digits after the point. */
const MOST_DECIMALS = 4;

/**
 * The columns of an answer, in the order the rows name them: ids first, then the model, then the rest. A twin as a value
 * (SELECT T) is opened; when it is the only value its alias is left out of the titles.
 */
export function columnsOf(rows: readonly JsonObject[], unitOf: UnitOf = () => null): Column[] {
  const paths = new Map<string, readonly string[]>();
  const sample = rows.slice(0, LOOKED_AT);
  for (const row of sample) for (const path of pathsOf(row)) paths.set(path.join("\u0000"), path);
  const list = [...paths.values()].sort((a, b) => rankOf(a) - rankOf(b));
  const openedAliases = new Set(list.filter((p) => p.length > 1 && isTwin(sample, p[0]!)).map((p) => p[0]!));
  const onlyAlias = openedAliases.size === 1 && list.every((p) => openedAliases.has(p[0]!));
  return list.map((path) => {
    const values = sample.map((r) => at(r, path)).filter((v) => v !== undefined && v !== null);
    const kind = kindOf(values);
    const named = onlyAlias ? path.slice(1) : path;
    return {
      path, kind, title: titleOf(named), unit: kind === "number" ? agreedUnit(sample, path, unitOf) : null,
      decimals: kind === "number" ? decimalsFor(values as number[]) : 0,
    };
  });
}

export function at(row: JsonObject, path: readonly string[]): Json | undefined {
  let value: Json | undefined = row;
  for (const key of path) {
    if (value === null || typeof value !== "object" || Array.isArray(value)) return undefined;
    value = value[key];
  }
  return value;
}

/** How a value of a column is written on the screen, without its unit. */
export function cellText(column: Column, value: Json | undefined): string {
  if (value === undefined || value === null) return "–";
  if (typeof value === "number") return column.kind === "number" ? fixedText(value, column.decimals) : numberText(value);
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value === "string") {
    if (column.path.at(-1) === "$model") return modelName(value);
    return column.kind === "time" ? timeText(value) : value;
  }
  return JSON.stringify(value);
}

/** A number with a fixed count of digits after the point, thousands apart by a thin space. */
export function fixedText(value: number, decimals: number): string {
  if (!Number.isFinite(value)) return "–";
  const [whole = "", part] = Math.abs(value).toFixed(decimals).split(".");
  const grouped = whole.replace(/\B(?=(\d{3})+(?!\d))/g, "\u202f");
  const isZero = !/[1-9]/.test(whole + (part ?? ""));
  return (value < 0 && !isZero ? "−" : "") + grouped + (part ? `.${part}` : "");
}

/** The digits after the point that tell the values apart without filling the column: four significant ones of the largest, at most four. */
export function decimalsFor(values: readonly number[]): number {
  let most = 0;
  let largest = 0;
  for (const v of values) {
    if (!Number.isFinite(v)) continue;
    largest = Math.max(largest, Math.abs(v));
    const text = String(v);
    const point = text.indexOf(".");
    if (text.includes("e-")) most = MOST_DECIMALS;
    else if (point >= 0) most = Math.max(most, text.length - point - 1);
  }
  if (largest === 0) return 0;
  const useful = Math.max(0, 3 - Math.floor(Math.log10(largest)));
  return Math.min(most, useful, MOST_DECIMALS);
}

/** Compares two values of one kind: numbers by size, text by language, nothing last whatever the direction. */
export function compareValues(a: Json | undefined, b: Json | undefined, descending: boolean): number {
  const aNone = a === undefined || a === null;
  const bNone = b === undefined || b === null;
  if (aNone || bNone) return aNone && bNone ? 0 : aNone ? 1 : -1;
  const order = typeof a === "number" && typeof b === "number" ? a - b
    : typeof a === "boolean" && typeof b === "boolean" ? Number(a) - Number(b)
    : COLLATOR.compare(textOf(a), textOf(b));
  return descending ? -order : order;
}

const COLLATOR = new Intl.Collator("en", { numeric: true });

function textOf(value: Json): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** The title with its unit, as a head shows it. */
export function headText(column: Column): string {
  const unit = unitText(column.unit);
  return unit ? `${column.title}, ${unit}` : column.title;
}

function* pathsOf(row: JsonObject): Generator<readonly string[]> {
  for (const [key, value] of Object.entries(row)) {
    if (key === "$etag" || key === "$metadata") continue;
    if (isObject(value) && ("$dtId" in value || "$relationshipId" in value)) {
      for (const inner of twinPaths(value)) yield [key, ...inner];
    } else if (isObject(value) && "$metadata" in value) {
      for (const inner of Object.keys(value)) if (inner !== "$metadata") yield [key, inner];
    } else yield [key];
  }
  if ("$dtId" in row && isObject(row["$metadata"]) && typeof row["$metadata"]["$model"] === "string") yield ["$metadata", "$model"];
}

function* twinPaths(twin: JsonObject): Generator<readonly string[]> {
  yield* pathsOf(twin);
}

function isTwin(rows: readonly JsonObject[], key: string): boolean {
  return rows.some((r) => isObject(r[key]) && ("$dtId" in r[key] || "$relationshipId" in r[key]));
}

function rankOf(path: readonly string[]): number {
  const last = path.at(-1)!;
  if (last === "$dtId" || last === "$relationshipId") return 0;
  if (last === "$model") return 1;
  if (last.startsWith("$")) return 2;
  return last === "name" ? 3 : 4;
}

function titleOf(path: readonly string[]): string {
  const last = path.at(-1)!;
  const own = last === "$dtId" ? "id" : last === "$model" ? "model" : words(last.replace(/^\$/, ""));
  const before = path.slice(0, -1).filter((p) => p !== "$metadata");
  return before.length > 0 ? `${before.join(" ")} ${own}` : own;
}

function kindOf(values: readonly (Json | undefined)[]): ColumnKind {
  if (values.length === 0) return "text";
  if (values.every((v) => typeof v === "number")) return "number";
  if (values.every((v) => typeof v === "boolean")) return "boolean";
  if (values.every((v) => typeof v === "string")) return values.every((v) => isTime(v as string)) ? "time" : "text";
  return values.some((v) => typeof v === "object") ? "json" : "text";
}

function agreedUnit(rows: readonly JsonObject[], path: readonly string[], unitOf: UnitOf): string | null {
  const property = path.at(-1)!;
  const owner = path.slice(0, -1);
  let agreed: string | null = null;
  for (const row of rows) {
    if (at(row, path) === undefined) continue;
    const model = at(row, [...owner, "$metadata", "$model"]) ?? at(row, ["$metadata", "$model"]);
    const unit = unitOf(typeof model === "string" ? model : "", property, row);
    if (unit === null || (agreed !== null && agreed !== unit)) return null;
    agreed = unit;
  }
  return agreed;
}

function isObject(value: Json | undefined): value is JsonObject {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}
