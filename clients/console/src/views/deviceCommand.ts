import { ApiError, type TwinApi } from "../api/client";
import type { Json, JsonObject } from "../api/types";
import { asApiError } from "../live/world";

/** What became of a command. */
export interface CommandOutcome {
  tone: "good" | "warning" | "alarm";
  text: string;
  /** The device's answer; undefined when there is none. */
  payload: Json | undefined;
}

/** Sends a command and waits at most timeoutS seconds for the device's reply. */
export async function sendCommand(api: Pick<TwinApi, "send">, id: string, name: string, request: string, timeoutS: number, key: string, signal: AbortSignal, now: () => number): Promise<CommandOutcome> {
  const began = now();
  const took = (): string => `${((now() - began) / 1000).toFixed(2)} s`;
  try {
    const response = await api.send("POST", `/devices/${encodeURIComponent(id)}/commands/${encodeURIComponent(name)}?timeout=${timeoutS}`, request, { "Content-Type": "application/json", "Idempotency-Key": key }, signal);
    const answer = JSON.parse((await response.text()) || "null") as Json;
    const body: JsonObject = answer !== null && typeof answer === "object" && !Array.isArray(answer) ? answer : {};
    const code = typeof body["code"] === "number" ? body["code"] : null;
    const isRefused = code !== null && code >= 400;
    return { tone: isRefused ? "warning" : "good", text: `${isRefused ? "The device refused" : "The device replied"} after ${took()}${code === null ? "" : `, code ${code}`}`, payload: "payload" in body ? body["payload"] : answer };
  } catch (error) {
    return { ...refused(asApiError(error), timeoutS, took()), payload: undefined };
  }
}

function refused(error: ApiError, timeoutS: number, took: string): { tone: "warning" | "alarm"; text: string } {
  if (error.code === "Cancelled") return { tone: "warning", text: `No longer waiting after ${took}; the device may still have acted` };
  if (error.status === 504) return { tone: "warning", text: `No reply within ${timeoutS} s; the device may still act` };
  if (error.code === "DeviceNotConnected" || error.status === 409) return { tone: "alarm", text: `Not sent: ${error.detail || "the device is not connected"}` };
  return { tone: "alarm", text: error.detail };
}

/** Checks a request's text before it is sent; null when it is JSON or empty. */
export function requestFault(text: string): string | null {
  if (text.trim() === "") return null;
  try {
    JSON.parse(text);
    return null;
  } catch (error) {
    return `The request is not JSON: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** A request to begin with, from the command's schema. */
export function sampleRequest(schema: string | null): string {
  switch (schema) {
    case null: return "";
    case "boolean": return "true";
    case "integer": case "long": case "double": case "float": case "byte": case "short": return "0";
    case "string": return '""';
    case "Array": return "[]";
    default: return "{}";
  }
}
