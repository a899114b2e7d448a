import type { TwinApi } from "../api/client";
import type { IncomingRelationship, Json, JsonObject, Page, Relationship } from "../api/types";
import type { GraphLink, TwinLinks } from "./neighbourhood";

/** Relationships read of one twin in one direction; a hub with more is cut, and the picture says so. */
export const MOST_LINKS = 500;
/** Twins asked for in one query. */
const TWINS_AT_ONCE = 100;

/** The relationships of a twin in both directions. */
export async function readLinks(api: Pick<TwinApi, "send">, id: string, signal: AbortSignal): Promise<TwinLinks> {
  const base = `/digitaltwins/${encodeURIComponent(id)}`;
  const [out, incoming] = await Promise.all([
    pages<Relationship>(api, `${base}/relationships`, signal),
    pages<IncomingRelationship>(api, `${base}/incomingrelationships`, signal),
  ]);
  const links: GraphLink[] = [
    ...out.rows.flatMap((r) => (r.$targetId ? [link(r.$relationshipId, r.$relationshipName, r.$sourceId ?? id, r.$targetId)] : [])),
    ...incoming.rows.map((r) => link(r.$relationshipId, r.$relationshipName, r.$sourceId, id)),
  ];
  return { links, isCut: out.isCut || incoming.isCut };
}

function link(id: string, name: string, source: string, target: string): GraphLink {
  return { key: `${source} ${id}`, name, source, target };
}

async function pages<T>(api: Pick<TwinApi, "send">, path: string, signal: AbortSignal): Promise<{ rows: T[]; isCut: boolean }> {
  const rows: T[] = [];
  let next: string | null | undefined = path;
  while (next && rows.length < MOST_LINKS) {
    const page = (await (await api.send("GET", next.replace(/^https?:\/\/[^/]+/, ""), undefined, {}, signal)).json()) as Page<T>;
    rows.push(...page.value);
    next = page.nextLink;
  }
  return { rows, isCut: !!next };
}

/** The twins of those ids, as the silo has them now. Ids travel as parameters, never inside the query. */
export async function readTwins(api: Pick<TwinApi, "query">, ids: readonly string[], signal: AbortSignal): Promise<JsonObject[]> {
  const twins: JsonObject[] = [];
  for (let from = 0; from < ids.length; from += TWINS_AT_ONCE) {
    const some = ids.slice(from, from + TWINS_AT_ONCE);
    const parameters: Record<string, Json> = Object.fromEntries(some.map((id, i) => [`p${i}`, id]));
    const query = `SELECT * FROM DIGITALTWINS T WHERE T.$dtId IN [${some.map((_, i) => `$p${i}`).join(", ")}]`;
    twins.push(...(await api.query(query, null, TWINS_AT_ONCE, parameters, signal)).value);
  }
  return twins;
}

/** Runs over all with at most so many under way; the results keep their order. */
export async function inTurn<T, R>(all: readonly T[], atOnce: number, work: (item: T) => Promise<R>): Promise<R[]> {
  const results = new Array<R>(all.length);
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < all.length) {
      const i = next++;
      results[i] = await work(all[i]!);
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, all.length) }, worker));
  return results;
}
