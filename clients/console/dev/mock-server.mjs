// The silo's doors over the mock world, for developing the console. Usage: node dev/mock-server.mjs [port] [twins] [--dist] [--offline-after=S]
import { createServer } from "node:http";
import { readFileSync, existsSync } from "node:fs";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { WebSocketServer } from "ws";
import { createWorld } from "./mock-world.mjs";
import { createLife } from "./mock-life.mjs";
import { runQuery } from "./mock-query.mjs";

const dist = fileURLToPath(new URL("../dist/", import.meta.url));
const TYPES = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml" };

export function startMock({ port = 5090, twins = 20_000, seed = 7, key = null } = {}) {
  const world = createWorld(twins, seed);
  const life = createLife(world);
  const started = new Date().toISOString();
  const server = createServer((req, res) => {
    const url = new URL(req.url, "http://x");
    const path = decodeURIComponent(url.pathname);
    const send = (status, body, headers = {}) => {
      res.writeHead(status, { "content-type": status >= 400 ? "application/problem+json" : "application/json", ...headers });
      res.end(body === undefined ? "" : JSON.stringify(body));
    };
    const problem = (status, code, detail, where) => send(status, { type: `urn:twin:problem:${code}`, title: code, status, detail, code, ...(where ? { where } : {}) });
    let raw = "";
    req.on("data", (d) => (raw += d));
    req.on("end", () => {
      try {
        route(req, res, path, url, raw, send, problem);
      } catch (e) {
        problem(500, "MockFailed", String(e));
      }
    });
  });
  function route(req, res, path, url, raw, send, problem) {
    const api = /^\/(models|digitaltwins|query|history|devices|system|scene|snapshot|alarms)/.test(path);
    if (api && key && req.headers["x-api-key"] !== key) return problem(401, "Unauthenticated", "A key or token is needed.");
    if (path === "/scene") return send(200, world.scene);
    if (path === "/models" && req.method === "GET") return send(200, { value: world.models });
    if (path === "/alarms") return send(200, life.alarms());
    if (path === "/system") return send(200, life.system(started));
    if (path === "/snapshot") {
      const out = { id: [], v: [], t: [] };
      for (const t of world.twins.values()) if (t.model === url.searchParams.get("model") && t.values[url.searchParams.get("path")] !== undefined) { out.id.push(t.id); out.v.push(t.values[url.searchParams.get("path")]); out.t.push(t.times[url.searchParams.get("path")]); }
      return send(200, out);
    }
    if (path === "/metrics") {
      res.writeHead(200, { "content-type": "text/plain; version=0.0.4" });
      return res.end(life.metrics());
    }
    if (path === "/health/ready" || path === "/health/live") return send(200, { status: "ready" });
    if (path === "/devices") return send(200, deviceList(world, url.searchParams));
    const command = /^\/devices\/([^/]+)\/commands\/([^/]+)$/.exec(path);
    if (command) return device(world, command[1])?.connected ? send(200, { code: 200, payload: { accepted: true, request: JSON.parse(raw || "null") } }) : problem(409, "DeviceNotConnected", `Device '${command[1]}' is not connected.`, "id");
    if (path.startsWith("/devices/") && path.endsWith("/desired")) return send(200, { version: 2 });
    if (path.startsWith("/devices/")) return send(200, device(world, path.split("/")[2]) ?? { deviceId: path.split("/")[2], registered: false, connected: false, stale: true, lastSeen: null, desired: {}, reported: {} });
    const model = /^\/models\/(.+)$/.exec(path);
    if (model) {
      const found = world.models.find((x) => x.id === model[1]);
      return found ? send(200, found) : problem(404, "ModelNotFound", `There is no model '${model[1]}'.`, model[1]);
    }
    if (path === "/models" && req.method === "POST") return problem(400, "DTDLParserError", "1 error(s): the stand-in takes no models. [dtmi:mock:error]");
    if (path === "/query") {
      const body = JSON.parse(raw);
      const answer = runQuery(world, body.query, body.continuationToken, body.pageSize ?? 100, body.parameters);
      return answer.error ? problem(400, "QuerySyntax", answer.error.detail, String(answer.error.at)) : send(200, answer, { "query-charge": "12.4" });
    }
    let m = /^\/history\/([^/]+)\/(.+)$/.exec(path);
    if (m) return send(200, { buckets: life.history(m[1], m[2], new Date(url.searchParams.get("from")), new Date(url.searchParams.get("to")), url.searchParams.get("width")) });
    m = /^\/digitaltwins\/([^/]+)(?:\/(relationships|incomingrelationships))?$/.exec(path);
    if (m) {
      const t = world.twins.get(m[1]);
      if (!t) return problem(404, "TwinNotFound", `There is no twin '${m[1]}'.`, m[1]);
      if (m[2] === "relationships") return send(200, { value: world.links.filter((l) => l.$sourceId === t.id) });
      if (m[2]) return send(200, { value: world.links.filter((l) => l.$targetId === t.id) });
      if (req.method === "PATCH") {
        if (req.headers["if-match"] && req.headers["if-match"] !== `W/"${t.etag}"`) return problem(412, "PreconditionFailed", "The twin has changed since.", t.id);
        for (const op of JSON.parse(raw)) life.set(t, op.path.slice(1), op.value);
        return send(204);
      }
      const meta = { $model: t.model };
      for (const k of Object.keys(t.values)) meta[k] = { lastUpdateTime: t.times[k] };
      return send(200, { $dtId: t.id, $etag: `W/"${t.etag}"`, ...t.values, $metadata: meta }, { etag: `W/"${t.etag}"` });
    }
    const file = join(dist, normalize(path === "/" ? "/index.html" : path));
    if (!file.startsWith(dist) || !existsSync(file)) return problem(404, "NotFound", path);
    res.writeHead(200, { "content-type": TYPES[extname(file)] ?? "application/octet-stream" });
    res.end(readFileSync(file));
  }
  const sockets = new WebSocketServer({ noServer: true });
  server.on("upgrade", (req, socket, head) => {
    if (!req.url.startsWith("/stream")) return socket.destroy();
    sockets.handleUpgrade(req, socket, head, (ws) => life.attach(ws, new URL(req.url, "http://x").searchParams.get("cursor")));
  });
  return new Promise((resolve) => server.listen(port, "127.0.0.1", () => resolve({
    url: `http://127.0.0.1:${server.address().port}`,
    world,
    dropSockets: () => sockets.clients.forEach((c) => c.terminate()),
    close: () => { life.stop(); sockets.clients.forEach((c) => c.terminate()); server.closeAllConnections(); server.close(); },
  })));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [port, twins] = process.argv.slice(2).filter((a) => !a.startsWith("--")).map(Number);
  const mock = await startMock({ port: port || 5090, twins: twins || 20_000 });
  console.log(`mock silo at ${mock.url} with ${mock.world.twins.size} twins`);
}

