import { modelName, unitText, words } from "../format";
import type { ModelBook, ModelEntry } from "../live/modelBook";
import { isKeyword, tokensOf, type Token } from "./queryTokens";

export type OptionKind = "keyword" | "property" | "relationship" | "model" | "alias" | "value" | "twin" | "function";

export interface CompletionOption {
  insert: string;
  shown: string;
  kind: OptionKind;
  /** Unit, schema or model, beside the name. */
  detail: string;
}

/** What may stand at the cursor: the characters from..to are replaced by the option's text. */
export interface Completion {
  from: number;
  to: number;
  options: CompletionOption[];
}

/** Most options offered at once. */
export const MOST_OPTIONS = 60;

/** Twins by the start of their id, for texts after $dtId. */
export type IdsLike = (start: string, most: number) => string[];

/** Where an alias stands and what is known of its twins: model ids from IS_OF_MODEL or from the relationship that was joined. */
interface Source {
  alias: string | null;
  models: string[];
  isRelationship: boolean;
}

/**
 * Completes a query at the cursor (offset from 0). Reads what stands before it to know which clause it is in, and the
 * whole text to know the models behind the aliases, so that SELECT T.| already knows what WHERE says of T.
 */
export function complete(text: string, cursor: number, book: ModelBook, idsLike: IdsLike = () => []): Completion {
  const all = tokensOf(text);
  const under = all.find((t) => t.from < cursor && cursor <= t.to && (t.kind === "word" || t.kind === "system" || t.kind === "text" || t.kind === "open"));
  const before = all.filter((t) => t.to <= cursor && t !== under);
  const sources = sourcesOf(all, book);
  if (under && (under.kind === "text" || under.kind === "open")) return insideText(text, cursor, under, before, all, sources, book, idsLike);
  const from = under?.from ?? cursor;
  const to = under?.to ?? cursor;
  const typed = text.slice(from, cursor);
  const options = before.at(-1)?.text === "." ? afterDot(before, sources, book) : inClause(before, sources, book);
  return { from, to, options: ranked(options, typed) };
}

function insideText(text: string, cursor: number, token: Token, before: Token[], all: Token[], sources: Source[], book: ModelBook, idsLike: IdsLike): Completion {
  const from = token.from + 1;
  const to = token.kind === "text" ? token.to - 1 : token.to;
  const typed = text.slice(from, Math.max(from, cursor));
  const options: CompletionOption[] = [];
  const call = openCall(before);
  const close = token.kind === "open" ? "'" : "";
  if (call === "IS_OF_MODEL") options.push(...book.all.map((m): CompletionOption => ({ insert: m.id + close, shown: m.id, kind: "model", detail: m.displayName })));
  else {
    const name = comparedName(before);
    if (name === "$dtId" || name === "$sourceId" || name === "$targetId")
      options.push(...idsLike(typed, MOST_OPTIONS).map((id): CompletionOption => ({ insert: id + close, shown: id, kind: "twin", detail: "twin" })));
    else if (name === "$relationshipName") options.push(...relationshipNames(book.all).map((o) => ({ ...o, insert: o.insert + close })));
    else if (name) {
      for (const value of enumValues(name, modelsBehind(sources, all, before), book)) options.push({ insert: value + close, shown: value, kind: "value", detail: words(name) });
    }
  }
  return { from, to, options: ranked(options, typed) };
}

/** The function whose brackets are open at the end, in capitals. */
function openCall(before: Token[]): string | null {
  let depth = 0;
  for (let i = before.length - 1; i > 0; i--) {
    const t = before[i]!;
    if (t.text === ")") depth++;
    else if (t.text === "(" && depth-- === 0) return before[i - 1]!.kind === "word" ? before[i - 1]!.text.toUpperCase() : null;
  }
  return null;
}

/** The property on the left of a comparison or an IN list that is open at the end. */
function comparedName(before: Token[]): string | null {
  let i = before.length - 1;
  while (i >= 0 && (before[i]!.kind === "text" || before[i]!.text === ",")) i--;
  const sign = before[i]?.text.toUpperCase();
  if (sign === "[") i--;
  if (sign === "[" && before[i]?.text.toUpperCase() === "IN") i--;
  else if (sign !== undefined && ["=", "!=", "<>", "<", ">", "<=", ">=", "("].includes(sign)) i--;
  else if (sign === "[") return null;
  if (before[i]?.text.toUpperCase() === "NOT") i--;
  const name = before[i];
  return name && (name.kind === "word" || name.kind === "system") ? name.text.replace(/^\[\[|\]\]$/g, "") : null;
}

