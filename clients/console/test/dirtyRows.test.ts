import { describe, expect, it } from "vitest";
import { DirtyRows } from "../src/map/dirtyRows";

function numbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

describe("ranges of changed rows", () => {
  it("cover every row once, in order, and never more ranges than allowed", () => {
    for (let seed = 1; seed <= 200; seed++) {
      const next = numbers(seed);
      const rows = new DirtyRows(8, 5);
      const wanted = new Set<number>();
      for (let i = 0; i < 40 * next(); i++) {
        const row = Math.floor(next() * 1000);
        wanted.add(row);
        rows.add(row);
      }
      const ranges = rows.ranges();
      expect(ranges.length).toBeLessThanOrEqual(5);
      let end = -1;
      for (const [first, length] of ranges) {
        expect(first).toBeGreaterThan(end);
        end = first + length - 1;
      }
      for (const row of wanted) expect(ranges.some(([first, length]) => row >= first && row < first + length)).toBe(true);
    }
  });
  it("are none when nothing changed", () => {
    const rows = new DirtyRows();
    rows.add(3);
    rows.clear();
    expect(rows.ranges()).toEqual([]);
  });
});
