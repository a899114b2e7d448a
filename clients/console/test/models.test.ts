import { describe, expect, it } from "vitest";
import { TwinApi } from "../src/api/client";
import { ModelBook } from "../src/live/modelBook";
import { countUnder, treeOf } from "../src/views/modelTree";
import { gather, upload } from "../src/views/modelUpload";
import { BASE, book, LAMP, model, property, STREET } from "./helpers";

const names = (b: ModelBook, search = "", closed: string[] = []): [string, number][] => treeOf(b, search, new Set(closed)).map((l) => [l.model.id, l.depth]);

describe("the tree of models", () => {
  it("stands by inheritance, and folds", () => {
    expect(names(book())).toEqual([[BASE, 0], [LAMP, 1], [STREET, 1]]);
    expect(names(book(), "", [BASE])).toEqual([[BASE, 0]]);
  });
  it("shows what a search finds with its ancestors: by name, id or what the model itself adds", () => {
    expect(names(book(), "street")).toEqual([[BASE, 0], [STREET, 1]]);
    expect(names(book(), "POWER", [BASE])).toEqual([[BASE, 0], [LAMP, 1]]);
    expect(names(book(), "nobody")).toEqual([]);
    expect(treeOf(book(), "street", new Set()).map((l) => l.isMatch)).toEqual([false, true]);
  });
  it("shows a model with two bases under both and counts its twins once", () => {
    const b = new ModelBook([model("dtmi:x:R;1", []), model("dtmi:x:A;1", [], { extends: "dtmi:x:R;1" }), model("dtmi:x:B;1", [], { extends: "dtmi:x:R;1" }), model("dtmi:x:C;1", [property("p", "double")], { extends: ["dtmi:x:A;1", "dtmi:x:B;1"] })]);
    expect(names(b).filter(([id]) => id === "dtmi:x:C;1")).toHaveLength(2);
    expect(countUnder(b, "dtmi:x:R;1", { "dtmi:x:C;1": 5, "dtmi:x:A;1": 2, "dtmi:x:R;1": 1 })).toBe(8);
  });
});

describe("an upload", () => {
  it("gathers one interface or many from each file, and names the file that is wrong", () => {
    const good = gather([{ name: "a.json", text: '\uFEFF{"@id":"dtmi:a;1"}' }, { name: "b.json", text: '[{"@id":"dtmi:b;1"},{"@id":"dtmi:c;1"}]' }]);
    expect(good.faults).toEqual([]);
    expect(good.models).toHaveLength(3);
    const bad = gather([{ name: "x.json", text: "{" }, { name: "y.json", text: '[{"@id":"dtmi:b;1"}, 5]' }, { name: "z.json", text: "[]" }]);
    expect(bad.faults.map((f) => f.where)).toEqual(["x.json", "y.json, element 2", "z.json"]);
    expect(bad.faults[0]!.text).toMatch(/^It is not JSON: /);
  });
  it("shows every error the silo names", async () => {
    const api = new TwinApi("", { get: () => null, set: () => {} }, async () => new Response(JSON.stringify({ code: "DTDLParserError", detail: "2 error(s): '1bad' is not a name. [dtmi:e:1] 'x' is no schema. [dtmi:e:2]" }), { status: 400 }));
    expect((await upload(api, [{}])).map((f) => f.text)).toEqual(["'1bad' is not a name. [dtmi:e:1]", "'x' is no schema. [dtmi:e:2]"]);
    const silent = new TwinApi("", { get: () => null, set: () => {} }, async () => new Response("[]", { status: 201 }));
    expect(await upload(silent, [{}])).toEqual([]);
  });
});
