import type { Json, JsonObject } from "../api/types";

/** One value that is wished for, told, or both. Same: told as wished. Pending: wished, not told or told otherwise. Extra: told only. */
export interface Difference {
  path: string;
  desired: Json | undefined;
  reported: Json | undefined;
  kind: "same" | "pending" | "extra";
}

/** Compares desired with reported value by value; objects are opened, arrays are compared whole. Pending ones first, then by path. */
export function differencesOf(desired: Json | undefined, reported: Json | undefined): Difference[] {
  const wished = leaves(desired);
  const told = leaves(reported);
  const out: Difference[] = [];
  for (const path of new Set([...wished.keys(), ...told.keys()])) {
    const [d, r] = [wished.get(path), told.get(path)];
    out.push({ path, desired: d, reported: r, kind: d === undefined ? "extra" : r !== undefined && isSame(d, r) ? "same" : "pending" });
  }
  const rank = { pending: 0, same: 1, extra: 2 };
  return out.sort((a, b) => rank[a.kind] - rank[b.kind] || a.path.localeCompare(b.path, "en", { numeric: true }));
}

function leaves(value: Json | undefined, prefix = "", out = new Map<string, Json>()): Map<string, Json> {
  if (!isObject(value)) {
    if (prefix !== "" && value !== undefined) out.set(prefix, value);
    return out;
  }
  const entries = Object.entries(value);
  if (entries.length === 0 && prefix !== "") out.set(prefix, value);
  for (const [key, inner] of entries) leaves(inner, prefix === "" ? key : `${prefix}/${key}`, out);
  return out;
}

function isSame(a: Json, b: Json): boolean {
  if (isObject(a) && isObject(b)) {
    const keys = Object.keys(a);
    return keys.length === Object.keys(b).length && keys.every((k) => b[k] !== undefined && isSame(a[k]!, b[k]!));
  }
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((v, i) => isSame(v, b[i]!));
  return a === b;
}

function isObject(value: Json | undefined): value is JsonObject {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}
