import { describe, expect, it } from "vitest";
import { RateMeter } from "../src/live/rateMeter";

describe("the rate meter", () => {
  it("means the last five whole seconds", () => {
    const meter = new RateMeter(60);
    for (let ms = 100_000; ms < 110_000; ms += 100) meter.add(ms, 7);
    expect(meter.perSecond(110_000)).toBe(70);
  });
  it("forgets what is older than its span, also over a long pause", () => {
    const meter = new RateMeter(10);
    meter.add(1_000, 500);
    expect(meter.series(9_000).reduce((a, b) => a + b, 0)).toBe(500);
    expect(meter.series(3_600_000).every((n) => n === 0)).toBe(true);
  });
});
