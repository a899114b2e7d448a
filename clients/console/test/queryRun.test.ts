import { describe, expect, it } from "vitest";
import { ApiError, TwinApi } from "../src/api/client";
import { errorOffset, errorSpan, PAGE, QueryRun } from "../src/views/queryRun";
import { examplesOf } from "../src/views/queryExamples";
import { frameOf, scaleBar } from "../src/views/queryMap";
import { book, LAMP, STREET } from "./helpers";

const noKey = { get: () => null, set: () => {} };

/** A silo with so many rows that answers pages of what is asked. */
function silo(rows: number, hold?: Promise<void>) {
  const asked: { pageSize: number; continuationToken?: string }[] = [];
  const api = new TwinApi("", noKey, async (_, init) => {
    const body = JSON.parse(String(init!.body)) as { pageSize: number; continuationToken?: string };
    asked.push(body);
    if (hold && asked.length > 1) await Promise.race([hold, new Promise((_, no) => init!.signal!.addEventListener("abort", () => no(new Error("aborted"))))]);
    const from = Number(body.continuationToken ?? 0);
    const to = Math.min(rows, from + body.pageSize);
    const value = Array.from({ length: to - from }, (_, i) => ({ $dtId: `t${from + i}` }));
    return new Response(JSON.stringify({ value, continuationToken: to < rows ? String(to) : null }), { headers: { "query-charge": "2.5" } });
  });
  return { api, asked };
}

describe("a run of a query", () => {
  it("reads page after page without a gap and adds up charge and time", async () => {
    const { api, asked } = silo(1200);
    let time = 0;
    const run = new QueryRun(api, "SELECT *", () => (time += 5));
    await run.read(PAGE, () => {});
    expect([run.rows.length, run.hasMore, run.charge, run.elapsedMs]).toEqual([500, true, 2.5, 5]);
    await run.read(20_000, () => {});
    expect(run.rows.map((r) => r["$dtId"])).toEqual(Array.from({ length: 1200 }, (_, i) => `t${i}`));
    expect([run.hasMore, run.charge, run.pages, asked.length]).toEqual([false, 7.5, 3, 3]);
  });

  it("stops when cancelled, and keeps what it has", async () => {
    const { api } = silo(5000, new Promise(() => {}));
    const run = new QueryRun(api, "SELECT *", () => 0);
    const done = run.read(5000, () => run.cancel());
    await done;
    expect(run.state.kind).toBe("cancelled");
    expect(run.rows.length).toBe(500);
    expect(run.hasMore).toBe(true);
  });

  it("tells a refusal with its place", async () => {
    const api = new TwinApi("", noKey, async () => new Response(JSON.stringify({ code: "QuerySyntax", detail: "Found 'FRM'; expected FROM.", where: "16" }), { status: 400 }));
    const run = new QueryRun(api, "SELECT T.power FRM DIGITALTWINS", () => 0);
    await run.read(PAGE, () => {});
    if (run.state.kind !== "failed") throw new Error(run.state.kind);
    const offset = errorOffset(run.state.error, run.query);
    expect(offset).toBe(15);
    expect(errorSpan(run.query, offset!)).toEqual({ from: 15, to: 18 });
  });
});

describe("the place of an error", () => {
  it("is told only for syntax and within the text", () => {
    expect(errorOffset(new ApiError(400, "QueryTooLarge", "", "3"), "abcdef")).toBeNull();
    expect(errorOffset(new ApiError(400, "QuerySyntax", "", "90"), "abcdef")).toBeNull();
    expect(errorOffset(new ApiError(400, "QuerySyntax", "", "7"), "abcdef")).toBe(6);
    expect(errorSpan("abcdef", 6)).toEqual({ from: 5, to: 6 });
  });
});

describe("examples", () => {
  it("name models and properties that exist and have twins", () => {
    const scene = { origin: { lon: 0, lat: 0 }, models: [{ id: LAMP, displayName: "Lamp", properties: [{ path: "power", unit: "watt", min: 0, max: 120 }] }], twins: { id: [], model: [], x: [], y: [], z: [], heading: [] }, buildings: [], roads: [] };
    const list = examplesOf(book(), new Map([[LAMP, 50], [STREET, 2]]), scene);
    expect(list.map((e) => e.query)).toContain(`SELECT * FROM DIGITALTWINS T WHERE IS_OF_MODEL(T, '${LAMP}') AND T.power > 90 ORDER BY T.power DESC`);
    expect(list.some((e) => e.query.includes("JOIN B RELATED A.hasLamp"))).toBe(true);
    expect(examplesOf(book(), new Map(), scene).map((e) => e.query)).toEqual(["SELECT COUNT() FROM DIGITALTWINS"]);
  });
});

describe("the small map", () => {
  it("holds every point inside its edges", () => {
    const points = [{ x: -900, y: 40 }, { x: 2100, y: -60 }, { x: 5, y: 700 }];
    const f = frameOf(points, 420, 300);
    for (const p of points) {
      expect(Math.abs((p.x - f.x) * f.scale)).toBeLessThanOrEqual(210 - 17);
      expect(Math.abs((p.y - f.y) * f.scale)).toBeLessThanOrEqual(150 - 17);
    }
  });

  it("has a scale bar of a round length", () => {
    for (const scale of [0.013, 0.2, 1.7, 44]) {
      const bar = scaleBar(scale, 90);
      expect(bar.pixels).toBeLessThanOrEqual(90);
      expect(bar.pixels).toBeGreaterThan(30);
      expect(["1", "2", "5"]).toContain(bar.metres.toPrecision(1)[0]);
      expect(bar.metres * scale).toBeCloseTo(bar.pixels);
    }
  });
});
