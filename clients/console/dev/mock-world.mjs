// A seeded city and factory for developing the console without a silo. Never shipped: the silo serves its own scenarios.

export function random(seed) {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = a;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

const C = (n) => `dtmi:twin:city:${n};1`;
const F = (n) => `dtmi:twin:factory:${n};1`;
const num = (name, unit, min, max) => ({ name, unit, min, max, schema: "double" });
const choice = (name, ...values) => ({ name, enum: values });
const alarm = choice("alarm", "none", "warning", "critical");
const name = { name: "name", schema: "string" };
const flag = (n) => ({ name: n, schema: "boolean" });

const MODELS = [
  [C("Asset"), "Asset", null, [name, num("x", "metre"), num("y", "metre"), num("heading", "degreeOfArc")], {}, []],
  [C("District"), "District", C("Asset"), [], { contains: C("Street") }, []],
  [C("Street"), "Street", C("Asset"), [choice("kind", "ring", "radial", "local")], { hasLight: C("Streetlight"), hasBay: C("ParkingBay"), hasCounter: C("TrafficCounter") }, []],
  [C("Building"), "Building", C("Asset"), [num("height", "metre", 5, 90), choice("use", "residential", "office", "retail", "civic")], {}, []],
  [C("Streetlight"), "Streetlight", C("Asset"), [num("power", "watt", 0, 120), num("ratedPower", "watt"), num("level", "percent", 0, 100), num("energy", "kilowattHour"), { ...num("dimTo", "percent"), writable: true }, alarm], {}, [["setLevel", "level"]]],
  [C("ParkingBay"), "Parking bay", C("Asset"), [flag("occupied"), num("battery", "volt", 2.8, 3.7)], {}, []],
  [C("TrafficCounter"), "Traffic counter", C("Asset"), [num("flow", null, 0, 1600), num("speed", "kilometrePerHour", 0, 60)], {}, []],
  [C("Charger"), "EV charger", C("Asset"), [choice("state", "available", "preparing", "charging", "finishing", "faulted"), num("power", "kilowatt", 0, 50), alarm], { poweredBy: C("Transformer") }, [["stop", null]]],
  [C("Transformer"), "Transformer", C("Asset"), [num("load", "percent", 0, 110), num("oilTemperature", "degreeCelsius", 20, 95), alarm], { supplies: C("Street") }, []],
  [C("AirQualityStation"), "Air quality station", C("Asset"), [num("pm25", "microgramPerCubicMetre", 0, 60), num("temperature", "degreeCelsius", -10, 35), num("noise", "decibel", 35, 85), alarm], {}, []],
  [C("Bus"), "Bus", C("Asset"), [num("speed", "kilometrePerHour", 0, 50), num("passengers", null, 0, 80), num("delay", "second", -60, 600), choice("state", "moving", "atStop", "parked")], {}, []],
  [F("Equipment"), "Equipment", null, [name, num("x", "metre"), num("y", "metre"), num("heading", "degreeOfArc")], {}, []],
  [F("ProductionLine"), "Production line", F("Equipment"), [num("output", null, 0, 120), num("oee", "percent", 0, 100)], { contains: F("Equipment") }, []],
  [F("Station"), "Station", F("Equipment"), [choice("process", "press", "weld", "paint", "assemble", "test", "pack"), choice("state", "starved", "running", "blocked", "down"), num("good", null, 0, 120), num("scrap", null, 0, 6), num("cycleTime", "second", 25, 45), num("temperature", "degreeCelsius", 20, 95), num("oee", "percent", 0, 100), alarm], { feeds: F("Equipment") }, [["reset", null], ["setSpeed", "share"]]],
  [F("Buffer"), "Buffer", F("Equipment"), [num("capacity", null, 0, 20), num("level", null, 0, 8)], { feeds: F("Equipment") }, []],
  [F("Conveyor"), "Conveyor", F("Equipment"), [flag("running"), num("speed", "metrePerSecond", 0, 0.6)], { feeds: F("Equipment") }, []],
  [F("Robot"), "Robot", F("Equipment"), [choice("state", "idle", "working", "stopped"), num("power", "kilowatt", 0, 8)], { serves: F("Station") }, []],
  [F("GuidedVehicle"), "Guided vehicle", F("Equipment"), [num("speed", "metrePerSecond", 0, 1.6), num("battery", "percent", 0, 100), choice("state", "driving", "loading", "charging")], {}, []],
];

export function createWorld(total = 20_000, seed = 7) {
  const rnd = random(seed);
  const twins = new Map();
  const links = [];
  const scene = { origin: { lon: 8.5, lat: 50 }, models: [], twins: { id: [], model: [], x: [], y: [], z: [], heading: [] }, buildings: [], roads: [], areas: [] };
  const models = MODELS.map(([id, displayName, base, props, rels, commands]) => {
    scene.models.push({ id, displayName, properties: props.filter((p) => p.max !== undefined).map((p) => ({ path: p.name, unit: p.unit, min: p.min, max: p.max })) });
    const contents = [
      ...props.map((p) => ({ "@type": "Property", name: p.name, ...(p.unit ? { unit: p.unit } : {}), ...(p.writable ? { writable: true } : {}), schema: p.enum ? { "@type": "Enum", valueSchema: "string", enumValues: p.enum.map((v) => ({ name: v, enumValue: v })) } : p.schema })),
      ...Object.entries(rels).map(([n, target]) => ({ "@type": "Relationship", name: n, target })),
      ...commands.map(([n, request]) => ({ "@type": "Command", name: n, ...(request ? { request: { name: request, schema: "double" } } : {}) })),
    ];
    return { id, displayName, uploadTime: "2026-11-22T08:00:00Z", decommissioned: false, model: { "@id": id, "@type": "Interface", displayName, ...(base ? { extends: base } : {}), contents } };
  });
  const indexOf = new Map(models.map((m, i) => [m.id, i]));
  const now = new Date().toISOString();
  const add = (id, model, x, y, z, heading, values) => {
    const t = { id, model, values: { name: id, ...values }, times: {}, seq: 1, etag: 1 };
    for (const k of Object.keys(t.values)) t.times[k] = now;
    twins.set(id, t);
    const s = scene.twins;
    s.id.push(id); s.model.push(indexOf.get(model)); s.x.push(+x.toFixed(1)); s.y.push(+y.toFixed(1)); s.z.push(z); s.heading.push(heading);
    return t;
  };
  const link = (from, rel, to) => links.push({ $relationshipId: `${from}-${rel}-${to}`, $sourceId: from, $relationshipName: rel, $targetId: to });
  const pad = (n, w = 5) => String(n).padStart(w, "0");

  // Streets: a bent grid in a disc with a river through it.
  const R = 2400;
  const river = (x) => 420 * Math.sin(x / 900) + 300;
  const bend = (u, v) => [u + 40 * Math.sin(v / 500), v + 40 * Math.sin(u / 600)];
  const band = [];
  for (let x = -2800; x <= 2800; x += 60) band.push([x, river(x) + 42]);
  for (let x = 2800; x >= -2800; x -= 60) band.push([x, river(x) - 42]);
  scene.areas.push({ id: "river", kind: "water", outline: band });
  const streets = [];
  let streetNo = 0;
  const names = ["Mill", "Abbey", "Linden", "Station", "Harbour", "Castle", "Market", "Garden", "School", "Church", "Forge", "Meadow"];
  const walk = (fn, main) => {
    let run = [];
    const close = () => {
      if (run.length > 6) {
        const id = `street-${pad(++streetNo)}`;
        const mid = run[run.length >> 1];
        add(id, C("Street"), mid[0], mid[1], 0, 0, { name: `${names[streetNo % names.length]} ${main ? "Avenue" : "Street"} ${streetNo}`, kind: main ? "radial" : "local" });
        const width = main ? 18 : 10;
        scene.roads.push({ id, line: run, width });
        streets.push({ id, line: run, width, main });
      }
      run = [];
    };
    for (let t = -R; t <= R; t += 30) {
      const p = fn(t);
      const inside = Math.hypot(p[0], p[1]) < R && (main || Math.abs(p[1] - river(p[0])) > 60);
      if (inside) run.push([+p[0].toFixed(1), +p[1].toFixed(1)]);
      else close();
    }
    close();
  };
  for (let i = -22; i <= 22; i++) walk((t) => bend(i * 105, t), i % 6 === 0);
  for (let j = -16; j <= 16; j++) walk((t) => bend(t, j * 145), j % 5 === 0);
  add("district-01", C("District"), 0, 0, 0, 0, { name: "Old town" });
  for (const s of streets) link("district-01", "contains", s.id);

  // Blocks with buildings, some parks and car parks.
  let house = 0;
  const transformers = [];
  const carParks = [];
  for (let i = -22; i < 22; i++) for (let j = -16; j < 16; j++) {
    const q = [[0, 0], [1, 0], [1, 1], [0, 1]].map(([a, b]) => bend((i + a) * 105 + (a ? -11 : 11), (j + b) * 145 + (b ? -11 : 11)));
    const mid = [(q[0][0] + q[2][0]) / 2, (q[0][1] + q[2][1]) / 2];
    if (Math.hypot(...mid) > R - 80 || Math.abs(mid[1] - river(mid[0])) > 110 === false) continue;
    const dice = rnd();
    if (dice < 0.06) { scene.areas.push({ id: `park-${i}-${j}`, kind: "park", outline: q }); continue; }
    if (dice < 0.1) { scene.areas.push({ id: `cp-${i}-${j}`, kind: "carPark", outline: q }); carParks.push(q); continue; }
    const central = Math.max(0, 1 - Math.hypot(...mid) / R) ** 2;
    for (let a = 0; a < 3; a++) for (let b = 0; b < 4; b++) {
      if (rnd() < 0.12 || (a === 1 && b > 0 && b < 3)) continue;
      const at = (u, v) => [q[0][0] + (q[1][0] - q[0][0]) * u + (q[3][0] - q[0][0]) * v, q[0][1] + (q[1][1] - q[0][1]) * u + (q[3][1] - q[0][1]) * v].map((n) => +n.toFixed(1));
      const [u0, u1, v0, v1] = [a / 3 + 0.015, (a + 1) / 3 - 0.015, b / 4 + 0.012, (b + 1) / 4 - 0.012];
      const height = 7 + rnd() * 9 + central * rnd() * 70;
      const id = `building-${pad(++house)}`;
      scene.buildings.push({ id, footprint: [at(u0, v0), at(u1, v0), at(u1, v1), at(u0, v1)], height: +height.toFixed(1) });
      if (house % 4 === 0) add(id, C("Building"), ...at((u0 + u1) / 2, (v0 + v1) / 2), 0, 0, { height, use: rnd() < 0.6 ? "residential" : "office" });
    }
  }

  const along = (line, d) => {
    for (let i = 1; i < line.length; i++) {
      const dx = line[i][0] - line[i - 1][0], dy = line[i][1] - line[i - 1][1], l = Math.hypot(dx, dy);
      if (d <= l) return { x: line[i - 1][0] + (dx * d) / l, y: line[i - 1][1] + (dy * d) / l, ux: dx / l, uy: dy / l };
      d -= l;
    }
    const e = line[line.length - 1];
    return { x: e[0], y: e[1], ux: 1, uy: 0 };
  };
  const lengthOf = (line) => line.slice(1).reduce((s, p, i) => s + Math.hypot(p[0] - line[i][0], p[1] - line[i][1]), 0);
  const headingOf = (a) => +((Math.atan2(a.ux, a.uy) * 180) / Math.PI).toFixed(0);
  let n = 0;
  streets.forEach((s, i) => {
    if (i % 4 !== 0) return;
    const a = along(s.line, 80);
    const id = `transformer-${pad(++n, 4)}`;
    transformers.push(id);
    add(id, C("Transformer"), a.x + a.uy * 9, a.y - a.ux * 9, 0, headingOf(a), { load: 40 + rnd() * 50, oilTemperature: 45 + rnd() * 30, alarm: n === 3 ? "critical" : "none" });
    link(id, "supplies", s.id);
  });
  n = 0;
  for (const q of carParks) for (let k = 0; k < 14; k++) {
    const u = (k + 0.5) / 14;
    const id = `charger-${pad(++n, 4)}`;
    add(id, C("Charger"), q[0][0] + (q[3][0] - q[0][0]) * u + 8, q[0][1] + (q[3][1] - q[0][1]) * u, 0, 90, { state: ["available", "charging", "charging", "finishing"][n % 4], power: rnd() * 40, alarm: "none" });
    link(id, "poweredBy", transformers[n % transformers.length]);
  }
  n = 0;
  const mains = streets.filter((s) => s.main);
  for (const s of mains) for (let d = 60; d < lengthOf(s.line); d += 220) {
    const a = along(s.line, d);
    const id = `counter-${pad(++n, 4)}`;
    add(id, C("TrafficCounter"), a.x + a.uy * 8, a.y - a.ux * 8, 0, headingOf(a), { flow: rnd() * 1200, speed: 30 + rnd() * 20 });
    link(s.id, "hasCounter", id);
  }
  for (let k = 0; k < 160; k++) {
    const a = along(streets[(k * 7) % streets.length].line, 150);
    add(`air-${pad(k + 1, 4)}`, C("AirQualityStation"), a.x + a.uy * 7, a.y - a.ux * 7, 0, 0, { pm25: 8 + rnd() * 30, temperature: 11, noise: 45 + rnd() * 25, alarm: k === 8 ? "warning" : "none" });
  }
  const buses = [];
  for (let k = 0; k < 120; k++) {
    const s = mains[k % mains.length];
    const bus = add(`bus-${pad(k + 1, 4)}`, C("Bus"), s.line[0][0], s.line[0][1], 0, 0, { speed: 30, passengers: Math.floor(rnd() * 60), delay: Math.floor(rnd() * 300), state: "moving" });
    buses.push({ twin: bus, line: s.line, length: lengthOf(s.line), d: rnd() * lengthOf(s.line), way: 1 });
  }
  const factory = addFactory(add, link, pad, rnd, scene);
  n = 0;
  let lampStep = 26;
  const lamps = Math.floor((total - twins.size) * 0.55);
  const all = streets.reduce((sum, s) => sum + lengthOf(s.line), 0);
  lampStep = all / lamps;
  let side = 1;
  for (const s of streets) for (let d = lampStep / 2; d < lengthOf(s.line) && n < lamps; d += lampStep) {
    const a = along(s.line, d);
    side = -side;
    const id = `lamp-${pad(++n)}`;
    const off = (s.width / 2 + 1.5) * side;
    add(id, C("Streetlight"), a.x + a.uy * off, a.y - a.ux * off, 0, headingOf({ ux: -a.uy * side, uy: a.ux * side }), { power: 0, ratedPower: s.main ? 110 : 60, level: 0, dimTo: 80, energy: rnd() * 900, alarm: n % 3100 === 0 ? "warning" : "none" });
    link(s.id, "hasLight", id);
  }
  let bay = 0;
  const bays = total - twins.size;
  const bayStep = all / (bays * 1.06);
  for (const s of streets) for (let d = bayStep; d < lengthOf(s.line) && bay < bays; d += bayStep) {
    const a = along(s.line, d);
    const off = (s.width / 2 - 1.4) * (bay % 2 ? 1 : -1);
    const id = `bay-${pad(++bay)}`;
    add(id, C("ParkingBay"), a.x + a.uy * off, a.y - a.ux * off, 0, headingOf(a), { occupied: rnd() < 0.6, battery: 3 + rnd() * 0.6 });
    link(s.id, "hasBay", id);
  }
  for (let k = 1; twins.size < total; k++) add(`bay-x${pad(k)}`, C("ParkingBay"), -900 + (k % 40) * 3, river(-900) - 120 - Math.floor(k / 40) * 6, 0, 0, { occupied: k % 2 === 0, battery: 3.4 });
  return { scene, models, twins, links, buses, factory, along, headingOf, rnd };
}

function addFactory(add, link, pad, rnd, scene) {
  const processes = ["press", "press", "weld", "weld", "paint", "assemble", "assemble", "assemble", "test", "pack"];
  const stations = [];
  const vehicles = [];
  const OX = 0, OY = -3200;
  scene.areas.push({ id: "floor", kind: "floor", outline: [[-68, -34], [68, -34], [68, 34], [-68, 34]].map(([x, y]) => [x + OX, y + OY]) });
  for (let line = 1; line <= 2; line++) {
    const y = OY + (line === 1 ? -14 : 14);
    add(`line-${line}`, F("ProductionLine"), OX, y, 0, 90, { name: `Line ${line}`, output: 88, oee: 76 });
    for (let s = 0; s < 10; s++) {
      const x = OX + (s - 4.5) * 11;
      const id = `station-${line}-${pad(s + 1, 2)}`;
      const station = add(id, F("Station"), x, y, 0, 90, { name: `Station ${line}.${s + 1}`, process: processes[s], state: s === 6 && line === 2 ? "down" : s > 6 && line === 2 ? "starved" : s === 5 && line === 2 ? "blocked" : "running", good: 40 + s, scrap: s === 4 ? 3 : 0, cycleTime: 30 + rnd() * 5, temperature: 48, oee: 60 + rnd() * 30, alarm: s === 6 && line === 2 ? "critical" : "none" });
      link(`line-${line}`, "contains", id);
      const parts = { station, conveyor: null, buffer: null };
      if (s < 9) {
        parts.conveyor = add(`conveyor-${line}-${pad(s + 1, 2)}`, F("Conveyor"), x + 3.96, y, 0, 90, { running: true, speed: 0.4 });
        parts.buffer = add(`buffer-${line}-${pad(s + 1, 2)}`, F("Buffer"), x + 6.6, y, 0, 90, { capacity: 8, level: Math.floor(rnd() * 8) });
        link(id, "feeds", parts.conveyor.id);
        link(parts.conveyor.id, "feeds", parts.buffer.id);
      }
      if (s > 0) link(`buffer-${line}-${pad(s, 2)}`, "feeds", id);
      if (["weld", "assemble"].includes(processes[s])) { add(`robot-${line}-${pad(s + 1, 2)}`, F("Robot"), x, y + (line === 1 ? -3.2 : 3.2), 0, 0, { state: "working", power: 4 }); link(`robot-${line}-${pad(s + 1, 2)}`, "serves", id); }
      stations.push(parts);
    }
    for (let k = 0; k < 3; k++) vehicles.push({ twin: add(`agv-${line}-${k + 1}`, F("GuidedVehicle"), OX, y, 0, 0, { speed: 1.2, battery: 70, state: "driving" }), phase: k / 3, line });
  }
  return { stations, vehicles, OX, OY };
}
