import { describe, expect, it } from "vitest";
import { ApiError } from "../src/api/client";
import type { Change, Json, JsonObject } from "../src/api/types";
import { layOut, nextTowards, thingsOf } from "../src/graph/layout";
import { alarmOf, faceOf, ModelMarks, tellingOf } from "../src/graph/marks";
import { GraphModel } from "../src/graph/model";
import { FOLD_STEP, GROUP_SHOWN, leftOutText, MOST_TWINS, Neighbourhood, type GraphLink } from "../src/graph/neighbourhood";
import { inTurn, MOST_LINKS, readLinks } from "../src/graph/reader";
import { ModelBook } from "../src/live/modelBook";

const link = (source: string, name: string, target: string): GraphLink => ({ key: `${source} ${name} ${target}`, name, source, target });

/** A made place: every link is known from both of its ends, as the silo tells it. */
function place(links: GraphLink[]): { read: (id: string) => { links: GraphLink[]; isCut: boolean } } {
  return { read: (id) => ({ links: links.filter((l) => l.source === id || l.target === id), isCut: false }) };
}

function grown(root: string, hops: number, links: GraphLink[]): Neighbourhood {
  const near = new Neighbourhood(root, hops);
  for (let wanted = near.picture().wanted; wanted.length > 0; wanted = near.picture().wanted) for (const id of wanted) near.learn(id, place(links).read(id));
  return near;
}

const chain = ["a", "b", "c", "d", "e"].slice(1).map((to, i) => link("abcde"[i]!, "next", to));
const star = Array.from({ length: 60 }, (_, i) => link("hub", "has", `leaf-${i}`));

describe("the neighbourhood of a twin", () => {
  it("shows twins up to the hops, against the direction of relationships too", () => {
    expect(grown("c", 1, chain).picture().nodes.map((n) => n.id).sort()).toEqual(["b", "c", "d"]);
    expect(grown("c", 2, chain).picture().nodes.map((n) => [n.id, n.hop]).sort()).toEqual([["a", 2], ["b", 1], ["c", 0], ["d", 1], ["e", 2]]);
  });
  it("opens one twin beyond the hops, and closes it again with all that hung on it", () => {
    const near = grown("a", 1, chain);
    near.setOpen("b", true);
    near.learn("b", place(chain).read("b"));
    expect(near.picture().nodes.map((n) => n.id)).toEqual(["a", "b", "c"]);
    near.setOpen("b", false);
    expect(near.picture().nodes.map((n) => n.id)).toEqual(["a", "b"]);
    near.setOpen("a", false);
    expect(near.picture().nodes.map((n) => n.id)).toEqual(["a"]);
  });
  it("folds a hub, says how many are left out, and unfolds step by step", () => {
    const near = grown("hub", 1, star);
    const picture = near.picture();
    expect(picture.nodes).toHaveLength(1 + GROUP_SHOWN);
    expect(picture.nodes[2]!.id).toBe("leaf-1"); // By number, not by letter.
    expect(picture.folds).toEqual([{ key: "hub out has", owner: "hub", name: "has", isOut: true, hidden: 60 - GROUP_SHOWN, isAtLeast: false }]);
    expect(leftOutText(picture)).toBe(`${60 - GROUP_SHOWN} neighbours left out`);
    near.unfold("hub out has");
    expect(near.picture().nodes).toHaveLength(1 + GROUP_SHOWN + FOLD_STEP);
    near.unfold("hub out has");
    expect(near.picture().folds).toEqual([]);
    expect(leftOutText(near.picture())).toBe("");
  });
  it("never holds more twins than its bound, and says that it met it", () => {
    const links = Array.from({ length: 40 }, (_, i) => link("r", `n${i}`, `m${i}`)).concat(Array.from({ length: 40 * 30 }, (_, i) => link(`m${i % 40}`, `k${i % 3}`, `x${i}`)));
    const picture = grown("r", 2, links).picture();
    expect(picture.nodes.length).toBe(MOST_TWINS);
    expect(picture.isFull).toBe(true);
    const all = new Set(links.flatMap((l) => [l.source, l.target])).size;
    expect(picture.folds.reduce((sum, f) => sum + f.hidden, 0)).toBe(all - MOST_TWINS);
    expect(leftOutText(picture)).toContain(`at most ${MOST_TWINS}`);
  });
  it("shows each relationship once, loops and several between two as well", () => {
    const picture = grown("a", 1, [link("a", "feeds", "b"), link("b", "feeds", "a"), link("a", "watches", "b"), link("a", "self", "a")]).picture();
    expect(picture.nodes.map((n) => n.id)).toEqual(["a", "b"]);
    expect(picture.links).toHaveLength(4);
  });
  it("tells of a hub whose relationships were not all read", () => {
    const near = new Neighbourhood("hub", 1);
    near.learn("hub", { links: star.slice(0, 3), isCut: true });
    expect(leftOutText(near.picture())).toContain("at least");
  });
});

