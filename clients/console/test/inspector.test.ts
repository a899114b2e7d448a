import { describe, expect, it } from "vitest";
import { ApiError } from "../src/api/client";
import type { JsonObject } from "../src/api/types";
import { editProperty, valueAt } from "../src/live/edit";
import { ModelBook } from "../src/live/modelBook";
import { inputText, parseInput } from "../src/live/propertyInput";
import { applyChange, Cadence, isSimulated, readTwin, stateOf } from "../src/live/twinReading";
import { book, LAMP, model, property } from "./helpers";

const lamp = (more: JsonObject = {}): JsonObject => ({
  $dtId: "lamp-1", power: 40, state: "on", $metadata: { $model: LAMP, power: { lastUpdateTime: "2026-01-01T00:00:10.0000000Z" } }, ...more,
});
const entryOf = (schema: string, enumValues: string[] | null = null) => ({ name: "dimTo", schema, unit: null, writable: true, enumValues, semantic: null, isIndexed: false, from: LAMP });

describe("reading a twin", () => {
  it("lists the model's own properties first, then what it inherits, also those without a value", () => {
    expect([...readTwin(lamp(), book()).properties.keys()]).toEqual(["power", "state", "name"]);
    expect(readTwin(lamp(), book()).properties.get("name")!.value).toBeUndefined();
  });
  it("takes unit and time from model and metadata", () => {
    const power = readTwin(lamp(), book()).properties.get("power")!;
    expect(power.entry!.unit).toBe("watt");
    expect(power.at).toBe(Date.UTC(2026, 0, 1, 0, 0, 10));
  });
  it("keeps what the model does not know", () => {
    expect(readTwin(lamp({ colour: "red" }), book()).properties.get("colour")!.entry).toBeNull();
  });
  it("puts a component's properties below its name", () => {
    const parts = new ModelBook([model("dtmi:x:Meter;1", [property("energy", "double", "kilowattHour")]), model("dtmi:x:Box;1", [{ "@type": "Component", name: "meter", schema: "dtmi:x:Meter;1" }])]);
    const twin = readTwin({ $dtId: "b", meter: { $metadata: { energy: { lastUpdateTime: "2026-01-01T00:00:00Z" } }, energy: 7 }, $metadata: { $model: "dtmi:x:Box;1" } }, parts);
    const energy = twin.properties.get("meter/energy")!;
    expect(energy).toMatchObject({ value: 7, component: "meter", at: Date.UTC(2026, 0, 1) });
    expect(energy.entry!.unit).toBe("kilowattHour");
    expect(twin.properties.has("meter")).toBe(false);
  });
  it("takes a change with its time and forgets a removed value", () => {
    const twin = readTwin(lamp(), book());
    const change = { seq: 2, id: "lamp-1", model: LAMP, path: "power", t: "2026-01-01T00:01:00Z", committed: "2026-01-01T00:01:01Z" };
    expect(applyChange(twin, { ...change, kind: "propertyChanged", value: 41 })).toMatchObject({ value: 41, at: Date.UTC(2026, 0, 1, 0, 1, 1) });
    expect(applyChange(twin, { ...change, kind: "propertyRemoved" })!.value).toBeUndefined();
    expect(applyChange(twin, { ...change, kind: "twinDeleted" })).toBeNull();
  });
});

describe("the state of a value", () => {
  const reading = (value: string | number | undefined, values: string[] | null = ["on", "running", "blocked", "down"]) => ({ path: "state", name: "state", component: null, value, at: 0, entry: entryOf("Enum", values) });
  it("is what the state's name means, unknown without a value, stale when told so", () => {
    expect(["running", "blocked", "down", "on", undefined].map((v) => stateOf(reading(v), false))).toEqual(["good", "warning", "alarm", "plain", "unknown"]);
    expect(stateOf(reading("running"), true)).toBe("stale");
    expect(stateOf(reading(4, null), false)).toBe("plain");
  });
  it("is silent only for a property that spoke regularly and then stopped", () => {
    const cadence = new Cadence();
    for (let i = 0; i < 10; i++) cadence.heard("power", i * 20_000);
    cadence.heard("name", 0);
    expect(cadence.isSilent("power", 180_000 + 119_000)).toBe(false);
    expect(cadence.isSilent("power", 180_000 + 121_000)).toBe(true);
    expect(cadence.isSilent("name", 1e9)).toBe(false);
  });
  it("calls only the scenario's own models simulated", () => {
    expect(isSimulated("dtmi:twin:city:Bus;1", "city")).toBe(true);
    expect(isSimulated("dtmi:twin:city:Bus;1", "none")).toBe(false);
    expect(isSimulated(LAMP, "city")).toBe(false);
  });
});

