import { describe, expect, it } from "vitest";
import { auditPath } from "../src/views/policyAudit";
import { checkPolicy, faultsAt, namesIn, readPolicy, resourceFault, turn, writePolicy, type Policy, type PolicyRule } from "../src/views/policyDocument";
import { effectiveOf } from "../src/views/policyEffective";

const DOCUMENT = {
  entries: {
    guards: { subjects: ["role:guard", "key:alice"], resources: { "twins:": { grant: ["read"] }, "twins:/power": { grant: ["read", "write"], revoke: ["command"] } }, imports: ["base/all"] },
    none: { subjects: [], resources: {} },
  },
};
const good = (): Policy => readPolicy("p1", DOCUMENT);

describe("a policy", () => {
  it("is written as it was read", () => {
    expect(writePolicy(good())).toEqual(DOCUMENT);
    expect(checkPolicy(good())).toEqual([]);
  });
  it("is read from anything without failing", () => {
    for (const odd of [{}, { entries: null }, { entries: [1] }, { entries: { a: 5 } }, { entries: { a: { subjects: "x", resources: { r: null } } } }]) expect(readPolicy("p", odd as never).entries.length).toBeGreaterThanOrEqual(0);
  });
  it("names what the silo would refuse, at the silo's places", () => {
    const p = good();
    p.id = "no spaces here";
    p.entries[0]!.subjects.push("alice");
    p.entries[0]!.imports.push("a/b/c");
    p.entries[0]!.rules[1]!.resource = "twins:x";
    p.entries[1]!.label = "guards";
    expect(checkPolicy(p).map((f) => f.where)).toEqual(["id", "entries/guards/subjects", "entries/guards/imports", "entries/guards/resources/twins:x", "entries/guards"]);
    expect(checkPolicy({ id: "p", entries: [] }).map((f) => f.where)).toEqual(["entries"]);
  });
  it("would not lose a rule by writing two of one resource", () => {
    const p = good();
    p.entries[0]!.rules[1]!.resource = "twins:";
    expect(checkPolicy(p)).toHaveLength(1);
  });
});

describe("a resource", () => {
  it("is told from what is none", () => {
    for (const text of ["*", "twins:", "twins:/power", "twin:lamp-1", "twin:lamp-1/thermostat/target", "prefix:lamp-/power", "model:dtmi:x:Lamp;1/power", "models:", "models:dtmi:x:Lamp;1", "devices:", "device:a", "admin:", "admin:routes", "twin:a/$relationships/feeds"])
      expect([text, resourceFault(text)]).toEqual([text, null]);
    for (const text of ["", "twin", "twin:", "twins:lamp", "prefix:", "model:", "admin:routes/x", "models:/x", "other:x", "twin:a/", "twin:a//b", `twin:${"x".repeat(1100)}`]) expect(resourceFault(text)).not.toBeNull();
  });
});

describe("a cell of a rule", () => {
  it("goes from not said to granted, revoked, and back, whatever else is said", () => {
    const start: PolicyRule = { resource: "twins:", grant: ["write"], revoke: ["administer"] };
    const granted = turn(start, "read");
    expect(granted).toEqual({ resource: "twins:", grant: ["read", "write"], revoke: ["administer"] });
    const revoked = turn(granted, "read");
    expect(revoked).toEqual({ resource: "twins:", grant: ["write"], revoke: ["read", "administer"] });
    expect(turn(revoked, "read")).toEqual(start);
  });
});

describe("faults of the silo", () => {
  const fields = ["id", "entries/a", "entries/a/subjects", "entries/a/resources/twins:", "entries/a/resources/twins:/power"];
  it("stand at the nearest field", () => {
    const fault = { where: "entries/a/resources/twins:/power/grant", text: "x" };
    expect(faultsAt([fault], "entries/a/resources/twins:/power", fields)).toEqual([fault]);
    expect(faultsAt([fault], "entries/a/resources/twins:", fields)).toEqual([]);
    expect(faultsAt([fault], "entries/a", fields)).toEqual([]);
    expect(faultsAt([{ where: "entries/a/other", text: "y" }], "entries/a", fields)).toHaveLength(1);
    expect(namesIn(" key:a, key:b  key:a ")).toEqual(["key:a", "key:b"]);
  });
});

describe("who can see what", () => {
  it("is read with the entry that decided", () => {
    const rows = effectiveOf({ subject: "key:a", paths: [{ path: "power", read: { allowed: true, by: "p/guards" }, write: { allowed: false, by: { policy: "p", entry: "none", resource: "twins:" } }, command: false }] });
    expect(rows).toEqual([{ path: "power", decisions: { read: { isAllowed: true, by: "p/guards" }, write: { isAllowed: false, by: "p/none · twins:" }, command: { isAllowed: false, by: "" } } }]);
    expect(effectiveOf({ value: [{ path: "x", permissions: ["read"], by: "p/e" }] })[0]!.decisions.write).toEqual({ isAllowed: false, by: "p/e" });
    expect(effectiveOf({ value: [{ path: "x", permissions: { read: { isAllowed: true } } }] })[0]!.decisions.read).toEqual({ isAllowed: true, by: "" });
    expect(effectiveOf("nothing")).toEqual([]);
  });
});

describe("the audit log", () => {
  it("is asked for with the filters that were filled in", () => {
    expect(auditPath({ subject: "", kind: "", from: "", to: "" }, null)).toBe("/audit?top=200");
    const path = auditPath({ subject: " key:a ", kind: "denied", from: "2026-11-23T05:00", to: "never" }, "t/1");
    const query = new URL(path, "http://x").searchParams;
    expect([query.get("subject"), query.get("kind"), query.get("to"), query.get("continuationToken")]).toEqual(["key:a", "denied", null, "t/1"]);
    expect(Date.parse(query.get("from")!)).toBe(new Date("2026-11-23T05:00").getTime());
  });
});
