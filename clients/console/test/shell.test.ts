import { describe, expect, it } from "vitest";
import type { Alarm } from "../src/api/types";
import { Acknowledged, countByTone, sortAlarms } from "../src/live/alarmList";
import { matching, prefixQuery, readAsk, step } from "../src/live/searchText";
import { extent, niceTicks, RANGES, segments, timeTicks } from "../src/ui/chartScale";
import { placeOfModel } from "../src/ui/places";
import { parseRoute, routeText } from "../src/ui/router";

describe("the search field", () => {
  it("tells queries from names", () => {
    expect(readAsk("  select * from digitaltwins ")).toEqual({ kind: "query", query: "select * from digitaltwins" });
    expect(readAsk("selector-1").kind).toBe("find");
    expect(readAsk("  ").kind).toBe("nothing");
  });
  it("never writes what was typed into the query", () => {
    const evil = "x') OR TRUE --";
    const { query, parameters } = prefixQuery(evil, 10);
    expect(query).not.toContain(evil);
    expect(parameters["text"]).toBe(evil);
    expect(prefixQuery("mill", 5).parameters["capital"]).toBe("Mill");
  });
  it("finds actions by the beginnings of their words", () => {
    const actions = [{ title: "Go to City" }, { title: "Go to Query" }, { title: "Theme light" }];
    expect(matching(actions, "go q").map((a) => a.title)).toEqual(["Go to Query"]);
    expect(matching(actions, "ity")).toEqual([]);
  });
  it("walks around its list", () => {
    expect([step(-1, 1, 3), step(-1, -1, 3), step(2, 1, 3), step(0, -1, 3), step(0, 1, 0)]).toEqual([0, 2, 0, 2, -1]);
  });
});

const alarm = (id: string, since: string, severity: string): Alarm => ({ id, model: "m", path: "alarm", value: severity, since, severity, text: "" });

describe("alarms", () => {
  const a = alarm("a", "2026-01-01T00:00:00Z", "warning");
  const b = alarm("b", "2026-01-01T00:00:00Z", "critical");
  const c = alarm("c", "2026-01-02T00:00:00Z", "warning");
  it("come newest first, the graver first at one moment", () => expect(sortAlarms([a, b, c]).map((x) => x.id)).toEqual(["c", "b", "a"]));
  it("are counted by tone", () => expect(countByTone([a, b, c])).toEqual({ alarm: 1, warning: 2 }));
  it("are seen once, kept by the browser, new again when they rise again, and forgotten when they end", () => {
    const kept = new Map<string, string>();
    const store = { getItem: (k: string) => kept.get(k) ?? null, setItem: (k: string, v: string) => void kept.set(k, v) };
    new Acknowledged(store).add(a);
    const again = new Acknowledged(store);
    expect(again.has(a)).toBe(true);
    expect(again.has(alarm("a", "2026-01-03T00:00:00Z", "warning"))).toBe(false);
    again.prune([b]);
    expect(new Acknowledged(store).has(a)).toBe(false);
  });
  it("survive a store somebody spoiled", () => expect(new Acknowledged({ getItem: () => "{oops", setItem: () => {} }).has(a)).toBe(false));
});

describe("the chart's scale", () => {
  const bucket = (t: number, mean: number) => ({ t: new Date(t).toISOString(), count: 1, min: mean - 1, max: mean + 1, mean, last: mean });
  it("ticks are round, inside and few, for any range", () => {
    for (const [low, high] of [[0, 1], [-3, 17.2], [47.1, 48.9], [1e-6, 5e-6], [0, 123456]] as const) {
      const ticks = niceTicks(low, high, 4);
      expect(ticks.length).toBeGreaterThanOrEqual(2);
      expect(ticks.length).toBeLessThanOrEqual(5);
      expect(ticks.every((t) => t >= low && t <= high * (1 + 1e-9))).toBe(true);
    }
    expect(niceTicks(NaN, 1, 4)).toEqual([]);
  });
  it("gives a flat line room and nothing no room", () => {
    const flat = extent([{ ...bucket(0, 5), min: 5, max: 5 }])!;
    expect(flat[0]).toBeLessThan(5);
    expect(flat[1]).toBeGreaterThan(5);
    expect(extent([])).toBeNull();
  });
  it("breaks the line where the data breaks", () => {
    const parts = segments([0, 30, 60, 300, 330].map((s) => bucket(s * 1000, 1)), 30_000);
    expect(parts.map((p) => p.length)).toEqual([3, 2]);
  });
  it("reads at most 200 buckets and marks the time a few times in each range", () => {
    for (const r of RANGES) {
      expect(r.ms / r.bucketMs).toBeLessThanOrEqual(200);
      const ticks = timeTicks(1e12, 1e12 + r.ms, 5);
      expect(ticks.length).toBeGreaterThanOrEqual(3);
      expect(ticks.length).toBeLessThanOrEqual(6);
    }
  });
});

describe("addresses", () => {
  it("come back as they went", () => {
    const route = { view: "query", settings: { q: "SELECT * FROM DIGITALTWINS T WHERE T.a = 'ü & b'", sel: "lamp/1" } };
    expect(parseRoute(routeText(route))).toEqual(route);
    expect(parseRoute("").view).toBe("city");
  });
  it("lead factory twins to the factory", () => expect([placeOfModel("dtmi:twin:factory:Robot;1"), placeOfModel("dtmi:twin:city:Bus;1"), placeOfModel(null)]).toEqual(["factory", "city", "city"]));
});
