import type { Json } from "../api/types";

/** Something wrong at a line of a text; line from 1, null when it is about all of it. */
export interface TextFault {
  line: number | null;
  text: string;
}

/** What to start from. */
export const STARTER = `{
  "@context": ["dtmi:dtdl:context;3", "dtmi:dtdl:extension:quantitativeTypes;1"],
  "@id": "dtmi:example:Pump;1",
  "@type": "Interface",
  "displayName": "Pump",
  "contents": [
    { "@type": "Property", "name": "name", "schema": "string" },
    { "@type": ["Property", "Temperature"], "name": "temperature", "schema": "double", "unit": "degreeCelsius" },
    { "@type": "Relationship", "name": "feeds", "target": "dtmi:example:Pump;1" }
  ]
}
`;

export type ReadText = { models: Json[]; faults: TextFault[] };

/** The models of a text: one interface or an array of them; or what is no JSON in it, and where. */
export function readModels(text: string): ReadText {
  let parsed: Json;
  try {
    parsed = JSON.parse(text) as Json;
  } catch (error) {
    return { models: [], faults: [syntaxFault(text, error instanceof Error ? error.message : String(error))] };
  }
  const list = Array.isArray(parsed) ? parsed : [parsed];
  if (list.length === 0) return { models: [], faults: [{ line: 1, text: "A DTDL interface was expected; the list is empty." }] };
  const starts = elementStarts(text);
  const faults = list.flatMap((m, i): TextFault[] =>
    m !== null && typeof m === "object" && !Array.isArray(m) && typeof m["@id"] === "string" ? [] : [{ line: lineAt(text, starts[i] ?? 0), text: "A DTDL interface was expected: an object with @id." }]);
  return { models: faults.length > 0 ? [] : list, faults };
}

/** The browser's own words name a place in one of several ways; the line is found from whichever is there. */
function syntaxFault(text: string, message: string): TextFault {
  const line = /line (\d+)/.exec(message)?.[1];
  const position = /position (\d+)/.exec(message)?.[1];
  const said = message.replace(/\s*\(line \d+ column \d+\)/, "").replace(/ in JSON at position \d+/, "");
  return { line: line ? Number(line) : position ? lineAt(text, Number(position)) : /end of/i.test(message) ? lineAt(text, text.length) : 1, text: `It is not JSON: ${said}` };
}

/** Puts what the silo said of a model's line at the line of the whole text. Its lines count from the interface's opening brace. */
export function placeFault(said: string, text: string): TextFault {
  const at = /^model (\S+), line (\d+): ([\s\S]*)$/.exec(said);
  if (!at) return { line: null, text: said };
  const [, id, line, rest] = at as unknown as [string, string, string, string];
  let parsed: Json;
  try {
    parsed = JSON.parse(text) as Json;
  } catch {
    return { line: null, text: said };
  }
  const list = Array.isArray(parsed) ? parsed : [parsed];
  const index = list.findIndex((m) => m !== null && typeof m === "object" && !Array.isArray(m) && m["@id"] === id);
  const start = elementStarts(text)[index];
  return start === undefined ? { line: null, text: said } : { line: lineAt(text, start) + Number(line) - 1, text: rest };
}

/** Offsets of the elements of a JSON array, or of the one value. The text is known to be JSON. */
export function elementStarts(text: string): number[] {
  const first = text.search(/\S/);
  if (first < 0 || text[first] !== "[") return first < 0 ? [] : [first];
  const starts: number[] = [];
  let depth = 0;
  let isNext = false;
  for (let i = first; i < text.length; i++) {
    const c = text[i]!;
    if (/\s/.test(c)) continue;
    if (isNext && c !== "]") {
      starts.push(i);
      isNext = false;
    }
    if (c === '"') i = endOfString(text, i);
    else if (c === "[" || c === "{") {
      depth++;
      if (depth === 1) isNext = true;
    } else if (c === "]" || c === "}") depth--;
    else if (c === "," && depth === 1) isNext = true;
  }
  return starts;
}

function endOfString(text: string, from: number): number {
  for (let i = from + 1; i < text.length; i++) {
    if (text[i] === "\\") i++;
    else if (text[i] === '"') return i;
  }
  return text.length;
}

export function lineAt(text: string, offset: number): number {
  let line = 1;
  for (let i = 0; i < Math.min(offset, text.length); i++) if (text[i] === "\n") line++;
  return line;
}

export interface JsonPiece {
  text: string;
  kind: "key" | "text" | "number" | "word" | null;
}

/** Cuts a text into pieces for colouring; half a text is coloured as far as it goes. */
export function jsonPieces(text: string): JsonPiece[] {
  const pieces: JsonPiece[] = [];
  for (const m of text.matchAll(/"(?:[^"\\\n]|\\.)*"?(?=(\s*:)?)|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|\b(?:true|false|null)\b|[^"\d\-tfn]+|[\s\S]/g)) {
    const t = m[0];
    const kind = t.startsWith('"') ? (m[1] !== undefined ? "key" : "text") : /^-?\d/.test(t) ? "number" : /^(true|false|null)$/.test(t) ? "word" : null;
    pieces.push({ text: t, kind });
  }
  return pieces;
}