/** Every ninth device is away; every seventh has not yet done what is desired. */
function device(world, id) {
  const ids = (world.deviceIds ??= [...world.twins.values()].filter((t) => /Bus;|Station;|Charger;|Transformer;/.test(t.model)).map((t) => t.id).sort());
  const i = ids.indexOf(id);
  if (i < 0) return null;
  const connected = i % 9 !== 4;
  return {
    deviceId: id, registered: true, connected, stale: !connected, behindEdge: null, lastSeen: new Date(Date.now() - (connected ? 900 : 400_000)).toISOString(), connection: connected ? `mqtt-${i % 16}` : null,
    disabled: false, desiredVersion: 1 + (i % 4), desired: { interval: 10, limits: { power: 22 } }, reported: { interval: i % 7 === 3 ? 30 : 10, limits: { power: 22 }, firmware: "1.4.2" },
  };
}

function deviceList(world, query) {
  device(world, "");
  const state = { connected: (d) => d.connected, disconnected: (d) => !d.connected, stale: (d) => d.stale, fresh: (d) => !d.stale, disabled: (d) => d.disabled }[query.get("state")] ?? (() => true);
  const all = world.deviceIds.filter((id) => id.startsWith(query.get("prefix") ?? "")).map((id) => device(world, id)).filter(state);
  const from = Number(query.get("continuationToken") ?? 0);
  const top = Number(query.get("top") ?? 100);
  return { value: all.slice(from, from + top), continuationToken: from + top < all.length ? String(from + top) : null };
}
