// A public WoT client consumes our Things, and their descriptions are held against the published schema of TD 1.1.
// Arguments: base address, id of a twin. While it runs the test changes serial and sends telemetry blink 42, again and again.
// One JSON object goes to stdout at the end.
import assert from "node:assert/strict";
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
const { Servient, Helpers } = require("@node-wot/core");
const { HttpClientFactory } = require("@node-wot/binding-http");
const Ajv = require("ajv");
const formats = require("ajv-formats");
const [base, id] = process.argv.slice(2);

const schema = require("wot-thing-description-types/schema/td-json-schema-validation.json");
const ajv = new Ajv.default({ strict: false, allErrors: true });
formats.default(ajv);
ajv.addFormat("iri-reference", true); // not one that ajv-formats has
const validate = ajv.compile(schema);
function check(td) {
  assert.ok(validate(td), JSON.stringify(validate.errors, null, 1));
}

const answer = await fetch(`${base}/things/${id}`, { headers: { accept: "application/td+json" } });
assert.equal(answer.status, 200);
assert.equal(answer.headers.get("content-type"), "application/td+json");
check(await answer.clone().json());

let pages = 0, things = 0;
for (let next = `${base}/things?top=3`; next; pages++) {
  const page = await fetch(next);
  for (const td of await page.json()) {
    check(td);
    things++;
  }
  next = /<([^>]+)>; rel="next"/.exec(page.headers.get("link") ?? "")?.[1];
  if (next) next = new URL(next, base).href;
}

const servient = new Servient();
servient.addClientFactory(new HttpClientFactory());
const wot = await servient.start();
const thing = await wot.consume(await wot.requestThingDescription(`${base}/things/${id}`));

assert.equal(await (await thing.readProperty("label")).value(), "before");
await thing.writeProperty("label", "after");
assert.equal(await (await thing.readProperty("label")).value(), "after");
await thing.writeProperty("bulb.hours", 12);
assert.equal(await (await thing.readProperty("bulb.hours")).value(), 12);
await thing.writeProperty("place", { floor: 3, room: "kitchen" });
assert.deepEqual(await (await thing.readProperty("place")).value(), { floor: 3, room: "kitchen" });
const all = await thing.readAllProperties();
const read = {};
for (const [name, value] of all) read[name] = await value.value();
await thing.writeMultipleProperties(new Map([["lit", true], ["power", 1.5]]));
assert.equal(await (await thing.readProperty("power")).value(), 1.5);
const reply = await thing.invokeAction("dim", { level: 4 });
const output = await reply.value();
await assert.rejects(thing.writeProperty("label", 5)); // not a string: refused by the door

const observed = new Promise(done => thing.observeProperty("serial", async v => done(await v.value())).catch(done));
const heard = new Promise(done => thing.subscribeEvent("blink", async v => done(await v.value())).catch(done));
const result = await Promise.all([observed, heard]); // the client does not say when its streams are open; the test goes on until it is heard
console.log(JSON.stringify({ pages, things, read, output, observed: result[0], blink: result[1] }));
process.exit(0);
