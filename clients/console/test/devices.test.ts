import { describe, expect, it } from "vitest";
import { TwinApi } from "../src/api/client";
import { requestFault, sampleRequest, sendCommand } from "../src/views/deviceCommand";
import { differencesOf } from "../src/views/deviceDiff";
import { deviceOf, readDevices, standingOf } from "../src/views/deviceList";

const noKey = { get: () => null, set: () => {} };
const answering = (status: number, body: unknown, seen: string[] = []): TwinApi =>
  new TwinApi("", noKey, async (url, init) => {
    seen.push(`${init?.method} ${url}`);
    return new Response(JSON.stringify(body), { status });
  });
const send = (api: TwinApi, signal = new AbortController().signal) => sendCommand(api, "a b", "go", "1", 5, "key", signal, () => 0);

describe("desired against reported", () => {
  it("opens objects, compares arrays whole, and puts what is pending first", () => {
    const list = differencesOf({ a: 1, deep: { x: 1, y: [1, 2] }, gone: true }, { a: 1, deep: { x: 2, y: [1, 2] }, more: "m" });
    expect(list.map((d) => [d.path, d.kind])).toEqual([["deep/x", "pending"], ["gone", "pending"], ["a", "same"], ["deep/y", "same"], ["more", "extra"]]);
  });
  it("tells 0 from nothing, and 1 from '1'", () => {
    expect(differencesOf({ a: 0, b: 1 }, { a: 0, b: "1" }).map((d) => d.kind)).toEqual(["pending", "same"]);
    expect(differencesOf({}, {})).toEqual([]);
    expect(differencesOf({ o: {} }, { o: {} }).map((d) => d.kind)).toEqual(["same"]);
  });
});

describe("the list of devices", () => {
  it("asks with prefix, state and place, and reads both shapes of a row", async () => {
    const seen: string[] = [];
    const page = await readDevices(answering(200, { value: [{ deviceId: "d1", registered: true, connected: true, stale: false, lastSeen: null, desiredVersion: 3 }, { id: "d2" }], continuationToken: "n" }, seen), "d", "stale", "t0", 50);
    expect(seen).toEqual(["GET /devices?top=50&prefix=d&state=stale&continuationToken=t0"]);
    expect(page.next).toBe("n");
    expect(page.rows.map((r) => [r.id, standingOf(r).word, r.desiredVersion])).toEqual([["d1", "connected", 3], ["d2", "not read", null]]);
  });
  it("says when a silo has none, and passes other refusals on", async () => {
    expect((await readDevices(answering(404, { code: "NotFound", detail: "" }), "", "", null, 10)).isListed).toBe(false);
    await expect(readDevices(answering(403, { code: "Forbidden", detail: "no" }), "", "", null, 10)).rejects.toMatchObject({ status: 403 });
  });
  it("calls a silent device stale even while its connection stands", () => {
    const of = (more: Record<string, boolean>) => standingOf(deviceOf({ deviceId: "d", registered: true, ...more })).word;
    expect([of({ connected: true, stale: false }), of({ connected: true, stale: true }), of({ connected: false }), of({ connected: true, disabled: true })]).toEqual(["connected", "stale", "disconnected", "disabled"]);
  });
});

describe("a command", () => {
  it("shows the device's reply, and a refusal by the device as such", async () => {
    const seen: string[] = [];
    expect(await send(answering(200, { code: 200, payload: { was: "off" } }, seen))).toEqual({ tone: "good", text: "The device replied after 0.00 s, code 200", payload: { was: "off" } });
    expect(seen).toEqual(["POST /devices/a%20b/commands/go?timeout=5"]);
    expect((await send(answering(200, { code: 422, payload: null }))).tone).toBe("warning");
  });
  it("tells a time out from a device that is away", async () => {
    expect((await send(answering(504, { code: "DeviceTimeout", detail: "x" }))).text).toBe("No reply within 5 s; the device may still act");
    expect((await send(answering(409, { code: "DeviceNotConnected", detail: "Device 'a b' is not connected." }))).text).toBe("Not sent: Device 'a b' is not connected.");
  });
  it("is checked before it is sent", () => {
    expect(requestFault("{")).toMatch(/^The request is not JSON: /);
    expect(requestFault(" ")).toBeNull();
    for (const schema of ["boolean", "double", "string", "Object", "Array", null]) expect(requestFault(sampleRequest(schema))).toBeNull();
  });
});
