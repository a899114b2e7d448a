import type { Value } from "../api/types";
import { words } from "../format";
import type { PropertyEntry } from "./modelBook";

export type Parsed = { ok: true; value: Value } | { ok: false; why: string };

/** Text of a field to the value the model asks for. The silo checks again; this says early what is plainly wrong. */
export function parseInput(text: string, entry: PropertyEntry): Parsed {
  const t = text.trim();
  switch (entry.schema) {
    case "double":
    case "float":
      return number(t, /^[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?$/, `${words(entry.name)} is a number such as 12.5; '${t}' is none.`);
    case "integer":
    case "long":
      return number(t, /^[-+]?\d+$/, `${words(entry.name)} is a whole number; '${t}' is none.`);
    case "boolean":
      return t === "true" || t === "false" ? { ok: true, value: t === "true" } : { ok: false, why: `${words(entry.name)} is true or false; '${t}' is neither.` };
    case "Object":
    case "Array":
    case "Map":
      try {
        return { ok: true, value: JSON.parse(t) as Value };
      } catch (error) {
        return { ok: false, why: `${words(entry.name)} is JSON: ${(error as Error).message}` };
      }
    default:
      if (entry.enumValues && !entry.enumValues.includes(t)) return { ok: false, why: `${words(entry.name)} is one of ${entry.enumValues.join(", ")}; '${t}' is none of them.` };
      return { ok: true, value: text };
  }
}

function number(text: string, shape: RegExp, why: string): Parsed {
  const comma = text.replace(",", ".");
  if (!shape.test(comma)) return { ok: false, why };
  const value = Number(comma);
  return Number.isFinite(value) ? { ok: true, value } : { ok: false, why };
}

export function inputText(value: Value | undefined): string {
  if (value === undefined || value === null) return "";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
