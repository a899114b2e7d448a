import { describe, expect, it } from "vitest";
import type { JsonObject } from "../src/api/types";
import { at, cellText, columnsOf, compareValues, decimalsFor, fixedText, headText } from "../src/table/columns";
import { csvText } from "../src/table/csv";
import { rowsInSight, scrollFor } from "../src/table/window";

const twin = (id: string, values: JsonObject): JsonObject => ({ $dtId: id, $etag: "W/\"1\"", ...values, $metadata: { $model: "dtmi:x:Lamp;1", power: { lastUpdateTime: "2026-01-01T00:00:00Z" } } });

describe("columns of an answer", () => {
  it("of whole twins: id, model, then properties; no etag and no metadata", () => {
    const columns = columnsOf([twin("a", { power: 3.5, on: true, name: "A" })], (m, p) => (m === "dtmi:x:Lamp;1" && p === "power" ? "watt" : null));
    expect(columns.map(headText)).toEqual(["id", "model", "name", "power, W", "on"]);
    expect(columns.map((c) => c.kind)).toEqual(["text", "text", "text", "number", "boolean"]);
    expect(cellText(columns[1]!, at(twin("a", {}), columns[1]!.path))).toBe("Lamp");
  });

  it("opens a twin as a value, and names the alias only when there are two", () => {
    expect(columnsOf([{ T: twin("a", { power: 1 }) }]).map((c) => c.title)).toEqual(["id", "model", "power"]);
    expect(columnsOf([{ A: twin("a", { power: 1 }), B: twin("b", { power: 2 }) }]).map((c) => c.title)).toEqual(["A id", "B id", "A model", "B model", "A power", "B power"]);
  });

  it("opens components, and keeps what only some rows have", () => {
    const rows = [twin("a", { motor: { $metadata: {}, speed: 3 } }), twin("b", { level: 2 })];
    expect(columnsOf(rows).map((c) => c.title)).toEqual(["id", "model", "motor speed", "level"]);
  });

  it("gives no unit where rows disagree", () => {
    const rows = [twin("a", { power: 1 }), { ...twin("b", { power: 2 }), $metadata: { $model: "dtmi:x:Robot;1" } }];
    expect(columnsOf(rows, (m) => (m.includes("Robot") ? "kilowatt" : "watt")).find((c) => c.title === "power")?.unit).toBeNull();
  });
});

describe("numbers of a column", () => {
  it("have the same digits after the point, no more than their size calls for", () => {
    expect(decimalsFor([1, 2, 3])).toBe(0);
    expect(decimalsFor([1.5, 20.25])).toBe(2);
    expect(decimalsFor([1200.123])).toBe(0);
    expect(decimalsFor([0.000012])).toBe(4);
    expect(fixedText(-1234.5, 1)).toBe("−1\u202f234.5");
    expect(fixedText(-0.0001, 2)).toBe("0.00");
  });
});

describe("order of values", () => {
  it("puts nothing last both ways, and reads numbers in text", () => {
    expect([null, 2, 1].sort((a, b) => compareValues(a, b, false))).toEqual([1, 2, null]);
    expect([null, 2, 1].sort((a, b) => compareValues(a, b, true))).toEqual([2, 1, null]);
    expect(["lamp-10", "lamp-9"].sort((a, b) => compareValues(a, b, false))).toEqual(["lamp-9", "lamp-10"]);
  });
});

describe("CSV", () => {
  it("quotes what needs it and keeps all digits", () => {
    expect(csvText(["a", "b,c"], [[1.23456789, 'say "x"'], [null, true], ["two\nlines", { k: 1 }]])).toBe(
      'a,"b,c"\r\n1.23456789,"say ""x"""\r\n,true\r\n"two\nlines","{""k"":1}"\r\n');
  });

  it("hands a spreadsheet no formula, yet leaves numbers alone", () => {
    expect(csvText(["a"], [["=1+1"], [-5], ["-5"]])).toBe("a\r\n\"'=1+1\"\r\n-5\r\n\"'-5\"\r\n");
  });
});

describe("rows in sight", () => {
  it("are few, within the list, and hold what is seen", () => {
    const w = rowsInSight(2500, 500, 25, 100_000);
    expect(w.first).toBeLessThanOrEqual(100);
    expect(w.end).toBeGreaterThanOrEqual(120);
    expect(w.end - w.first).toBeLessThan(60);
    expect(rowsInSight(0, 500, 25, 3)).toEqual({ first: 0, end: 3 });
    expect(rowsInSight(9999, 500, 25, 3)).toEqual({ first: 3, end: 3 });
  });

  it("scroll as little as can be to a row", () => {
    expect(scrollFor(4, 0, 500, 25)).toBe(0);
    expect(scrollFor(30, 0, 500, 25)).toBe(275);
    expect(scrollFor(2, 500, 500, 25)).toBe(50);
  });
});
