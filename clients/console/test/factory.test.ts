import { describe, expect, it } from "vitest";
import { aislesOf, floorOf, middleOf, placeOf } from "../src/factory/floor";
import { oeeOf, stationState } from "../src/factory/oee";
import { applyChange, inOrder, linesOf, machineOf, type Link, type Machine } from "../src/factory/plant";
import type { JsonObject } from "../src/api/types";

const twin = (id: string, kind: string, values: JsonObject = {}): Machine =>
  machineOf({ $dtId: id, ...values, $metadata: { $model: `dtmi:f:${kind};1`, good: { lastUpdateTime: "2026-01-01T00:00:10Z" } } })!;
const feeds = (source: string, target: string): Link => ({ source, name: "feeds", target });

describe("a line", () => {
  const machines = [
    twin("b1", "Buffer", { x: 6, y: 0 }), twin("s2", "Station", { x: 11, y: 0 }), twin("c1", "Conveyor", { x: 4, y: 0 }), twin("s1", "Station", { x: 0, y: 0 }),
    twin("line", "ProductionLine", { name: "Line 1" }), twin("r1", "Robot", { x: 0, y: 3 }), twin("v1", "GuidedVehicle", { x: -5, y: 9 }), twin("other", "Station", { x: 90, y: 0 }),
  ];
  const links: Link[] = [
    ...["s1", "c1", "b1", "s2", "r1"].map((target): Link => ({ source: "line", name: "contains", target })),
    feeds("s1", "c1"), feeds("c1", "b1"), feeds("b1", "s2"), feeds("s2", "other"),
    { source: "r1", name: "serves", target: "s1" }, { source: "v1", name: "suppliesLine", target: "line" },
  ];
  const line = linesOf(new Map(machines.map((m) => [m.id, m])), links)[0]!;

  it("stands in the order its parts flow, with its robots and vehicles, without another line's stations", () => {
    expect(line.flow.map((m) => m.id)).toEqual(["s1", "c1", "b1", "s2"]);
    expect(line.robots.map((m) => m.id)).toEqual(["r1"]);
    expect(line.vehicles.map((m) => m.id)).toEqual(["v1"]);
  });

  it("loses nobody when its flow has a loop or gaps", () => {
    const all = ["a", "b", "c", "d"].map((id, i) => twin(id, "Station", { x: i }));
    for (const l of [[], [feeds("a", "b"), feeds("b", "a")], [feeds("d", "c"), feeds("c", "b"), feeds("b", "a")], [feeds("a", "b"), feeds("b", "c"), feeds("c", "b")]])
      expect(inOrder(all, l).map((m) => m.id).sort()).toEqual(["a", "b", "c", "d"]);
    expect(inOrder(all, [feeds("d", "c"), feeds("c", "b"), feeds("b", "a")]).map((m) => m.id)).toEqual(["d", "c", "b", "a"]);
  });

  it("is drawn to one scale with north up and everything inside", () => {
    const floor = floorOf(line, [{ line: [[-8, -6], [20, -6]], width: 3 }], 1200);
    for (const m of [...line.flow, ...line.robots]) {
      const at = middleOf(floor, m)!;
      expect(at.x).toBeGreaterThan(floor.left);
      expect(at.x).toBeLessThan(1200);
      expect(at.y).toBeGreaterThan(0);
      expect(at.y).toBeLessThan(floor.height);
    }
    const [a, b, n] = [placeOf(floor, 0, 0), placeOf(floor, 10, 0), placeOf(floor, 0, 10)];
    expect(b.x - a.x).toBeCloseTo(a.y - n.y);
    expect(b.x - a.x).toBeCloseTo(10 * floor.scale);
  });

  it("has the aisles beside it, not those of the next line", () => {
    const road = (id: string, y: number): { id: string; line: [number, number][]; width: number } => ({ id, width: 3, line: [[-10, y], [20, y]] });
    expect(aislesOf(line, [road("aisle-1", -9), road("aisle-2", 30), road("street-1", -9)]).map((r) => r.id)).toEqual(["aisle-1"]);
  });
});

describe("effectiveness", () => {
  it("is availability x performance x quality when the twin holds all three", () => {
    expect(oeeOf(twin("s", "Station", { availability: 90, performance: 80, quality: 50, oee: 99 }))).toEqual({ percent: 36, factors: { availability: 90, performance: 80, quality: 50 }, isComputed: true });
  });
  it("is the twin's own figure when a factor is missing, and nothing when that is missing too", () => {
    expect(oeeOf(twin("s", "Station", { availability: 90, performance: 80, oee: 61 }))).toEqual({ percent: 61, factors: null, isComputed: false });
    expect(oeeOf(twin("s", "Station", { availability: 90 }))).toBeNull();
  });
});

describe("a station's state", () => {
  it("is named alike whatever the model calls it, and unknown when nobody knows", () => {
    expect(["running", "down", "changeover", "idle", "dancing", null].map(stationState)).toEqual(["running", "failed", "set-up", "starved", "unknown", "unknown"]);
  });
});

describe("changes", () => {
  it("older than what was read do not undo it", () => {
    const s = twin("s", "Station", { good: 5 });
    expect(applyChange(s, "good", 4, "2026-01-01T00:00:09Z")).toBe(false);
    expect(s.values.get("good")).toBe(5);
    expect(applyChange(s, "good", 6, "2026-01-01T00:00:11.5Z")).toBe(true);
    expect(s.values.get("good")).toBe(6);
    expect(applyChange(s, "good", null, "2026-01-01T00:00:12Z")).toBe(true);
    expect(s.values.has("good")).toBe(false);
  });
});
