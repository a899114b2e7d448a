import { describe, expect, it } from "vitest";
import type { JsonObject } from "../src/api/types";
import { DARK } from "../src/style/tokens";
import { columnsOf } from "../src/table/columns";
import { tabText } from "../src/table/csv";
import { complete } from "../src/views/queryComplete";
import { groupColumn, MOST_GROUPS, pictureOf, summaryOf } from "../src/views/queryPicture";
import { isExplain, largestOf, planOf, type PlanNode } from "../src/views/queryPlan";
import { MOST_PAST, MOST_SAVED, QueryShelf, type PastRun, type Store } from "../src/views/queryShelf";
import { tokensOf } from "../src/views/queryTokens";
import { book, LAMP } from "./helpers";

const named = (node: PlanNode, title: string): PlanNode | undefined => (node.title === title ? node : node.children.map((c) => named(c, title)).find((c) => c));
const fact = (node: PlanNode, name: string): string | undefined => node.facts.find((f) => f.name === name)?.text;

describe("a plan", () => {
  const table = (model: string, twins: number, access: string, estimate: number): JsonObject => ({ model: `dtmi:t:${model};1`, twins, access, estimate, condition: access === "skipped" ? "false" : "power Greater 80" });
  const row: JsonObject = {
    query: "EXPLAIN …", order: "none",
    steps: [{ from: "A", to: "B", direction: "in", relationships: "hasLight", hops: "1..3", visited: 12, kept: 7 }],
    shards: [
      { shard: 0, tables: [table("Lamp", 10, "scan", 10), table("Bay", 5, "skipped", 0)] },
      { shard: 1, tables: [table("Lamp", 32, "scan", 30), table("Bay", 1, "skipped", 0), table("Bus", 2, "index power", 1)] },
      { shard: 2, tables: [table("Lamp", 0, "skipped", 0)] },
    ],
    run: { status: "Ok", rows: 3, hasMore: false },
  };
  it("adds the shards up and keeps what each table is read by", () => {
    const plan = planOf(row);
    const lamp = named(plan, "Lamp")!;
    expect(lamp.size).toBe(40);
    expect([fact(lamp, "twins"), fact(lamp, "access"), fact(lamp, "condition")]).toEqual(["42", "scan", "power Greater 80"]);
    expect(lamp.isIdle).toBe(false);
    expect(named(plan, "Bay")!.isIdle).toBe(true);
    expect(named(plan, "3 shards, added up")).toBeDefined();
    expect(largestOf(plan)).toBe(40);
  });
  it("names steps by their ends and direction, and shows members it has never seen", () => {
    const plan = planOf({ ...row, brandNew: { depth: 3, of: ["a", "b"] } });
    const step = named(plan, "A ← B")!;
    expect(fact(step, "hops")).toBe("1..3");
    expect(step.size).toBe(12);
    expect(fact(named(plan, "Brand new")!, "of")).toBe("a, b");
    expect(fact(named(plan, "Run")!, "has more")).toBe("no");
  });
  it("folds many tables that are passed over, and loses none", () => {
    const tables = Array.from({ length: 9 }, (_, i) => table(`M${i}`, 1, i === 4 ? "scan" : "skipped", i === 4 ? 1 : 0));
    const plan = planOf({ shards: [{ shard: 0, tables }] });
    expect(named(plan, "8 passed over")!.children).toHaveLength(8);
    expect(named(plan, "M4")).toBeDefined();
  });
  it("survives any JSON", () => {
    expect(planOf({ a: [], b: null, c: [1, [2]], d: {}, shards: [] }).facts.length).toBeGreaterThan(0);
    let deep: JsonObject = { rows: 1 };
    for (let i = 0; i < 500; i++) deep = { inner: deep };
    expect(planOf(deep)).toBeDefined();
  });
  it("is what EXPLAIN asks for", () => {
    expect([isExplain(" explain SELECT"), isExplain("SELECT T.explain")]).toEqual([true, false]);
  });
});

function storage(full = false): Store & { map: Map<string, string> } {
  const map = new Map<string, string>();
  return { map, getItem: (k) => map.get(k) ?? null, setItem: (k, v) => { if (full) throw new Error("quota"); map.set(k, v); } };
}

describe("the shelf of queries", () => {
  const run = (text: string, at = 1): PastRun => ({ text, at, rows: 1, ms: 2, outcome: "done" });
  it("keeps queries by name, replaces and removes them", () => {
    const store = storage();
    const shelf = new QueryShelf(store);
    expect(shelf.save("  b ", " SELECT 1 ")).toBeNull();
    expect(shelf.save("a", "SELECT 2")).toBeNull();
    expect(shelf.save("b", "SELECT 3")).toBeNull();
    expect(new QueryShelf(store).saved).toEqual([{ name: "a", text: "SELECT 2" }, { name: "b", text: "SELECT 3" }]);
    shelf.remove("a");
    expect(shelf.saved.map((s) => s.name)).toEqual(["b"]);
  });
  it("refuses what it cannot keep, and says why", () => {
    const shelf = new QueryShelf(storage());
    expect(shelf.save(" ", "SELECT")).toContain("name");
    expect(shelf.save("a", " ")).toContain("no query");
    for (let i = 0; i < MOST_SAVED; i++) shelf.save(`n${i}`, "SELECT");
    expect(shelf.save("one more", "SELECT")).toContain(String(MOST_SAVED));
    expect(shelf.save("n1", "SELECT 2")).toBeNull();
    expect(new QueryShelf(storage(true)).save("a", "SELECT")).toContain("storage");
  });
  it("lists the last runs, each text once, and bounds them", () => {
    const shelf = new QueryShelf(storage());
    for (let i = 0; i < MOST_PAST + 10; i++) shelf.note(run(`q${i}`, i));
    shelf.note(run("q20", 99));
    expect(shelf.past).toHaveLength(MOST_PAST);
    expect(shelf.past[0]).toEqual(run("q20", 99));
    expect(shelf.past.filter((p) => p.text === "q20")).toHaveLength(1);
    shelf.forget();
    expect(shelf.past).toEqual([]);
  });
  it("reads nothing from what something else wrote", () => {
    const store = storage();
    store.map.set("twin-queries", "{not json");
    store.map.set("twin-query-history", '[{"text":5},null,"x"]');
    expect([new QueryShelf(store).saved, new QueryShelf(store).past]).toEqual([[], []]);
  });
});

