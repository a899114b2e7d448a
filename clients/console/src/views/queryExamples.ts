import type { RangedProperty, Scene } from "../api/types";
import { words } from "../format";
import type { ModelBook } from "../live/modelBook";

export interface Example {
  title: string;
  query: string;
}

/** Queries a newcomer can run at once, made from the models that have twins; the models with most twins first. */
export function examplesOf(book: ModelBook, counts: ReadonlyMap<string, number>, scene: Scene | null): Example[] {
  const models = book.all.filter((m) => (counts.get(m.id) ?? 0) > 0).sort((a, b) => (counts.get(b.id) ?? 0) - (counts.get(a.id) ?? 0));
  const examples: Example[] = [];
  for (const model of models) {
    if (examples.length >= 4) break;
    const range = scene?.models.find((m) => m.id === model.id)?.properties.find((p): p is RangedProperty => !PLACES.has(p.path) && !p.path.includes("/") && p.min !== null && p.max !== null && p.max > p.min);
    if (!range) continue;
    const limit = roundLimit(range.min + (range.max - range.min) * 0.75);
    examples.push({
      title: `${plural(model.displayName)} by ${words(range.path)}`,
      query: `SELECT * FROM DIGITALTWINS T WHERE IS_OF_MODEL(T, '${model.id}') AND T.${range.path} > ${limit} ORDER BY T.${range.path} DESC`,
    });
  }
  const alarmed = models.find((m) => m.properties.some((p) => p.name === "alarm"));
  if (alarmed) examples.push({ title: "Whatever has an alarm", query: "SELECT * FROM DIGITALTWINS T WHERE T.alarm != 'none'" });
  const linked = models.findLast((m) => m.relationships.some((r) => r.target !== null));
  const link = linked?.relationships.find((r) => r.target !== null);
  if (linked && link) examples.push({
    title: `${linked.displayName} and what it ${words(link.name)}`,
    query: `SELECT A.$dtId AS source, B FROM DIGITALTWINS A JOIN B RELATED A.${link.name} WHERE IS_OF_MODEL(A, '${linked.id}')`,
  });
  const stated = models.flatMap((m) => m.properties.filter((p) => p.enumValues && p.name !== "alarm").map((p) => ({ m, p })))[0];
  if (stated) examples.push({
    title: `${plural(stated.m.displayName)} by ${words(stated.p.name)}, counted`,
    query: `SELECT T.${stated.p.name}, COUNT() AS twins FROM DIGITALTWINS T WHERE IS_OF_MODEL(T, '${stated.m.id}') GROUP BY T.${stated.p.name} ORDER BY twins DESC`,
  });
  examples.push({ title: "How many twins there are", query: "SELECT COUNT() FROM DIGITALTWINS" });
  return examples;
}

const PLACES = new Set(["x", "y", "z", "heading", "width", "length", "height"]);

function plural(name: string): string {
  return /[^aeiou]y$/.test(name) ? `${name.slice(0, -1)}ies` : /(s|x|ch|sh)$/.test(name) ? `${name}es` : `${name}s`;
}

/** Two significant digits: a limit one would write by hand. */
function roundLimit(value: number): string {
  return Number(value.toPrecision(2)).toString();
}
