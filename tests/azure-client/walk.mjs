// Walks through the doors with the public client, unmodified. Arguments: base address, token. One JSON object per step goes to
// stdout; the first step that is not as expected ends the walk with exit code 1. NODE_EXTRA_CA_CERTS makes the certificate trusted.
import assert from "node:assert/strict";
import { DigitalTwinsClient } from "@azure/digital-twins-core";

const [endpoint, token] = process.argv.slice(2);
let asked = 0;
const credential = {
  async getToken(scopes) {
    asked++;
    assert.ok(String(scopes).includes("digitaltwins"));
    return { token, expiresOnTimestamp: Date.now() + 3_600_000 };
  },
};
const client = new DigitalTwinsClient(endpoint, credential, { retryOptions: { maxRetries: 0 } });
const context = "dtmi:dtdl:context;3";
const sensor = { "@context": context, "@id": "dtmi:azc:Sensor;1", "@type": "Interface", displayName: "Sensor",
  contents: [{ "@type": "Property", name: "level", schema: "double", writable: true }, { "@type": "Telemetry", name: "tick", schema: "integer" }] };
const asset = { "@context": context, "@id": "dtmi:azc:Asset;1", "@type": "Interface", displayName: "Asset",
  contents: [{ "@type": "Property", name: "owner", schema: "string", writable: true }] };
const room = { "@context": context, "@id": "dtmi:azc:Room;1", "@type": "Interface", extends: "dtmi:azc:Asset;1", displayName: "Room",
  contents: [
    { "@type": "Property", name: "temperature", schema: "double", writable: true },
    { "@type": "Property", name: "label", schema: "string", writable: true },
    { "@type": "Telemetry", name: "blink", schema: "integer" },
    { "@type": "Component", name: "sensor", schema: "dtmi:azc:Sensor;1" },
    { "@type": "Relationship", name: "has", properties: [{ "@type": "Property", name: "since", schema: "integer", writable: true }] }] };
const spare = { "@context": context, "@id": "dtmi:azc:Spare;1", "@type": "Interface" };

async function step(name, work) {
  try {
    await work();
    console.log(JSON.stringify({ step: name, ok: true }));
  } catch (fault) {
    console.log(JSON.stringify({ step: name, ok: false, fault: `${fault?.stack ?? fault}`, code: fault?.code, status: fault?.statusCode }));
    process.exit(1);
  }
}

async function all(pages) {
  const rows = [];
  for await (const row of pages) rows.push(row);
  return rows;
}

/** The refusal as the client's own RestError, with the code and a message for people. */
async function refused(work, status, code) {
  const fault = await work().then(() => assert.fail(`not refused; expected ${status} ${code}`), f => f);
  assert.equal(fault.name, "RestError", `${fault?.stack}`);
  assert.deepEqual([fault.statusCode, fault.code], [status, code], fault.message);
  assert.ok(fault.message.length > 10 && !fault.message.startsWith("{"), fault.message);
}

const twin = (i, more = {}) => JSON.stringify({ $metadata: { $model: room["@id"] }, temperature: i, label: `room ${i}`, sensor: { $metadata: {} }, ...more });