function modelsBehind(sources: Source[], all: Token[], before: Token[]): string[] {
  const dot = before.findLastIndex((t) => t.text === ".");
  const alias = dot > 0 ? before[dot - 1]!.text : null;
  return (sources.find((s) => s.alias === alias) ?? sources.find((s) => !s.isRelationship))?.models ?? modelTexts(all);
}

function afterDot(before: Token[], sources: Source[], book: ModelBook): CompletionOption[] {
  const owner = before.at(-2);
  const source = sources.find((s) => s.alias === owner?.text);
  if (owner?.kind === "number" || owner?.text === ".") return []; // A range of hops: *1..3
  const isRelated = before.at(-3)?.text.toUpperCase() === "RELATED";
  if (isRelated) return relationshipNames(modelsOf(source?.models ?? [], book));
  if (source) return source.isRelationship ? LINK_NAMES : properties(source.models, book);
  return componentProperties(owner?.text ?? "", book);
}

function inClause(before: Token[], sources: Source[], book: ModelBook): CompletionOption[] {
  const last = before.at(-1);
  if (!last) return keywords("SELECT", "EXPLAIN");
  const clause = before.findLast((t) => t.kind === "word" && CLAUSES.has(t.text.toUpperCase()));
  const word = clause?.text.toUpperCase() ?? "";
  const lastWord = last.kind === "word" ? last.text.toUpperCase() : last.text;
  const aliases = sources.filter((s) => s.alias).map((s): CompletionOption => ({ insert: s.alias!, shown: s.alias!, kind: "alias", detail: s.models.map(modelName).join(", ") || (s.isRelationship ? "relationship" : "twin") }));
  const names = sources.length > 1 ? aliases : [...aliases, ...properties(sources[0]?.models ?? [], book)];
  if (lastWord === "JOIN") return [];
  switch (word) {
    case "EXPLAIN": return last === clause ? keywords("SELECT", "ANALYZE") : keywords("SELECT");
    case "ANALYZE": return keywords("SELECT");
    case "SELECT":
      if (last === clause) return [...keywords("*", "COUNT()", "TOP("), ...names, ...AGGREGATES];
      if (lastWord === "," ) return [...names, ...AGGREGATES];
      if (lastWord === "(" && before.at(-2)?.text.toUpperCase() !== "TOP") return names;
      if (lastWord === ")" && before.at(-2)?.text !== "(" && before.some((t) => t.text.toUpperCase() === "TOP")) return [...keywords("*"), ...names];
      return keywords("FROM", "AS");
    case "FROM":
      return last === clause ? keywords("DIGITALTWINS", "RELATIONSHIPS") : keywords("JOIN", "MATCH", "WHERE", "GROUP BY", "ORDER BY");
    case "JOIN": return keywords("RELATED");
    case "MATCH": return inPattern(before, clause!, sources, book);
    case "RELATED": return last === clause ? aliases : keywords("JOIN", "WHERE", "GROUP BY", "ORDER BY");
    case "GROUP": case "ORDER": return keywords("BY");
    case "BY":
      if (last === clause || lastWord === ",") return names;
      return before[before.indexOf(clause!) - 1]?.text.toUpperCase() === "GROUP" ? keywords("ORDER BY") : keywords("ASC", "DESC");
    case "WHERE": case "AND": case "OR": case "NOT": return inCondition(before, last, lastWord, names);
    default: return keywords("SELECT");
  }
}

/** Inside a pattern: relationships after a colon or a bar in square brackets, clauses after the last node. */
function inPattern(before: Token[], clause: Token, sources: Source[], book: ModelBook): CompletionOption[] {
  const pattern = before.slice(before.indexOf(clause) + 1);
  const last = pattern.at(-1)?.text;
  const inBrackets = pattern.findLastIndex((t) => t.text === "[") > pattern.findLastIndex((t) => t.text === "]");
  if (inBrackets && (last === ":" || last === "|")) return relationshipNames(modelsOf(sources.flatMap((s) => s.models), book));
  if (last === ")") return keywords("-[:", "<-[:", "WHERE", "ORDER BY").map((o) => ({ ...o, insert: o.insert.replace(/: $/, ":") }));
  if (last === "]") return keywords("->(", "-(").map((o) => ({ ...o, insert: o.insert.trimEnd() }));
  return pattern.length === 0 ? keywords("(") : [];
}