describe("the layout", () => {
  const of = (near: Neighbourhood, before = new Map()) => {
    const p = near.picture();
    const { things, lines } = thingsOf(p.nodes, p.links, p.folds);
    return layOut(things, lines, before);
  };
  it("is the same each time and keeps twins apart", () => {
    const one = of(grown("hub", 1, star));
    expect([...of(grown("hub", 1, star))]).toEqual([...one]);
    const at = [...one.values()];
    at.forEach((a, i) => at.slice(i + 1).forEach((b) => expect(Math.hypot(a.x - b.x, a.y - b.y)).toBeGreaterThan(20)));
    at.forEach((p) => expect(Number.isFinite(p.x) && Number.isFinite(p.y)).toBe(true));
  });
  it("parts twins that begin on one spot", () => {
    const places = layOut([{ id: "a", parent: null }, { id: "b", parent: null }], [], new Map());
    expect(Math.hypot(places.get("a")!.x - places.get("b")!.x, places.get("a")!.y - places.get("b")!.y)).toBeGreaterThan(20);
  });
  it("hardly moves what has a place when others come", () => {
    const near = grown("hub", 1, star);
    const before = of(near);
    near.unfold("hub out has");
    const after = of(near, before);
    for (const [id, p] of before) if (after.has(id)) expect(Math.hypot(after.get(id)!.x - p.x, after.get(id)!.y - p.y)).toBeLessThan(60);
    expect(after.size).toBeGreaterThan(before.size);
  });
  it("lays 400 twins out in a fraction of a second", () => {
    const links = Array.from({ length: 399 }, (_, i) => link(`n${Math.floor(i / 9)}`, "has", `n${i + 1}`));
    const things = Array.from({ length: 400 }, (_, i) => ({ id: `n${i}`, parent: i === 0 ? null : `n${Math.floor((i - 1) / 9)}` }));
    const began = performance.now();
    expect(layOut(things, links, new Map()).size).toBe(400);
    expect(performance.now() - began).toBeLessThan(3000); // Some 150 ms on a quiet machine; the bound is for a busy one.
  });
  it("walks by arrow keys to the near one on that side", () => {
    const at = new Map([["m", { x: 0, y: 0 }], ["right", { x: 50, y: 5 }], ["far", { x: 200, y: 0 }], ["up", { x: -10, y: -60 }]]);
    expect(nextTowards(at, "m", 1, 0)).toBe("right");
    expect(nextTowards(at, "right", 1, 0)).toBe("far");
    expect(nextTowards(at, "m", 0, -1)).toBe("up");
    expect(nextTowards(at, "m", 0, 1)).toBeNull();
  });
});

const book = new ModelBook([
  { id: "dtmi:t:Lamp;1", model: { contents: [{ "@type": "Property", name: "x", schema: "double" }, { "@type": "Property", name: "power", schema: "double", unit: "watt" }] } },
  { id: "dtmi:t:Odd;1", model: { contents: [{ "@type": "Property", name: "name", schema: "string" }, { "@type": "Property", name: "turns", schema: "integer" }] } },
]);

describe("what a twin says in the picture", () => {
  it("is its most telling property with unit, its name and its alarm", () => {
    expect(tellingOf("dtmi:t:Lamp;1", book)).toBe("power");
    expect(tellingOf("dtmi:t:Odd;1", book)).toBe("turns");
    expect(tellingOf("dtmi:t:None;1", book)).toBeNull();
    expect(faceOf({ $dtId: "l", power: 12.5, alarm: "critical", $metadata: { $model: "dtmi:t:Lamp;1" } }, book)).toEqual({ id: "l", model: "dtmi:t:Lamp;1", name: "l", reading: "12.5 W", alarm: "alarm" });
    expect([alarmOf("none"), alarmOf("warning"), alarmOf(undefined)]).toEqual(["none", "warning", "none"]);
  });
  it("has a mark of its own up to 32 models", () => {
    const marks = new ModelMarks();
    const all = Array.from({ length: 32 }, (_, i) => marks.of(`m${i}`));
    expect(new Set(all.map((m) => `${m.colour} ${m.shape}`)).size).toBe(32);
    expect(marks.of("m0")).toBe(all[0]);
  });
});

