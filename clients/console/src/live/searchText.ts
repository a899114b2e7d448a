import { words } from "../format";

/** What the field's text asks for. */
export type Ask = { kind: "nothing" } | { kind: "query"; query: string } | { kind: "find"; text: string };

export function readAsk(text: string): Ask {
  const t = text.trim();
  if (t === "") return { kind: "nothing" };
  return /^select\b/i.test(t) ? { kind: "query", query: t } : { kind: "find", text: t };
}

export interface TwinQuery {
  query: string;
  parameters: Record<string, string>;
}

/** Twins whose id or name starts with the text. Names are tried as typed and with a capital first letter; the text travels as a parameter, never in the query. */
export function prefixQuery(text: string, most: number): TwinQuery {
  const capital = text.charAt(0).toUpperCase() + text.slice(1);
  return {
    query: `SELECT TOP(${most}) T.$dtId AS id, T.name AS name, T.$metadata.$model AS model FROM DIGITALTWINS T WHERE STARTSWITH(T.$dtId, $text) OR STARTSWITH(T.name, $text) OR STARTSWITH(T.name, $capital)`,
    parameters: { text, capital },
  };
}

export interface Action {
  title: string;
  detail: string;
  run: () => void;
}

/** Actions any of whose words starts with each word of the text. */
export function matching<T extends { title: string }>(actions: readonly T[], text: string): T[] {
  const wanted = text.toLowerCase().split(/\s+/).filter(Boolean);
  return actions.filter((a) => {
    const has = words(a.title).toLowerCase().split(/\s+/);
    return wanted.every((w) => has.some((x) => x.startsWith(w)));
  });
}

/** The next option in a list that wraps around; -1 means none yet. */
export function step(at: number, by: number, count: number): number {
  if (count === 0) return -1;
  return at < 0 ? (by > 0 ? 0 : count - 1) : (at + by + count) % count;
}