describe("a field's text", () => {
  it("becomes the value the model asks for", () => {
    expect(parseInput(" 12,5 ", entryOf("double"))).toEqual({ ok: true, value: 12.5 });
    expect(parseInput("-3", entryOf("integer"))).toEqual({ ok: true, value: -3 });
    expect(parseInput("false", entryOf("boolean"))).toEqual({ ok: true, value: false });
    expect(parseInput('{"a":1}', entryOf("Object"))).toEqual({ ok: true, value: { a: 1 } });
    expect(parseInput(" as it is ", entryOf("string"))).toEqual({ ok: true, value: " as it is " });
  });
  it.each([["bright", "double"], ["1.5", "integer"], ["0x10", "double"], ["1e999", "double"], ["", "double"], ["yes", "boolean"], ["{", "Object"]])("refuses %s for %s and says why", (text, schema) => {
    const parsed = parseInput(text, entryOf(schema));
    expect(parsed.ok).toBe(false);
    if (!parsed.ok) expect(parsed.why.length).toBeGreaterThan(10);
  });
  it("refuses a state the model does not have", () => {
    expect(parseInput("purple", entryOf("Enum", ["on", "off"])).ok).toBe(false);
  });
  it("shows objects as JSON", () => expect(inputText({ a: [1] })).toBe('{"a":[1]}'));
});

/** A silo of one twin that honours If-Match; before(n) happens between the n-th read and the write that follows it. */
function silo(twin: JsonObject, before: (write: number, t: JsonObject) => void = () => {}) {
  let version = 1;
  let writes = 0;
  return {
    state: twin,
    get writes() { return writes; },
    twin: () => Promise.resolve({ twin: structuredClone(twin), etag: `W/"${version}"` }),
    setProperty(_: string, path: string, value: unknown, etag: string | null) {
      const was = JSON.stringify(twin);
      before(++writes, twin);
      if (JSON.stringify(twin) !== was) version++;
      if (etag !== `W/"${version}"`) return Promise.reject(new ApiError(412, "PreconditionFailed", "The twin has changed."));
      twin[path] = value as never;
      version++;
      return Promise.resolve();
    },
  };
}

describe("editing a property", () => {
  it("writes when nobody else did", async () => {
    const s = silo(lamp());
    expect(await editProperty(s, "lamp-1", "power", 40, 50)).toEqual({ kind: "done" });
    expect(s.state["power"]).toBe(50);
  });
  it("tries again when only other properties moved on", async () => {
    const s = silo(lamp(), (n, t) => { if (n < 3) t["energy"] = n; });
    expect(await editProperty(s, "lamp-1", "power", 40, 50)).toEqual({ kind: "done" });
    expect(s.writes).toBe(3);
  });
  it("never overwrites what somebody else set meanwhile", async () => {
    const s = silo(lamp(), (n, t) => { if (n === 1) t["power"] = 77; });
    expect(await editProperty(s, "lamp-1", "power", 40, 50)).toEqual({ kind: "conflict", theirs: 77, at: "2026-01-01T00:00:10.0000000Z" });
    expect(s.state["power"]).toBe(77);
  });
  it("gives up on a twin that never rests", async () => {
    const s = silo(lamp(), (n, t) => { t["energy"] = n; });
    expect(await editProperty(s, "lamp-1", "power", 40, 50)).toMatchObject({ kind: "refused", error: { status: 412 } });
    expect(s.writes).toBe(7);
  });
  it("finds values below components", () => expect(valueAt({ meter: { energy: 3 } }, "meter/energy")).toBe(3));
});