function json(body: Json): Response {
  return new Response(JSON.stringify(body));
}

/** A silo of a chain of lamps a - b - c - d. */
function silo(): { send: (method: string, path: string) => Promise<Response>; query: (q: string, t: null, n: number, parameters?: Record<string, Json>) => Promise<{ value: JsonObject[]; charge: null }>; asked: string[]; refuse: boolean } {
  const made = {
    asked: [] as string[],
    refuse: false,
    async send(_: string, path: string) {
      made.asked.push(path);
      if (made.refuse) throw new ApiError(503, "Unavailable", "The shard is away.");
      const id = /digitaltwins\/(\w+)/.exec(path)![1]!;
      const links = chain.filter((l) => (path.endsWith("/relationships") ? l.source : l.target) === id);
      return json({ value: links.map((l) => ({ $relationshipId: l.name, $relationshipName: l.name, $sourceId: l.source, $targetId: l.target })) });
    },
    async query(_: string, __: null, ___: number, parameters: Record<string, Json> = {}) {
      return { charge: null, value: Object.values(parameters).map((id): JsonObject => ({ $dtId: id!, power: 1, $metadata: { $model: "dtmi:t:Lamp;1" } })) };
    },
  };
  return made;
}

const change = (id: string, path: string, value: Json, kind: Change["kind"] = "propertyChanged"): Change => ({ id, path, value, kind, seq: 1, model: "dtmi:t:Lamp;1", t: "2026-01-01T00:00:00Z", committed: "2026-01-01T00:00:00Z" });

describe("the graph's model", () => {
  it("reads ring by ring and follows the stream", async () => {
    const api = silo();
    const model = new GraphModel(api as never, () => book, "a", 2, () => {});
    await model.grow();
    expect(model.picture.nodes.map((n) => n.id)).toEqual(["a", "b", "c"]);
    expect([...model.places.keys()]).toEqual(["a", "b", "c"]);
    expect(model.faces.get("c")!.reading).toBe("1 W");
    expect(model.take([change("c", "power", 7), change("z", "power", 9)])).toEqual({ isChanged: true, isMoved: false });
    expect(model.faces.get("c")!.reading).toBe("7 W");
    expect(model.take([change("c", "x", 7)])).toEqual({ isChanged: false, isMoved: false });
    expect(model.take([change("a", "", null, "relationshipChanged")]).isMoved).toBe(true);
    const asked = api.asked.length;
    await model.grow();
    expect(api.asked.slice(asked)).toEqual(["/digitaltwins/a/relationships", "/digitaltwins/a/incomingrelationships"]);
  });
  it("tells a refusal to who asked, and can go on", async () => {
    const api = silo();
    api.refuse = true;
    const model = new GraphModel(api as never, () => book, "a", 1, () => {});
    await expect(model.grow()).rejects.toThrow("The shard is away.");
    api.refuse = false;
    await model.grow();
    expect(model.picture.nodes).toHaveLength(2);
  });
  it("stops reading a hub at the bound and says that there is more", async () => {
    const page = (from: number): Json => ({ value: Array.from({ length: 100 }, (_, i) => ({ $relationshipId: `r${from + i}`, $relationshipName: "has", $sourceId: "h", $targetId: `t${from + i}` })), nextLink: `/next?from=${from + 100}` });
    const send = async (_: string, path: string): Promise<Response> => json(path.includes("incoming") ? { value: [] } : page(Number(/from=(\d+)/.exec(path)?.[1] ?? 0)));
    const { links, isCut } = await readLinks({ send } as never, "h", new AbortController().signal);
    expect(links).toHaveLength(MOST_LINKS);
    expect(isCut).toBe(true);
  });
  it("keeps order and its bound of questions at a time", async () => {
    let now = 0;
    let most = 0;
    const out = await inTurn([5, 4, 3, 2, 1], 2, async (n) => {
      most = Math.max(most, ++now);
      for (let i = 0; i < n; i++) await Promise.resolve();
      now--;
      return n * 2;
    });
    expect(out).toEqual([10, 8, 6, 4, 2]);
    expect(most).toBe(2);
  });
});
