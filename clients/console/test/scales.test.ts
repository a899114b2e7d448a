import { describe, expect, it } from "vitest";
import { contrast, luminance, writeScale } from "../src/colour/scales";

describe("the scale of quantities", () => {
  it("grows lighter at every step, so that order survives a grey print", () => {
    let last = -1;
    const rgb = new Uint8Array(3);
    for (let share = 0; share <= 1.0001; share += 0.05) {
      writeScale(share, 0, rgb, 0);
      const now = luminance([rgb[0]! / 255, rgb[1]! / 255, rgb[2]! / 255]);
      expect(now).toBeGreaterThan(last);
      last = now;
    }
  });
  it("holds the ends beyond the range", () => {
    const [below, first] = [new Uint8Array(3), new Uint8Array(3)];
    writeScale(-3, 0, below, 0);
    writeScale(0, 0, first, 0);
    expect(below).toEqual(first);
  });
});

describe("contrast", () => {
  it("is that of WCAG 2 for its known pairs", () => {
    expect(contrast("#000000", "#ffffff")).toBeCloseTo(21, 5);
    expect(contrast("#777777", "#ffffff")).toBeCloseTo(4.48, 2);
  });
});
