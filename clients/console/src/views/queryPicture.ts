import type { JsonObject } from "../api/types";
import { categoriesOf, histogramOf, OTHER, type Category, type Histogram } from "../chart/bins";
import type { Bar } from "../chart/barChart";
import { CATEGORIES, DARK_START, meaningOf, scaleCss } from "../colour/scales";
import { numberText, unitText, words } from "../format";
import { stateColour } from "../live/colourLayer";
import type { Theme } from "../style/tokens";
import { at, type Column } from "../table/columns";

/** What chart and map show of one column: bars and, for each row, the bar it belongs to and its colour. */
export type Picture =
  | { kind: "histogram"; column: Column; histogram: Histogram; bars: Bar[]; barOf(row: number): number; unit: string }
  | { kind: "categories"; column: Column; categories: Category[]; names: string[]; bars: Bar[]; barOf(row: number): number }
  /** One bar a row, as long as its value: rows that name groups. */
  | { kind: "groups"; column: Column; by: Column; categories: Category[]; names: string[]; bars: Bar[]; barOf(row: number): number };

/** Most different values a column of text may have to be drawn as bars. */
const MOST_VALUES = 40;

/** The columns one can draw: numbers that vary, states, yes and no. Places and ids are not worth a chart. */
export function chartable(columns: readonly Column[], rows: readonly JsonObject[]): Column[] {
  return columns.filter((c) => {
    const name = c.path.at(-1)!;
    if (PLACES.has(name) || name === "$dtId" || name === "$relationshipId" || name === "$sourceId" || name === "$targetId") return false;
    if (c.kind === "number") return true;
    if (c.kind === "boolean") return true;
    if (c.kind !== "text") return false;
    const different = new Set<unknown>();
    let count = 0;
    for (const row of rows) {
      const v = at(row, c.path);
      if (typeof v !== "string") continue;
      count++;
      different.add(v);
      if (different.size > MOST_VALUES) return false;
    }
    return different.size > 0 && (different.size < count || different.size <= 6);
  });
}

/** The column shown when nobody chose: the one the query orders or compares by, else the first number, else the first state. */
export function bestColumn(columns: readonly Column[], query: string): Column | null {
  const asked = /ORDER\s+BY\s+(?:\w+\.)?(\w+)/i.exec(query)?.[1] ?? /WHERE[\s\S]*?(?:\w+\.)?(\w+)\s*(?:[<>]=?)/i.exec(query)?.[1];
  return columns.find((c) => c.path.at(-1) === asked) ?? columns.find((c) => c.kind === "number") ?? columns.find((c) => c.path.at(-1) !== "$model") ?? columns[0] ?? null;
}

export function pictureOf(column: Column, rows: readonly JsonObject[], theme: Theme, isDark: boolean, columns: readonly Column[] = []): Picture | null {
  const by = column.kind === "number" ? groupColumn(columns, rows) : null;
  if (by) return groups(column, by, rows, theme);
  return column.kind === "number" ? numbers(column, rows, isDark) : states(column, rows, theme);
}

/** Most groups drawn as bars; the table has them all. */
export const MOST_GROUPS = 24;

/** The column that names the rows of a grouped answer: text, different in every row, and no twin's id. Null when rows are twins. */
export function groupColumn(columns: readonly Column[], rows: readonly JsonObject[]): Column | null {
  if (rows.length === 0 || rows.length > 500 || columns.some((c) => ["$dtId", "$relationshipId"].includes(c.path.at(-1)!))) return null;
  for (const c of columns) {
    if (c.kind !== "text" && c.kind !== "boolean") continue;
    const values = rows.map((r) => at(r, c.path) ?? null); // A group of twins without the property leaves it out.
    if (values.every((v) => typeof v === "string" || typeof v === "boolean" || v === null) && new Set(values).size === rows.length) return c;
  }
  return null;
}

