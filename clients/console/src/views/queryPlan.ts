import type { Json, JsonObject } from "../api/types";
import { modelName, numberText, words } from "../format";

export interface PlanFact {
  name: string;
  text: string;
}

/** A step of a plan as it is drawn. */
export interface PlanNode {
  title: string;
  facts: PlanFact[];
  children: PlanNode[];
  /** Rows or twins this step is about, as the plan says; null when it says nothing. */
  size: number | null;
  /** It does nothing: a table that is passed over. */
  isIdle: boolean;
}

/** What a step is called by, and what tells its size, in order of preference. Plans grow new members: the rest is shown as facts. */
const NAMES = ["operator", "op", "model", "name", "source", "index", "kind"];
const SIZES = ["visited", "examined", "estimate", "twinsOfTarget", "rows", "twins"];
const ARROWS: Record<string, string> = { out: "→", in: "←", either: "↔" };
const MOST_DEEP = 12;

/** The row EXPLAIN answers, as a tree. Shards are laid over each other: their numbers are added, for a reader asks of the query, not of a shard. */
export function planOf(row: JsonObject): PlanNode {
  const { query: _, ...rest } = row;
  return nodeOf("Query", rest, 0);
}

function nodeOf(title: string, value: JsonObject, depth: number): PlanNode {
  const node: PlanNode = { title, facts: [], children: [], size: sizeOf(value), isIdle: value["access"] === "skipped" };
  for (const [key, item] of Object.entries(value)) {
    if (isObject(item) && depth < MOST_DEEP) node.children.push(nodeOf(capital(words(key)), item, depth + 1));
    else if (Array.isArray(item) && item.length > 0 && item.every(isObject) && depth < MOST_DEEP) node.children.push(...listOf(key, item, depth + 1));
    else if (!(key in { from: 0, to: 0, direction: 0 } && "from" in value && "to" in value)) node.facts.push({ name: words(key), text: factText(key, item) });
  }
  const idle = node.children.filter((c) => c.isIdle);
  if (idle.length > 3) node.children = [...node.children.filter((c) => !c.isIdle), { title: `${idle.length} passed over`, facts: [], children: idle, size: 0, isIdle: true }];
  return node;
}

function listOf(key: string, items: JsonObject[], depth: number): PlanNode[] {
  if (items.every((i) => typeof i["shard"] === "number")) {
    const merged = items.map(({ shard: _, ...rest }) => rest).reduce(laidOver);
    const node = nodeOf(items.length === 1 ? "One shard" : `${items.length} shards, added up`, merged, depth);
    return [node];
  }
  return items.map((item, i) => {
    const name = titleOf(item, key, i);
    const called = NAMES.find((n) => typeof item[n] === "string");
    const { [called ?? ""]: _, ...rest } = item;
    return nodeOf(name, rest, depth);
  });
}

function titleOf(item: JsonObject, key: string, i: number): string {
  if (typeof item["from"] === "string" && typeof item["to"] === "string") return `${item["from"]} ${ARROWS[String(item["direction"])] ?? "→"} ${item["to"]}`;
  const called = NAMES.find((n) => typeof item[n] === "string");
  return called ? modelName(String(item[called])) : `${capital(words(key.replace(/s$/, "")))} ${i + 1}`;
}

/** Two parts of one shape as one: numbers added, lists matched by name, texts kept while they agree. */
function laidOver(a: JsonObject, b: JsonObject): JsonObject {
  const out: JsonObject = { ...a };
  for (const [key, value] of Object.entries(b)) {
    const mine = out[key];
    if (mine === undefined) out[key] = value;
    else if (typeof mine === "number" && typeof value === "number") out[key] = mine + value;
    else if (isObject(mine) && isObject(value)) out[key] = laidOver(mine, value);
    else if (Array.isArray(mine) && Array.isArray(value) && [...mine, ...value].every(isObject)) out[key] = listsOver(mine as JsonObject[], value as JsonObject[]);
    else if (JSON.stringify(mine) !== JSON.stringify(value)) out[key] = agreedText(mine, value);
  }
  return out;
}

function listsOver(a: JsonObject[], b: JsonObject[]): JsonObject[] {
  const nameOf = (item: JsonObject, i: number): string => String(item[NAMES.find((n) => typeof item[n] === "string") ?? ""] ?? i);
  const out = new Map(a.map((item, i) => [nameOf(item, i), item]));
  b.forEach((item, i) => {
    const name = nameOf(item, i);
    const mine = out.get(name);
    out.set(name, mine ? laidOver(mine, item) : item);
  });
  return [...out.values()];
}

/** A table passed over on one shard because it is empty there is not passed over. */
function agreedText(a: Json, b: Json): Json {
  if (a === "skipped" || a === "false") return b;
  if (b === "skipped" || b === "false") return a;
  const all = new Set([...String(a).split(" | "), ...String(b).split(" | ")]);
  return [...all].slice(0, 4).join(" | ");
}

function sizeOf(value: JsonObject): number | null {
  const key = SIZES.find((s) => typeof value[s] === "number");
  return key ? (value[key] as number) : null;
}

function factText(key: string, value: Json | undefined): string {
  if (value === null || value === undefined) return "–";
  if (typeof value === "number") return numberText(value);
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value === "string") return key === "model" ? modelName(value) : value;
  return Array.isArray(value) && value.every((v) => typeof v !== "object") ? value.join(", ") || "none" : JSON.stringify(value);
}

/** The largest size in the tree below the root: what bars are measured against. */
export function largestOf(node: PlanNode): number {
  return Math.max(node.size ?? 0, ...node.children.map(largestOf));
}

/** True when the answer is a plan and no rows. */
export function isExplain(query: string): boolean {
  return /^\s*explain\b/i.test(query);
}

function isObject(value: Json | undefined): value is JsonObject {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
