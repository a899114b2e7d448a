// Makes the mock world live: values change twenty times a second and go to sockets in batches with cursors.

export function createLife(world) {
  const { rnd } = world;
  const byModel = new Map();
  for (const t of world.twins.values()) {
    const list = byModel.get(t.model);
    if (list) list.push(t);
    else byModel.set(t.model, [t]);
  }
  const clients = new Set();
  const log = [];
  let batchNo = 0;
  let seq = 1;
  let pending = [];
  const set = (t, path, value) => {
    t.values[path] = value;
    t.times[path] = new Date().toISOString();
    t.etag++;
    pending.push({ seq: ++seq, kind: "propertyChanged", id: t.id, model: t.model, path, value, t: t.times[path], committed: t.times[path] });
  };
  const of = (name) => byModel.get(`dtmi:twin:city:${name};1`) ?? [];
  const pick = (list) => list[Math.floor(rnd() * list.length)];
  const wave = (t, seed) => 0.5 + 0.5 * Math.sin(Date.now() / 9000 + seed);
  for (const t of of("Streetlight")) {
    t.values.level = Math.round(30 + 60 * rnd());
    t.values.power = +(t.values.ratedPower * t.values.level / 100).toFixed(1);
  }
  const tick = () => {
    for (let i = 0; i < 30; i++) { const t = pick(of("Streetlight")); const level = Math.max(0, Math.min(100, t.values.level + Math.round((rnd() - 0.5) * 12))); set(t, "level", level); set(t, "power", +(t.values.ratedPower * level / 100).toFixed(1)); }
    for (let i = 0; i < 3; i++) { const t = pick(of("ParkingBay")); set(t, "occupied", !t.values.occupied); }
    for (let i = 0; i < 2; i++) { const t = pick(of("TrafficCounter")); set(t, "flow", Math.round(1400 * wave(t, t.id.length))); }
    for (let i = 0; i < 2; i++) { const t = pick(of("Transformer")); set(t, "load", +(50 + 40 * wave(t, 1)).toFixed(1)); }
  };
  let turn = 0;
  const busTick = () => {
    turn++;
    world.buses.forEach((b, i) => {
      if (i % 10 !== turn % 10) return;
      b.d += b.way * 9.5;
      if (b.d > b.length || b.d < 0) { b.way = -b.way; b.d = Math.max(0, Math.min(b.length, b.d)); }
      const a = world.along(b.line, b.d);
      const f = { ux: a.ux * b.way, uy: a.uy * b.way };
      set(b.twin, "x", +(a.x + f.uy * 3).toFixed(1));
      set(b.twin, "y", +(a.y - f.ux * 3).toFixed(1));
      set(b.twin, "heading", world.headingOf(f));
      set(b.twin, "speed", +(32 + rnd() * 6).toFixed(1));
    });
    if (turn % 10) return;
    const f = world.factory;
    for (const p of f.stations) {
      if (p.station.values.state === "running" && rnd() < 0.1) set(p.station, "good", p.station.values.good + 1);
      if (p.buffer && rnd() < 0.2) set(p.buffer, "level", Math.max(0, Math.min(8, p.buffer.values.level + (rnd() < 0.5 ? 1 : -1))));
      set(p.station, "temperature", +(48 + 4 * wave(p.station, p.station.id.length)).toFixed(1));
    }
    for (const v of f.vehicles) {
      v.phase = (v.phase + 0.006) % 1;
      const s = v.line === 1 ? -1 : 1;
      const u = v.phase * 2;
      set(v.twin, "x", +(f.OX + (u < 1 ? -62 + 120 * u : 58 - 120 * (u - 1))).toFixed(1));
      set(v.twin, "y", +(f.OY + s * (u < 1 ? 7 : 24)).toFixed(1));
    }
  };
  const flush = () => {
    if (pending.length === 0) return;
    const batch = { cursor: `c${++batchNo}`, changes: pending };
    pending = [];
    log.push(batch);
    if (log.length > 600) log.shift();
    const text = JSON.stringify(batch);
    for (const ws of clients) if (ws.bufferedAmount < 4e6) ws.send(text);
  };
  const timers = [setInterval(() => { tick(); busTick(); flush(); }, 100)];
  let rate = 0;
  return {
    set,
    stop: () => timers.forEach(clearInterval),
    attach(ws, cursor) {
      if (cursor) {
        const no = Number(cursor.slice(1));
        if (log.length && no < batchNo - log.length) ws.send(JSON.stringify({ reset: true, cursor: `c${batchNo}` }));
        else for (const b of log) if (Number(b.cursor.slice(1)) > no) ws.send(JSON.stringify(b));
      }
      clients.add(ws);
      ws.on("close", () => clients.delete(ws));
    },
    alarms() {
      const out = [];
      for (const t of world.twins.values()) if (t.values.alarm && t.values.alarm !== "none") out.push({ id: t.id, model: t.model, path: "alarm", value: t.values.alarm, since: t.times.alarm, severity: t.values.alarm, text: t.values.alarm === "critical" ? "Someone must act" : "Someone should look" });
      return out;
    },
    system(startedAt) {
      rate = 850 + Math.round(150 * Math.sin(Date.now() / 8000));
      const twinsByModel = {};
      for (const t of world.twins.values()) twinsByModel[t.model] = (twinsByModel[t.model] ?? 0) + 1;
      return {
        version: "0.1.0", cluster: "dev", silos: [{ name: "silo-1", status: "Active" }], twins: world.twins.size, relationships: world.links.length, twinsByModel, startedAt, scenario: "city+factory",
        shards: Array.from({ length: 16 }, (_, i) => ({ shard: i, twins: Math.floor(world.twins.size / 16) + ((i * 37) % 11), relationships: 1200 + i, sequence: seq + i * 1000, journalBytes: 4e6 + i * 1e5, silo: "silo-1" })),
        ingest: { messagesPerS: rate, valuesPerS: rate * 1.4, fates: { applied: seq, duplicate: 4, reordered: 12, late: 3, future: 0, unknownTwin: 0, unknownProperty: 1, invalid: 2, unavailable: 0 } },
        feed: { subscribers: clients.size, changesPerS: rate }, history: { points: seq * 40, lagMs: 120 + (seq % 60) }, memoryBytes: 412e6,
      };
    },
    metrics() {
      const t = Date.now() / 1000;
      return [`twin_ingest_in_flight_samples ${Math.round(40 + 40 * Math.sin(t / 9))}`, "twin_ingest_waiting_offers 0", `twin_ingest_latency_seconds_sum ${t * 0.3}`, `twin_ingest_latency_seconds_count ${t * 100}`,
        `twin_journal_fsync_seconds_sum ${t * 0.11 + Math.sin(t / 20)}`, `twin_journal_fsync_seconds_count ${t * 40}`, `twin_journal_frames_total ${t * 110}`, `twin_journal_bytes_total ${t * 64_000}`, `twin_history_values_total ${t * 1200}`,
        "twin_mqtt_connections 16", `twin_mqtt_messages_received_total ${Math.round(t * 850)}`, `twin_mqtt_messages_sent_total ${Math.round(t * 3)}`, ""].join("\n");
    },
    history(id, path, from, to, width) {
      const step = { PT1S: 1, PT5S: 5, PT10S: 10, PT30S: 30, PT1M: 60, PT5M: 300, PT15M: 900, PT30M: 1800, PT1H: 3600 }[width] ?? 60;
      const t = world.twins.get(id);
      const now = typeof t?.values[path] === "number" ? t.values[path] : 1;
      const out = [];
      for (let at = from.getTime(); at <= to.getTime(); at += step * 1000) {
        const v = now * (0.75 + 0.25 * Math.sin(at / 700_000) + 0.08 * Math.sin(at / 90_000));
        out.push({ t: new Date(at).toISOString(), count: 12, min: v * 0.93, max: v * 1.06, mean: v, last: v });
      }
      return out;
    },
  };
}