function inCondition(before: Token[], last: Token, lastWord: string, names: CompletionOption[]): CompletionOption[] {
  const begins = ["WHERE", "AND", "OR", "NOT", "("].includes(lastWord);
  if (openCall(before) && lastWord === "(") return names;
  if (begins) return [...names, ...FUNCTIONS, ...keywords("NOT", "TRUE", "FALSE")];
  if (["=", "!=", "<>", "<", "<=", ">", ">="].includes(last.text)) return [...keywords("TRUE", "FALSE", "NULL"), ...names];
  if (last.text === ",") return openCall(before) === "IS_OF_MODEL" ? keywords("exact") : [];
  if (lastWord === "IN") return keywords("[");
  const isValue = last.kind === "text" || last.kind === "number" || last.text === ")" || last.text === "]" || ["TRUE", "FALSE", "NULL"].includes(lastWord);
  return isValue ? keywords("AND", "OR", "GROUP BY", "ORDER BY") : keywords("=", "!=", "<", "<=", ">", ">=", "IN [", "NOT IN [", "AND", "OR", "GROUP BY", "ORDER BY");
}

/** The aliases of FROM and JOIN with what the text says of their models. */
function sourcesOf(all: Token[], book: ModelBook): Source[] {
  const sources: Source[] = [];
  const upper = all.map((t) => (t.kind === "word" ? t.text.toUpperCase() : t.text));
  all.forEach((t, i) => {
    if (upper[i] === "FROM" && (upper[i + 1] === "DIGITALTWINS" || upper[i + 1] === "RELATIONSHIPS")) {
      const at = upper[i + 2] === "AS" ? i + 3 : i + 2;
      const alias = all[at];
      const isAlias = alias?.kind === "word" && !isKeyword(alias.text);
      sources.push({ alias: isAlias ? alias.text : null, models: [], isRelationship: upper[i + 1] === "RELATIONSHIPS" });
    } else if (upper[i] === "JOIN" && all[i + 1]?.kind === "word" && upper[i + 2] === "RELATED") {
      const from = sources.find((s) => s.alias === all[i + 3]?.text);
      const relation = all[i + 5]?.text ?? "";
      const targets = modelsOf(from?.models ?? modelTexts(all), book).flatMap((m) => m.relationships.filter((r) => r.name === relation && r.target).map((r) => r.target!));
      sources.push({ alias: all[i + 1]!.text, models: [...new Set(targets)], isRelationship: false });
      const link = all[i + 6];
      if (link?.kind === "word" && !isKeyword(link.text)) sources.push({ alias: link.text, models: [], isRelationship: true });
    } else if (upper[i] === "MATCH" && t.kind === "word") sources.push(...patternSources(all, i + 1, sources));
    else if (upper[i] === "IS_OF_MODEL" && t.kind === "word") {
      const hasAlias = all[i + 2]?.kind === "word";
      const model = all[hasAlias ? i + 4 : i + 2];
      const source = hasAlias ? sources.find((s) => s.alias === all[i + 2]!.text) : sources[0];
      if (source && model?.kind === "text") source.models = [model.text.slice(1, -1)];
    }
  });
  return sources;
}

/** The aliases of a pattern: (twin) and [relationship:name]. */
function patternSources(all: Token[], from: number, known: readonly Source[]): Source[] {
  const found = new Map<string, Source>();
  for (let i = from; i < all.length && !(all[i]!.kind === "word" && CLAUSES.has(all[i]!.text.toUpperCase())); i++) {
    const name = all[i + 1];
    const opens = all[i]!.text;
    if ((opens !== "(" && opens !== "[") || name?.kind !== "word" || known.some((k) => k.alias === name.text)) continue;
    found.set(name.text, { alias: name.text, models: [], isRelationship: opens === "[" });
  }
  return [...found.values()];
}

function modelTexts(all: Token[]): string[] {
  return all.filter((t) => t.kind === "text" && t.text.startsWith("'dtmi:")).map((t) => t.text.slice(1, -1));
}

/** The models named, or all when none is. */
function modelsOf(ids: string[], book: ModelBook): ModelEntry[] {
  const named = ids.map((id) => book.get(id)).filter((m) => m !== undefined);
  return named.length > 0 ? named : book.all;
}

