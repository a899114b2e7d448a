import { describe, expect, it } from "vitest";
import { categoriesOf, histogramOf, OTHER, quantile, ticksOf } from "../src/chart/bins";

/** Numbers that repeat: a linear congruential generator. */
function numbers(seed: number, count: number): number[] {
  let a = seed;
  return Array.from({ length: count }, () => (a = (a * 1103515245 + 12345) % 2147483648) / 2147483648);
}

describe("histogram", () => {
  it("counts every finite value once, in the bin whose edges hold it", () => {
    for (let seed = 1; seed <= 60; seed++) {
      const scale = 10 ** ((seed % 9) - 4);
      const values: (number | null)[] = numbers(seed, 1 + seed * 7).map((v, i) => (i % 11 === 10 ? null : (v ** (1 + (seed % 3)) - 0.3) * scale));
      const h = histogramOf(values)!;
      expect(h.counts.reduce((a, b) => a + b, 0)).toBe(values.filter((v) => v !== null).length);
      expect(h.counts.length).toBeLessThanOrEqual(101);
      values.forEach((v, i) => {
        const bin = h.binOf[i]!;
        if (v === null) return expect(bin).toBe(-1);
        const from = h.from + bin * h.width;
        expect(v).toBeGreaterThanOrEqual(from - h.width * 1e-6);
        expect(v).toBeLessThanOrEqual(from + h.width * (1 + 1e-6));
      });
    }
  });

  it("of equal values is one bin; of none, null", () => {
    expect(histogramOf([5, 5, 5])?.counts.reduce((a, b) => a + b, 0)).toBe(3);
    expect(histogramOf([null, undefined, Number.NaN])).toBeNull();
    expect(histogramOf([0])?.count).toBe(1);
  });

  it("of whole numbers has no bins between them", () => {
    expect(histogramOf([0, 1, 1, 2, 2, 2, 3])!.width).toBeGreaterThanOrEqual(1);
  });

  it("knows middle and mean", () => {
    const h = histogramOf([1, 2, 3, 4, 100])!;
    expect(h.median).toBe(3);
    expect(h.mean).toBe(22);
    expect(quantile([0, 10], 0.25)).toBe(2.5);
  });
});

describe("ticks", () => {
  it("are round, in order and within the range", () => {
    expect(ticksOf(0, 83, 3)).toEqual([0, 50]);
    expect(ticksOf(-1, 1, 4)).toEqual([-1, -0.5, 0, 0.5, 1]);
    expect(ticksOf(0.1, 0.4, 3)).toEqual([0.1, 0.2, 0.3, 0.4]);
  });
});

describe("categories", () => {
  it("come by count, and what is beyond the limit is added up", () => {
    expect(categoriesOf(["a", "b", "b", null])).toEqual([{ value: "b", count: 2 }, { value: "a", count: 1 }]);
    const many = categoriesOf(Array.from({ length: 30 }, (_, i) => `v${i}`), 5);
    expect(many.length).toBe(5);
    expect(many.at(-1)).toEqual({ value: OTHER, count: 26 });
  });
});
