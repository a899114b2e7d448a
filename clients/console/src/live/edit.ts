import { ApiError, type TwinApi } from "../api/client";
import type { JsonObject, Value } from "../api/types";

/** Tries before an edit gives up on a twin that changes all the time. */
const MOST_TRIES = 6;

export type EditResult =
  | { kind: "done" }
  /** Somebody else set this property since the edit began: what they set and when. */
  | { kind: "conflict"; theirs: Value | undefined; at: string | null }
  | { kind: "refused"; error: ApiError };

/**
 * Sets one property if nobody else did since the edit began. Every write names the twin's present version; a version that
 * moved on because of other properties (a live twin's readings) is no conflict and the write is tried again.
 */
export async function editProperty(api: Pick<TwinApi, "twin" | "setProperty">, id: string, path: string, before: Value | undefined, value: Value): Promise<EditResult> {
  try {
    for (let tries = 0; ; tries++) {
      const { twin, etag } = await api.twin(id);
      const now = valueAt(twin, path);
      if (!same(now, before)) return { kind: "conflict", theirs: now, at: timeAt(twin, path) };
      try {
        await api.setProperty(id, path, value, etag, now !== undefined);
        return { kind: "done" };
      } catch (error) {
        if (!(error instanceof ApiError) || error.status !== 412 || tries >= MOST_TRIES) throw error;
      }
    }
  } catch (error) {
    if (error instanceof ApiError) return { kind: "refused", error };
    throw error;
  }
}

export function valueAt(twin: JsonObject, path: string): Value | undefined {
  let at: Value | undefined = twin;
  for (const part of path.split("/")) at = at && typeof at === "object" && !Array.isArray(at) ? at[part] : undefined;
  return at;
}

function timeAt(twin: JsonObject, path: string): string | null {
  const parts = path.split("/");
  const inside = valueAt(twin, ["$metadata", ...parts, "lastUpdateTime"].join("/")) ?? valueAt(twin, [...parts.slice(0, -1), "$metadata", parts.at(-1), "lastUpdateTime"].join("/"));
  return typeof inside === "string" ? inside : null;
}

function same(a: Value | undefined, b: Value | undefined): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}
