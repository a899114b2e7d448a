import type { TwinApi } from "../api/client";
import type { Json } from "../api/types";
import { numberText } from "../format";
import { asApiError } from "../live/world";

/** A file as it was chosen. */
export interface ModelFile {
  name: string;
  text: string;
}

export interface UploadFault {
  /** The file or the element; empty when it is about all of it. */
  where: string;
  text: string;
}

export type Gathered = { models: Json[]; faults: UploadFault[] };

/** The models of the files: each file holds one interface or an array of them. All go up together, since they may name each other. */
export function gather(files: readonly ModelFile[]): Gathered {
  const models: Json[] = [];
  const faults: UploadFault[] = [];
  for (const file of files) {
    let parsed: Json;
    try {
      parsed = JSON.parse(file.text.replace(/^\uFEFF/, "")) as Json;
    } catch (error) {
      faults.push({ where: file.name, text: `It is not JSON: ${error instanceof Error ? error.message : String(error)}` });
      continue;
    }
    const list = Array.isArray(parsed) ? parsed : [parsed];
    if (list.length === 0) faults.push({ where: file.name, text: "It holds no model." });
    list.forEach((m, i) => {
      if (m !== null && typeof m === "object" && !Array.isArray(m) && typeof m["@id"] === "string") models.push(m);
      else faults.push({ where: list.length === 1 ? file.name : `${file.name}, element ${i + 1}`, text: "A DTDL interface was expected: an object with @id." });
    });
  }
  return { models, faults };
}

/** Sends the models, all or none; answers what is wrong, or nothing. Given their text that is what is sent, lines and all. */
export async function upload(api: Pick<TwinApi, "send">, models: readonly Json[], text?: string): Promise<UploadFault[]> {
  try {
    const body = text === undefined ? JSON.stringify(models) : text.trimStart().startsWith("[") ? text : `[${text}]`;
    await api.send("POST", "/models", body, { "Content-Type": "application/json" });
    return [];
  } catch (error) {
    const e = asApiError(error);
    const parts = e.detail.replace(/^\d+ error\(s\):\s*/, "").split(/(?<=\])[;,]?\s+/).filter((p) => p !== "");
    return parts.map((text, i) => ({ where: i === 0 ? e.where ?? "" : "", text }));
  }
}

export function uploadedText(count: number): string {
  return `${numberText(count)} ${count === 1 ? "model is" : "models are"} in.`;
}
