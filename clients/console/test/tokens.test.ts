import { describe, expect, it } from "vitest";
import { contrast } from "../src/colour/scales";
import { DARK, LIGHT, TEXT_PAIRS } from "../src/style/tokens";

describe.each([["dark", DARK], ["light", LIGHT]] as const)("the %s theme", (_, theme) => {
  it.each(TEXT_PAIRS.map(([front, back]) => [front, back] as const))("reads %s on %s with at least 4.5 to 1", (front, back) => {
    expect(contrast(theme[front], theme[back])).toBeGreaterThanOrEqual(4.5);
  });
  it.each([["accent", "surface"], ["accent", "ground"], ["good", "surface"], ["warning", "surface"], ["alarm", "surface"], ["alarm", "ground"]] as const)("shows the mark %s on %s with at least 3 to 1", (front, back) => {
    expect(contrast(theme[front], theme[back])).toBeGreaterThanOrEqual(3);
  });
});