describe("an answer of groups", () => {
  const rows: JsonObject[] = [{ state: "on", twins: 12, mean: 3.5 }, { state: "off", twins: 4, mean: -1 }, { twins: 1, mean: 0 }];
  it("is drawn as one bar a group, as long as its value", () => {
    const columns = columnsOf(rows);
    const picture = pictureOf(columns.find((c) => c.path[0] === "twins")!, rows, DARK, true, columns)!;
    expect(picture.kind).toBe("groups");
    expect(picture.bars.map((b) => b.count)).toEqual([12, 4, 1]);
    expect(picture.kind === "groups" && picture.names).toEqual(["on", "off", "none"]);
    expect([picture.barOf(1), picture.barOf(7)]).toEqual([1, -1]);
    expect(summaryOf(picture)).toBe("by state");
  });
  it("is not seen in rows of twins, nor where names repeat", () => {
    const twins: JsonObject[] = [{ $dtId: "a", state: "on", n: 1 }, { $dtId: "b", state: "off", n: 2 }];
    expect(groupColumn(columnsOf(twins), twins)).toBeNull();
    const twice: JsonObject[] = [{ state: "on", n: 1 }, { state: "on", n: 2 }];
    expect(groupColumn(columnsOf(twice), twice)).toBeNull();
  });
  it("has at most so many bars and says so", () => {
    const many: JsonObject[] = Array.from({ length: 60 }, (_, i) => ({ name: `n${i}`, n: i }));
    const columns = columnsOf(many);
    const picture = pictureOf(columns.find((c) => c.path[0] === "n")!, many, DARK, true, columns)!;
    expect(picture.bars).toHaveLength(MOST_GROUPS);
    expect(summaryOf(picture)).toContain(`the first ${MOST_GROUPS}`);
  });
});

describe("copied rows", () => {
  it("keep one line a row whatever their values hold", () => {
    expect(tabText(["a", "b"], [["x\ty", 1.5], ["line\r\nbreak", null]])).toBe("a\tb\nx y\t1.5\nline break\t");
  });
});

describe("completion of the language's later parts", () => {
  const shown = (text: string): string[] => complete(text.replace("|", ""), text.indexOf("|"), book()).options.map((o) => o.shown);
  it("knows GROUP BY and aggregates", () => {
    expect(shown("SELECT * FROM DIGITALTWINS T GROUP |")).toEqual(["BY"]);
    expect(shown(`SELECT * FROM DIGITALTWINS T WHERE IS_OF_MODEL(T, '${LAMP}') GROUP BY T.power |`)).toEqual(["ORDER BY"]);
    expect(shown("SELECT A|")).toContain("AVG");
    expect(shown("SELECT AVG(|")).not.toContain("FROM");
  });
  it("knows patterns: clauses, names of relationships, and the aliases they make", () => {
    expect(shown("SELECT * FROM DIGITALTWINS MATCH (a) |")).toContain("-[:");
    expect(shown("SELECT * FROM DIGITALTWINS MATCH (a)-[:|")).toContain("hasLamp");
    expect(shown("SELECT * FROM DIGITALTWINS MATCH (street)-[r:hasLamp*1..3]->(lamp) WHERE |")).toEqual(expect.arrayContaining(["street", "lamp", "r"]));
    expect(shown("SELECT * FROM DIGITALTWINS MATCH (a)-[:hasLamp*1.|")).toEqual([]);
    expect(shown(`SELECT * FROM DIGITALTWINS MATCH (a)-[:hasLamp]->(b) WHERE IS_OF_MODEL(b, '${LAMP}') AND b.|`)).toContain("power");
  });
  it("knows EXPLAIN ANALYZE and places", () => {
    expect(shown("EXPLAIN |")).toEqual(["SELECT", "ANALYZE"]);
    expect(shown("EXPLAIN ANALYZE |")).toEqual(["SELECT"]);
    expect(shown("SELECT * FROM DIGITALTWINS T WHERE GEO|")).toEqual(["GEO_WITHIN", "GEO_DISTANCE"]);
  });
  it("cuts a pattern into tokens that cover its text", () => {
    const text = "(a)-[r:x|y*1..3]->(b)<-[:z]-(c)";
    expect(tokensOf(text).map((t) => t.text).join("")).toBe(text);
  });
});