await step("models are created and answered", async () => {
  const made = await client.createModels([asset, sensor, room, spare]);
  assert.deepEqual([...made].map(m => m.id).sort(), [asset, room, sensor, spare].map(m => m["@id"]));
  assert.ok(made[0].uploadTime instanceof Date && made.every(m => m.decommissioned === false));
  assert.equal(made._response.status, 201);
});
await step("models are refused with the client's error", async () => {
  await refused(() => client.createModels([asset]), 409, "ModelIdAlreadyExists");
  await refused(() => client.getModel("dtmi:azc:Nothing;1"), 404, "ModelNotFound");
  await refused(() => client.createModels([{ ...spare, "@id": "dtmi:azc:Wrong;1", contents: [{ "@type": "Property", name: "p" }] }]), 400, "DTDLParserError");
});
await step("models are read and listed by page with what they depend on", async () => {
  assert.deepEqual((await client.getModel(room["@id"], true)).model, room);
  assert.equal((await client.getModel(room["@id"])).displayName.en, "Room");
  const ids = (await all(client.listModels([room["@id"]], true))).map(m => m.id).sort();
  assert.deepEqual(ids, [asset, room, sensor].map(m => m["@id"]));
  const pages = [];
  for await (const page of client.listModels(undefined, false, 1).byPage({ maxPageSize: 1 })) pages.push(page.value.map(m => m.id));
  assert.ok(pages.every(p => p.length === 1));
  assert.deepEqual(pages.flat().filter(id => id.startsWith("dtmi:azc:")), [asset, room, sensor, spare].map(m => m["@id"]));
});
await step("a model is decommissioned and takes no twin", async () => {
  await client.decomissionModel(spare["@id"]);
  assert.equal((await client.getModel(spare["@id"])).decommissioned, true);
  await refused(() => client.upsertDigitalTwin("azc-spare", JSON.stringify({ $metadata: { $model: spare["@id"] } })), 400, "ModelDecommissioned");
});

