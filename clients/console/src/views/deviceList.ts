import { ApiError, type TwinApi } from "../api/client";
import type { Json, JsonObject } from "../api/types";

/** A device as the list and its own page tell it; null where this silo does not. */
export interface DeviceRow {
  id: string;
  registered: boolean | null;
  connected: boolean | null;
  stale: boolean | null;
  disabled: boolean | null;
  lastSeen: string | null;
  connection: string | null;
  behindEdge: string | null;
  desiredVersion: number | null;
}

export interface DeviceDetail extends DeviceRow {
  desired: Json;
  reported: Json;
}

export const DEVICE_STATES = ["connected", "disconnected", "stale", "fresh", "disabled"] as const;

export function deviceOf(row: JsonObject): DeviceRow {
  const flag = (name: string): boolean | null => (typeof row[name] === "boolean" ? row[name] : null);
  const text = (name: string): string | null => (typeof row[name] === "string" ? row[name] : null);
  const edge = row["behindEdge"];
  return {
    id: text("deviceId") ?? text("id") ?? "", registered: flag("registered"), connected: flag("connected"), stale: flag("stale"), disabled: flag("disabled"), lastSeen: text("lastSeen"),
    connection: text("connection"), behindEdge: typeof edge === "string" ? edge : edge === true ? "yes" : null, desiredVersion: typeof row["desiredVersion"] === "number" ? row["desiredVersion"] : null,
  };
}

/** How a device stands, in one word, the worst first. */
export function standingOf(device: DeviceRow): { word: string; tone: string } {
  if (device.disabled) return { word: "disabled", tone: "warning" };
  if (device.stale && device.connected) return { word: "stale", tone: "stale" };
  if (device.connected) return { word: "connected", tone: "good" };
  if (device.connected === null) return { word: "not read", tone: "soft" };
  return device.registered === false ? { word: "not registered", tone: "soft" } : { word: "disconnected", tone: "stale" };
}

export interface DevicePage {
  rows: DeviceRow[];
  next: string | null;
  /** False when this silo has no list of devices. */
  isListed: boolean;
}

/** One page of devices; a page may be empty while there are more (see the API). */
export async function readDevices(api: Pick<TwinApi, "send">, prefix: string, state: string, token: string | null, top: number): Promise<DevicePage> {
  const query = new URLSearchParams({ top: String(top) });
  if (prefix) query.set("prefix", prefix);
  if (state) query.set("state", state);
  if (token) query.set("continuationToken", token);
  try {
    const answer = (await (await api.send("GET", `/devices?${query.toString()}`)).json()) as { value?: JsonObject[]; continuationToken?: string | null } | JsonObject[];
    if (Array.isArray(answer)) return { rows: answer.map(deviceOf), next: null, isListed: true };
    return { rows: (answer.value ?? []).map(deviceOf), next: answer.continuationToken ?? null, isListed: true };
  } catch (error) {
    if (error instanceof ApiError && (error.status === 404 || error.status === 405)) return { rows: [], next: null, isListed: false };
    throw error;
  }
}

export async function readDevice(api: Pick<TwinApi, "send">, id: string): Promise<DeviceDetail> {
  const row = (await (await api.send("GET", `/devices/${encodeURIComponent(id)}`)).json()) as JsonObject;
  return { ...deviceOf(row), id, desired: row["desired"] ?? {}, reported: row["reported"] ?? {} };
}
