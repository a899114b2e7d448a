import { describe, expect, it } from "vitest";
import { ageText, bytesText, modelName, numberText, words } from "../src/format";

describe("numbers as an operator reads them", () => {
  it("groups thousands and keeps four digits below", () => {
    expect(numberText(12345)).toBe("12\u202f345");
    expect(numberText(-1234567)).toBe("−1\u202f234\u202f567");
    expect(numberText(3.14159)).toBe("3.142");
    expect(numberText(0.00123456)).toBe("0.001235");
  });
  it("shows a dash for what is no number", () => {
    expect(numberText(Number.NaN)).toBe("–");
    expect(numberText(Number.POSITIVE_INFINITY)).toBe("–");
  });
  it("says an age in one unit and never a negative one", () => {
    expect([-5000, 0, 99_999, 100_000, 7_200_000, 172_800_000].map(ageText)).toEqual(["0 s", "0 s", "99 s", "1 min", "2 h", "2 d"]);
  });
  it("uses binary prefixes", () => {
    expect([0, 1023, 1024, 10 * 1024, 3 * 1024 ** 3].map(bytesText)).toEqual(["0 B", "1\u202f023 B", "1.0 KiB", "10 KiB", "3.0 GiB"]);
  });
});

describe("names", () => {
  it("shortens a model's identifier, with a minor version too", () => {
    expect(modelName("dtmi:twin:city:Streetlight;1")).toBe("Streetlight");
    expect(modelName("dtmi:a:B;1.2")).toBe("B");
    expect(modelName("not a dtmi")).toBe("not a dtmi");
  });
  it("makes words of camel case and paths", () => {
    expect(words("oilTemperature")).toBe("oil temperature");
    expect(words("motor/windingTemp")).toBe("motor › winding temp");
  });
});