let etag;
await step("twins are created, read and replaced under conditions", async () => {
  const made = await client.upsertDigitalTwin("azc-0", twin(0));
  assert.equal(made.body.$dtId, "azc-0");
  assert.ok(made.etag);
  for (let i = 1; i < 25; i++) await client.upsertDigitalTwin(`azc-${i}`, twin(i));
  const read = await client.getDigitalTwin("azc-7");
  assert.deepEqual([read.body.temperature, read.body.label, read.body.$metadata.$model], [7, "room 7", room["@id"]]);
  assert.equal(read.etag, read.body.$etag);
  await refused(() => client.upsertDigitalTwin("azc-7", twin(1), { ifNoneMatch: "*" }), 412, "DigitalTwinAlreadyExists");
  await refused(() => client.upsertDigitalTwin("azc-bad", JSON.stringify({ $metadata: { $model: "dtmi:azc:Nothing;1" } })), 400, "ModelNotFound");
  await refused(() => client.upsertDigitalTwin("azc-bad", twin(0, { temperature: "warm" })), 400, "PropertyInvalid");
  await refused(() => client.getDigitalTwin("azc-none"), 404, "DigitalTwinNotFound");
});
await step("a twin is patched under its ETag", async () => {
  etag = (await client.getDigitalTwin("azc-1")).etag;
  const patched = await client.updateDigitalTwin("azc-1", [{ op: "replace", path: "/temperature", value: 21.5 }, { op: "add", path: "/owner", value: "me" }], { ifMatch: etag });
  assert.notEqual(patched.etag, etag);
  await refused(() => client.updateDigitalTwin("azc-1", [{ op: "replace", path: "/temperature", value: 0 }], { ifMatch: etag }), 412, "PreconditionFailed");
  await refused(() => client.updateDigitalTwin("azc-1", [{ op: "replace", path: "/pressure", value: 0 }]), 400, "PropertyNotInModel");
  const read = (await client.getDigitalTwin("azc-1")).body;
  assert.deepEqual([read.temperature, read.owner], [21.5, "me"]);
  assert.ok(!Number.isNaN(Date.parse(read.$metadata.temperature.lastUpdateTime)));
});
await step("a component is read and patched", async () => {
  await client.updateComponent("azc-2", "sensor", [{ op: "add", path: "/level", value: 0.5 }]);
  assert.equal((await client.getComponent("azc-2", "sensor")).body.level, 0.5);
  await refused(() => client.getComponent("azc-2", "nothing"), 404, "ComponentNotFound");
});
await step("relationships are created, patched, read and listed over pages both ways", async () => {
  for (let i = 1; i <= 120; i++)
    await client.upsertRelationship("azc-0", `r${i}`, { $relationshipId: `r${i}`, $sourceId: "azc-0", $relationshipName: "has", $targetId: `azc-${1 + (i % 24)}`, since: i });
  const one = (await client.getRelationship("azc-0", "r5")).body;
  assert.deepEqual([one.$targetId, one.since], ["azc-6", 5]);
  await client.updateRelationship("azc-0", "r5", [{ op: "replace", path: "/since", value: 1999 }]);
  assert.equal((await client.getRelationship("azc-0", "r5")).body.since, 1999);
  const outgoing = await all(client.listRelationships("azc-0"));
  assert.deepEqual(outgoing.map(r => r.$relationshipId).sort(), Array.from({ length: 120 }, (_, i) => `r${i + 1}`).sort());
  const incoming = await all(client.listIncomingRelationships("azc-6"));
  assert.deepEqual(incoming.map(r => [r.sourceId, r.relationshipName]), Array(5).fill(["azc-0", "has"]));
  await refused(() => client.getRelationship("azc-0", "none"), 404, "RelationshipNotFound");
  await refused(() => client.upsertRelationship("azc-0", "rx", { $targetId: "azc-1", $relationshipName: "eats" }), 400, "RelationshipNotInModel");
});
await step("telemetry is published", async () => {
  await client.publishTelemetry("azc-3", { blink: 1 }, "m-1");
  await client.publishTelemetry("azc-3", { blink: 2 });
  await client.publishComponentTelemetry("azc-3", "sensor", "m-2", { tick: 3 }); // version 1.1.0 of the client has the two the wrong way round
  await refused(() => client.publishTelemetry("azc-none", { blink: 1 }, "m-3"), 404, "DigitalTwinNotFound");
});
await step("queries come by page", async () => {
  const query = `SELECT * FROM DIGITALTWINS T WHERE IS_OF_MODEL(T, '${room["@id"]}') AND T.temperature >= 5 AND T.$dtId != 'azc-1'`;
  const pages = [];
  for await (const page of client.queryTwins(query, 6).byPage()) pages.push(page.value.map(t => t.$dtId));
  assert.deepEqual(pages.map(p => p.length), [6, 6, 6, 2]);
  assert.deepEqual(pages.flat().sort(), Array.from({ length: 20 }, (_, i) => `azc-${i + 5}`).sort());
  assert.equal((await all(client.queryTwins(query))).length, 20);
  const joined = await all(client.queryTwins("SELECT R.$dtId FROM DIGITALTWINS B JOIN R RELATED B.has WHERE B.$dtId = 'azc-0' AND R.temperature = 9"));
  assert.equal(joined.length, 5);
  await refused(() => all(client.queryTwins("SELECT FROM WHERE")), 400, "QuerySyntax");
});
await step("what is used is not deleted, then all is", async () => {
  await refused(() => client.deleteDigitalTwin("azc-0"), 409, "RelationshipsNotDeleted");
  await refused(() => client.deleteModel(asset["@id"]), 409, "ModelReferencesNotDeleted");
  await refused(() => client.deleteModel(room["@id"]), 409, "ModelInUse");
  for (const r of await all(client.listRelationships("azc-0"))) await client.deleteRelationship("azc-0", r.$relationshipId);
  await refused(() => client.deleteDigitalTwin("azc-1", { ifMatch: etag }), 412, "PreconditionFailed");
  for (let i = 0; i < 25; i++) await client.deleteDigitalTwin(`azc-${i}`);
  await refused(() => client.deleteDigitalTwin("azc-0"), 404, "DigitalTwinNotFound");
  for (const m of [room, asset, sensor, spare]) await client.deleteModel(m["@id"]);
  await refused(() => client.deleteModel(room["@id"]), 404, "ModelNotFound");
});
await step("event routes can be listed", async () => {
  assert.deepEqual(await all(client.listEventRoutes()), []);
  await refused(() => client.getEventRoute("none"), 404, "EventRouteNotFound");
  await refused(() => client.upsertEventRoute("e1", "hub", "true"), 400, "EventRouteEndpointInvalid");
});
await step("a wrong token is refused", async () => {
  const stranger = new DigitalTwinsClient(endpoint, { getToken: async () => ({ token: "nobody", expiresOnTimestamp: Date.now() + 3_600_000 }) }, { retryOptions: { maxRetries: 0 } });
  await refused(() => stranger.getDigitalTwin("azc-0"), 401, "NotAuthenticated");
});
assert.ok(asked > 0);