function properties(models: string[], book: ModelBook): CompletionOption[] {
  const options = new Map<string, CompletionOption>();
  for (const model of modelsOf(models, book)) {
    for (const p of model.properties) if (!options.has(p.name)) options.set(p.name, { insert: p.name, shown: p.name, kind: "property", detail: unitText(p.unit) || (p.enumValues ? "enum" : p.schema) });
    for (const c of model.components) if (!options.has(c.name)) options.set(c.name, { insert: c.name, shown: c.name, kind: "property", detail: modelName(c.schema) });
  }
  return [...[...options.values()].sort((a, b) => a.shown.localeCompare(b.shown)), ...TWIN_NAMES];
}

function componentProperties(name: string, book: ModelBook): CompletionOption[] {
  const schemas = new Set(book.all.flatMap((m) => m.components.filter((c) => c.name === name).map((c) => c.schema)));
  return book.all.filter((m) => schemas.has(m.id) || schemas.has(modelName(m.id))).flatMap((m) => properties([m.id], book).filter((o) => !o.shown.startsWith("$")));
}

function relationshipNames(models: ModelEntry[]): CompletionOption[] {
  const options = new Map<string, CompletionOption>();
  for (const m of models) for (const r of m.relationships) if (!options.has(r.name)) options.set(r.name, { insert: r.name, shown: r.name, kind: "relationship", detail: r.target ? `to ${modelName(r.target)}` : "to any twin" });
  return [...options.values()];
}

function enumValues(name: string, models: string[], book: ModelBook): string[] {
  return [...new Set(modelsOf(models, book).flatMap((m) => m.properties.find((p) => p.name === name)?.enumValues ?? []))];
}

/** Those that match what is typed: beginnings first, then anywhere; the order within stays. */
function ranked(options: CompletionOption[], typed: string): CompletionOption[] {
  const t = typed.toLowerCase();
  if (t === "") return options.slice(0, MOST_OPTIONS);
  const starts: CompletionOption[] = [];
  const holds: CompletionOption[] = [];
  for (const o of options) {
    const shown = o.shown.toLowerCase();
    const short = o.kind === "model" ? modelName(o.shown).toLowerCase() : shown;
    if (shown.startsWith(t) || short.startsWith(t)) starts.push(o);
    else if (shown.includes(t) || (o.kind === "model" && o.detail.toLowerCase().includes(t))) holds.push(o);
  }
  return [...starts, ...holds].slice(0, MOST_OPTIONS);
}

const CLAUSES: ReadonlySet<string> = new Set(["EXPLAIN", "ANALYZE", "SELECT", "FROM", "JOIN", "RELATED", "MATCH", "WHERE", "AND", "OR", "NOT", "GROUP", "ORDER", "BY"]);

function keywords(...list: string[]): CompletionOption[] {
  return list.map((k) => ({ insert: k === "*" || k.endsWith(")") || k.endsWith("(") || k.endsWith("[") ? k : `${k} `, shown: k, kind: "keyword", detail: "" }));
}

const FUNCTIONS: CompletionOption[] = (
  [["IS_OF_MODEL", "alias, 'model'"], ["STARTSWITH", "text, 'start'"], ["ENDSWITH", "text, 'end'"], ["CONTAINS", "text, 'part'"], ["IS_DEFINED", "property"], ["IS_NULL", "property"],
    ["IS_NUMBER", "property"], ["IS_STRING", "property"], ["IS_BOOL", "property"], ["IS_PRIMITIVE", "property"], ["IS_OBJECT", "property"], ["ARRAY_CONTAINS", "array, value"],
    ["GEO_WITHIN", "place, POLYGON((lon lat, …))"], ["GEO_DISTANCE", "place, POINT(lon lat) in metres"]] as const
).map(([name, detail]) => ({ insert: `${name}(`, shown: name, kind: "function", detail }));

const AGGREGATES: CompletionOption[] = (["COUNT", "SUM", "AVG", "MIN", "MAX"] as const).map((name) => ({ insert: `${name}(`, shown: name, kind: "function", detail: name === "COUNT" ? "property, or nothing" : "property" }));

const TWIN_NAMES: CompletionOption[] = ["$dtId", "$etag", "$metadata"].map((n) => ({ insert: n, shown: n, kind: "property", detail: n === "$dtId" ? "the twin's id" : "" }));
const LINK_NAMES: CompletionOption[] = ["$relationshipId", "$relationshipName", "$sourceId", "$targetId", "$etag"].map((n) => ({ insert: n, shown: n, kind: "property", detail: "" }));
