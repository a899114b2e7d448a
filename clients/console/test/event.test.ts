import { describe, expect, it } from "vitest";
import { GESTURES, OwnGesture, wordsOfFlags } from "../src/event/gestures";
import { HeldKeys } from "../src/event/heldKeys";
import { PutBack } from "../src/event/notices";
import { Rates } from "../src/event/rates";
import { Walker } from "../src/event/walker";
import { VIEWS } from "../src/views/registry";

const space = { width: 40, depth: 30, capacity: 10, maxSpeed: 4, tickHz: 20, cellsAcross: 1, nearRadius: 16, middleRadius: 48, entranceSpread: 2, closed: [[[10, 10], [20, 10], [20, 20], [10, 20]]] };

describe("keys that walk", () => {
  it("add up, cancel one another, and are the same with Shift", () => {
    const held = new HeldKeys();
    expect(held.set("W", true)).toBe(true);
    expect(held.set("ArrowRight", true)).toBe(true);
    expect(held.push).toEqual([1, 1]);
    expect(held.set("s", true)).toBe(true);
    expect(held.push).toEqual([0, 1]);
    expect(held.set("w", false)).toBe(true);
    expect(held.push).toEqual([-1, 1]);
    expect(held.set("x", true)).toBe(false);
  });
  it("are all let go at once when nobody looks any more", () => {
    const held = new HeldKeys();
    held.set("w", true);
    expect(held.clear()).toBe(true);
    expect(held.push).toEqual([0, 0]);
    expect(held.clear()).toBe(false);
  });
});

describe("being put back", () => {
  it("is said once in five seconds for each cause, however often it happens", () => {
    const back = new PutBack();
    let said = 0;
    for (let tick = 0; tick < 200; tick++) if (back.words(3, tick * 50) !== null) said++;
    expect(said).toBe(2);
    expect(back.words(2, 0)).toContain("Nobody may go there");
    expect(back.words(0, 0)).toBeNull();
  });
});

describe("the desk's rates", () => {
  it("are between two looks at one connection, and none where it is another", () => {
    const rates = new Rates();
    const live = { frames: 100, bytesIn: 5000 };
    expect(rates.of(live, 1000)).toBeNull();
    Object.assign(live, { frames: 140, bytesIn: 9000 });
    expect(rates.of(live, 3000)).toEqual({ frames: 20, bytes: 2000 });
    expect(rates.of({ frames: 1, bytesIn: 10 }, 5000)).toBeNull();
    expect(rates.of(null, 7000)).toBeNull();
    expect(rates.of(live, 9000)).toBeNull();
  });
});

describe("gestures", () => {
  it("have keys that neither walk nor belong to the frame", () => {
    const frame = new Set(["/", "?", "a", "h", "i", "p", "t", "c", "Escape", ...VIEWS.map((v) => v.key)]);
    for (const { key } of GESTURES) expect(HeldKeys.walks(key) || frame.has(key), key).toBe(false);
  });
  it("are in the upper four bits, last three seconds and leave the hand up", () => {
    const own = new OwnGesture();
    own.toggleHand();
    own.start(GESTURES[1]!.number, 1000);
    expect(own.flags(2000)).toBe((2 << 4) | 2);
    expect(wordsOfFlags(own.flags(2000))).toBe("hand up, claps");
    expect(own.flags(4000)).toBe(2);
    expect(wordsOfFlags(0)).toBe("");
    expect(wordsOfFlags(15 << 4)).toBe("gestures");
  });
});

describe("one's own avatar", () => {
  it("keeps to the space's speed, stops where it is closed, and stands while the space is frozen", () => {
    const walker = new Walker(space);
    walker.put(5, 15);
    walker.goal = [30, 15];
    walker.isRunning = true;
    for (let i = 0; i < 600; i++) {
      const before = walker.x;
      walker.step(1 / 60, 0);
      expect(walker.x - before).toBeLessThanOrEqual(4 / 60);
      expect(walker.x < 10 || walker.y < 10 || walker.y > 20).toBe(true);
    }
    walker.put(5, 5);
    walker.push = [1, 0];
    walker.isFrozen = true;
    expect(walker.step(1, 0)).toBe(false);
    expect([walker.x, walker.y]).toEqual([5, 5]);
    walker.isFrozen = false;
    expect(walker.step(0.1, 0)).toBe(true);
  });
});
