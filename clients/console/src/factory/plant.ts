import type { Json, JsonObject } from "../api/types";
import { modelName } from "../format";

/** A twin of the factory with its present values; changes are written into it. Metres from the middle of the floor. */
export interface Machine {
  id: string;
  name: string;
  /** Short name of its model: Station, Buffer, Conveyor, Robot, GuidedVehicle. */
  kind: string;
  values: Map<string, Json>;
  /** When each value was committed, milliseconds since 1970. */
  times: Map<string, number>;
}

export interface Link {
  source: string;
  name: string;
  target: string;
}

/** A line: its stations, conveyors and buffers in the order parts flow, and what serves it. */
export interface Line {
  line: Machine;
  flow: Machine[];
  robots: Machine[];
  vehicles: Machine[];
}

export function machineOf(twin: JsonObject): Machine | null {
  const id = twin["$dtId"];
  const metadata = twin["$metadata"];
  if (typeof id !== "string" || !isObject(metadata)) return null;
  const machine: Machine = { id, name: typeof twin["name"] === "string" ? twin["name"] : id, kind: modelName(String(metadata["$model"] ?? "")), values: new Map(), times: new Map() };
  for (const [path, value] of Object.entries(twin)) {
    if (path.startsWith("$")) continue;
    machine.values.set(path, value);
    const about = metadata[path];
    if (isObject(about) && typeof about["lastUpdateTime"] === "string") machine.times.set(path, Date.parse(about["lastUpdateTime"]));
  }
  return machine;
}

/** Takes a change unless what is known is newer: the reading of the state and the stream may cross. True when it was taken. */
export function applyChange(machine: Machine, path: string, value: Json | undefined, committed: string): boolean {
  const at = Date.parse(committed);
  const known = machine.times.get(path);
  if (known !== undefined && at < known) return false;
  if (value === undefined || value === null) machine.values.delete(path);
  else machine.values.set(path, value);
  machine.times.set(path, at);
  return true;
}

export function numberOf(machine: Machine, path: string): number | null {
  const value = machine.values.get(path);
  return typeof value === "number" ? value : null;
}

export function textOf(machine: Machine, path: string): string | null {
  const value = machine.values.get(path);
  return typeof value === "string" ? value : null;
}

/** The lines of the factory, by name. Who belongs to a line is said by `contains`, the order by `feeds`; others by `serves` and `suppliesLine`. */
export function linesOf(machines: ReadonlyMap<string, Machine>, links: readonly Link[]): Line[] {
  const lines = [...machines.values()].filter((m) => m.kind === "ProductionLine").sort(byName);
  return lines.map((line) => {
    const members = new Set(links.filter((l) => l.name === "contains" && l.source === line.id).map((l) => l.target));
    const flowing = [...members].map((id) => machines.get(id)).filter((m) => m !== undefined && FLOW.has(m.kind)) as Machine[];
    const from = (name: string, isTarget: (id: string) => boolean): Machine[] =>
      links.filter((l) => l.name === name && isTarget(l.target)).map((l) => machines.get(l.source)).filter((m) => m !== undefined).sort(byName);
    return { line, flow: inOrder(flowing, links), robots: from("serves", (id) => members.has(id)), vehicles: from("suppliesLine", (id) => id === line.id) };
  });
}

const FLOW: ReadonlySet<string> = new Set(["Station", "Buffer", "Conveyor"]);

/** Along `feeds` (Kahn's order); what stands in a loop or apart comes after, from west to east, so that nothing is lost. */
export function inOrder(machines: readonly Machine[], links: readonly Link[]): Machine[] {
  const left = new Map(machines.map((m) => [m.id, m]));
  const feeds = links.filter((l) => l.name === "feeds" && left.has(l.source) && left.has(l.target));
  const before = new Map(machines.map((m) => [m.id, 0]));
  for (const l of feeds) before.set(l.target, before.get(l.target)! + 1);
  const ordered: Machine[] = [];
  const ready = machines.filter((m) => before.get(m.id) === 0 && feeds.some((l) => l.source === m.id)).sort(byPlace);
  while (ready.length > 0) {
    const next = ready.shift()!;
    if (!left.delete(next.id)) continue;
    ordered.push(next);
    for (const l of feeds) {
      if (l.source !== next.id) continue;
      before.set(l.target, before.get(l.target)! - 1);
      if (before.get(l.target) === 0 && left.has(l.target)) ready.unshift(left.get(l.target)!);
    }
  }
  return [...ordered, ...[...left.values()].sort(byPlace)];
}

function byName(a: Machine, b: Machine): number {
  return a.name.localeCompare(b.name, "en", { numeric: true });
}

function byPlace(a: Machine, b: Machine): number {
  return (numberOf(a, "x") ?? 0) - (numberOf(b, "x") ?? 0);
}

function isObject(value: Json | undefined): value is JsonObject {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}
