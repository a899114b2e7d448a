/** The shapes of the silo's answers, as silos/Twin.Gateway/API.md states them. Times are ISO 8601 text, lengths metres. */

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };
/** A property's present value, as the console draws it: objects and arrays are kept for the inspector only. */
export type Value = Json;

export interface ModelListItem {
  id: string;
  displayName?: string | Record<string, string>;
  uploadTime?: string;
  decommissioned?: boolean;
  model?: JsonObject;
}

export interface Page<T> {
  value: T[];
  nextLink?: string | null;
}

export interface Relationship {
  $relationshipId: string;
  $sourceId: string;
  $targetId?: string;
  $relationshipName: string;
}

export interface IncomingRelationship {
  $relationshipId: string;
  $sourceId: string;
  $relationshipName: string;
}

export interface QueryAnswer {
  value: JsonObject[];
  continuationToken?: string | null;
}

export interface SceneRange {
  path: string;
  unit?: string | null;
  /** Absent for what has no range, as text and states. */
  min: number | null;
  max: number | null;
}

/** A property that has a range. */
export type RangedProperty = SceneRange & { min: number; max: number };

export interface Scene {
  origin: { lon: number; lat: number };
  models: { id: string; displayName: string; properties: SceneRange[] }[];
  twins: { id: string[]; model: number[]; x: number[]; y: number[]; z: number[]; heading: number[] };
  buildings: { id: string; footprint: [number, number][]; height: number }[];
  roads: { id: string; line: [number, number][]; width: number }[];
  /** Flat polygons under everything else. A silo without them leaves the key out. */
  areas?: { id: string; kind: string; outline: [number, number][] }[];
}

export interface Snapshot {
  id: string[];
  v: Value[];
  t: string[];
}

export interface Alarm {
  id: string;
  model: string;
  path: string;
  value: Value;
  since: string;
  severity: string;
  text: string;
}

export type ChangeKind =
  | "twinCreated"
  | "twinDeleted"
  | "propertyChanged"
  | "propertyRemoved"
  | "relationshipChanged"
  | "relationshipDeleted"
  | "telemetry";

export interface Change {
  cursor?: string;
  seq: number;
  kind: ChangeKind;
  id: string;
  model: string;
  path?: string;
  value?: Value;
  t: string;
  committed: string;
}

export type StreamMessage = { cursor: string; changes: Change[] } | { reset: true; cursor: string };

export interface HistoryBucket {
  t: string;
  count: number;
  min: number;
  max: number;
  mean: number;
  last: number;
}

export interface SystemStatus {
  version: string;
  cluster: string;
  silos: { name: string; status: string }[];
  shards: { shard: number; twins: number; relationships: number; sequence: number; journalBytes: number; silo: string }[];
  twins: number;
  relationships: number;
  twinsByModel: Record<string, number>;
  ingest: { messagesPerS: number; valuesPerS: number; fates: Record<string, number> };
  feed: { subscribers: number; changesPerS: number };
  /** Null where the silo keeps none. */
  history: { points: number; lagMs: number } | null;
  memoryBytes: number;
  startedAt: string;
  scenario?: string | null;
}

/** A device; fields a silo does not know are left out. */
export interface Device {
  id: string;
  twinId?: string;
  connected?: boolean;
  state?: string;
  lastSeen?: string | null;
  reported?: Json;
  desired?: Json;
  [key: string]: Json | undefined;
}
