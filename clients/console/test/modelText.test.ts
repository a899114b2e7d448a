import { describe, expect, it } from "vitest";
import { ModelBook } from "../src/live/modelBook";
import { nextVersion } from "../src/views/modelDetail";
import { elementStarts, jsonPieces, lineAt, placeFault, readModels, STARTER } from "../src/views/modelText";
import { model, property, relationship } from "./helpers";

const A = '{\n  "@id": "dtmi:a:A;1",\n  "x": [1, "}", {"y": 2}]\n}';
const B = '{ "@id": "dtmi:a:B;1",\n  "z": "\\"," }';
const BOTH = `[\n${A},\n\n${B}\n]`;

describe("models as text", () => {
  it("begins with a text that is read", () => {
    expect(readModels(STARTER).faults).toEqual([]);
    expect(readModels(STARTER).models).toHaveLength(1);
  });
  it("finds where each interface of a list begins", () => {
    expect(elementStarts(BOTH).map((s) => lineAt(BOTH, s))).toEqual([2, 7]);
    expect(elementStarts(` \n ${A}`)).toEqual([3]);
    expect(elementStarts("[]")).toEqual([]);
    expect(elementStarts('[1, "a", [2], null]').length).toBe(4);
  });
  it("puts what the silo said of a model's line at the line of the whole text", () => {
    expect(placeFault("model dtmi:a:B;1, line 2: 'z' is unknown. [id]", BOTH)).toEqual({ line: 8, text: "'z' is unknown. [id]" });
    expect(placeFault("model dtmi:a:A;1, line 3: wrong", BOTH).line).toBe(4);
    expect(placeFault("model dtmi:a:A;1, line 3: wrong", `\n\n${A}`).line).toBe(5);
    expect(placeFault("model dtmi:a:C;1, line 1: wrong", BOTH)).toEqual({ line: null, text: "model dtmi:a:C;1, line 1: wrong" });
    expect(placeFault("Model 'dtmi:a:A;1' exists already.", BOTH).line).toBeNull();
  });
  it("names the line of what is no JSON, and of what is no interface", () => {
    expect(readModels('{\n "a": 1\n "b": 2\n}').faults[0]!.line).toBe(3);
    expect(readModels('{\n "a": 1,\n').faults[0]!.text).toMatch(/^It is not JSON/);
    expect(readModels(`[\n${A},\n5\n]`).faults).toEqual([{ line: 6, text: "A DTDL interface was expected: an object with @id." }]);
    expect(readModels("[]").faults).toHaveLength(1);
  });
  it("colours a text without losing a character, whole or half", () => {
    for (const text of [STARTER, BOTH, '{"a": "unclosed\n "b": tru', "", "-1.5e3 null"]) expect(jsonPieces(text).map((p) => p.text).join("")).toBe(text);
    expect(jsonPieces('{"a": "b", "c": -2.5, "d": true}').filter((p) => p.kind).map((p) => p.kind)).toEqual(["key", "text", "key", "number", "key", "word"]);
  });
  it("gives a changed model its next version", () => {
    expect([nextVersion("dtmi:a:B;1"), nextVersion("dtmi:a:B;1.9"), nextVersion("dtmi:a:B")]).toEqual(["dtmi:a:B;2", "dtmi:a:B;1.10", "dtmi:a:B;1"]);
  });
});

describe("the book of models", () => {
  const book = new ModelBook([
    model("dtmi:x:R;1", []), model("dtmi:x:A;1", [], { extends: "dtmi:x:R;1" }), model("dtmi:x:B;1", [], { extends: "dtmi:x:R;1" }),
    model("dtmi:x:C;1", [{ ...property("t", "double", "degreeCelsius"), "@type": ["Property", "Temperature", "Indexed"] }], { extends: ["dtmi:x:A;1", "dtmi:x:B;1"], description: { en: "A cell" } }),
    model("dtmi:x:D;1", [relationship("has", "dtmi:x:A;1"), { ...relationship("feeds", "dtmi:x:D;1"), minMultiplicity: 1, maxMultiplicity: 3, properties: [{ name: "since", schema: "date" }] }, { "@type": "Command", name: "go", response: { name: "done", schema: "boolean" } }]),
  ]);
  it("knows what stands above a model, each once, and who points at it or what it is", () => {
    expect(book.above("dtmi:x:C;1").map((m) => m.id)).toEqual(["dtmi:x:A;1", "dtmi:x:B;1", "dtmi:x:R;1"]);
    expect(book.pointingAt("dtmi:x:C;1").map((p) => [p.model.id, p.name])).toEqual([["dtmi:x:D;1", "has"]]);
    expect(book.pointingAt("dtmi:x:R;1")).toEqual([]);
  });
  it("reads quantities, indexes, multiplicities, payloads and descriptions", () => {
    const c = book.get("dtmi:x:C;1")!;
    expect([c.properties[0]!.semantic, c.properties[0]!.isIndexed, c.description]).toEqual(["Temperature", true, "A cell"]);
    const d = book.get("dtmi:x:D;1")!;
    expect(d.relationships[1]).toMatchObject({ least: 1, most: 3, properties: ["since"] });
    expect(d.commands[0]).toMatchObject({ request: null, response: { name: "done", schema: "boolean" } });
  });
  it("survives a circle of bases", () => {
    const round = new ModelBook([model("dtmi:x:P;1", [], { extends: "dtmi:x:Q;1" }), model("dtmi:x:Q;1", [], { extends: "dtmi:x:P;1" })]);
    expect(round.above("dtmi:x:P;1").length).toBeLessThanOrEqual(1);
  });
});