function groups(column: Column, by: Column, rows: readonly JsonObject[], theme: Theme): Picture | null {
  const some = rows.slice(0, MOST_GROUPS);
  const unit = unitText(column.unit);
  const names = some.map((r) => {
    const v = at(r, by.path);
    return v === null || v === undefined ? "none" : typeof v === "boolean" ? (v ? "yes" : "no") : /^dtmi:/.test(String(v)) ? words(/([^:;]+);/.exec(String(v))?.[1] ?? String(v)) : String(v);
  });
  const values = some.map((r) => {
    const v = at(r, column.path);
    return typeof v === "number" && Number.isFinite(v) ? v : 0;
  });
  const categories = names.map((value, i) => ({ value, count: Number(values[i]!.toPrecision(6)) }));
  const bars = categories.map((c): Bar => ({ count: c.count, colour: theme.active, text: `${c.value}: ${numberText(c.count)}${unit ? ` ${unit}` : ""}` }));
  return { kind: "groups", column, by, categories, names, bars, barOf: (row) => (row < bars.length ? row : -1) };
}

function numbers(column: Column, rows: readonly JsonObject[], isDark: boolean): Picture | null {
  const histogram = histogramOf(rows.map((r) => at(r, column.path) as number | null | undefined));
  if (!histogram) return null;
  const unit = unitText(column.unit);
  const bars = histogram.counts.map((count, i): Bar => {
    const from = histogram.from + i * histogram.width;
    return {
      count, colour: scaleCss(histogram.counts.length === 1 ? 0.5 : i / (histogram.counts.length - 1), isDark ? DARK_START : 0),
      text: `${numberText(round(from))} to ${numberText(round(from + histogram.width))}${unit ? ` ${unit}` : ""}: ${rowsText(count)}`,
    };
  });
  return { kind: "histogram", column, histogram, bars, unit, barOf: (row) => histogram.binOf[row] ?? -1 };
}

function states(column: Column, rows: readonly JsonObject[], theme: Theme): Picture | null {
  const values = rows.map((r) => {
    const v = at(r, column.path);
    return v === undefined || v === null ? null : typeof v === "boolean" ? (v ? "yes" : "no") : String(v);
  });
  const categories = categoriesOf(values);
  if (categories.length === 0) return null;
  const names = categories.map((c) => (column.path.at(-1) === "$model" ? words(/([^:;]+);/.exec(c.value)?.[1] ?? c.value) : c.value));
  const hasMeaning = categories.some((c) => meaningOf(c.value) !== "other");
  const bars = categories.map((c, i): Bar => ({
    count: c.count, text: `${names[i]}: ${rowsText(c.count)}`,
    colour: c.value === OTHER ? theme.unknown : hasMeaning ? stateColour(theme, c.value, i) : CATEGORIES[i % CATEGORIES.length]!,
  }));
  const index = new Map(categories.map((c, i) => [c.value, i]));
  const rest = index.get(OTHER) ?? -1;
  return { kind: "categories", column, categories, names, bars, barOf: (row) => (values[row] === null || values[row] === undefined ? -1 : index.get(values[row]) ?? rest) };
}

/** A line about the values: their ends and middle, with unit; or how many there are. */
export function summaryOf(picture: Picture): string {
  if (picture.kind === "groups") return `by ${picture.by.title}${picture.bars.length === MOST_GROUPS ? `, the first ${MOST_GROUPS}` : ""}`;
  if (picture.kind === "categories") return `${numberText(picture.categories.length)} ${picture.categories.length === 1 ? "value" : "values"}`;
  const { histogram: g, unit } = picture;
  const n = (v: number): string => numberText(Number(v.toPrecision(4)));
  return `${n(g.min)} to ${n(g.max)}, median ${n(g.median)}${unit ? ` ${unit}` : ""}`;
}

function rowsText(count: number): string {
  return `${numberText(count)} ${count === 1 ? "row" : "rows"}`;
}

function round(value: number): number {
  return Number(value.toPrecision(6));
}

const PLACES = new Set(["x", "y", "z", "heading"]);
