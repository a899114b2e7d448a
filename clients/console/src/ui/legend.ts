import { scaleCss } from "../colour/scales";
import { modelName, numberText, unitText, words } from "../format";
import { stateColour, type ColourChoice } from "../live/colourLayer";
import type { Theme } from "../style/tokens";
import { h, replace } from "./dom";

/** What the colours mean, and the choice of what to colour by. */
export class Legend {
  readonly element = h("section", { class: "legend", "data-test": "legend", "aria-label": "Colours" });
  private readonly select = h("select", { "aria-label": "Colour by", "data-test": "colour-by" });
  private readonly body = h("div", { class: "legend-body" });
  private readonly note = h("div", { class: "legend-note" });
  private choices: ColourChoice[] = [];

  constructor(onChoice: (choice: ColourChoice) => void) {
    this.select.addEventListener("change", () => {
      const choice = this.choices[Number(this.select.value)];
      if (choice) onChoice(choice);
    });
    this.element.append(this.select, this.body, this.note);
  }

  setChoices(choices: ColourChoice[], chosen: ColourChoice | null): void {
    this.choices = choices;
    const groups = new Map<string, HTMLOptGroupElement>();
    choices.forEach((c, i) => {
      const group = groups.get(c.model) ?? h("optgroup", { label: c.title || modelName(c.model) });
      groups.set(c.model, group);
      group.append(h("option", { value: i, selected: c === chosen }, `${c.title} ${words(c.path)}`));
    });
    replace(this.select, [...groups.values()]);
  }

  show(choice: ColourChoice, theme: Theme, dark: boolean): void {
    this.select.value = String(this.choices.indexOf(choice));
    if (choice.kind !== "number") {
      replace(this.body, h("ul", { class: "legend-states" }, choice.values.map((v, i) =>
        h("li", {}, swatch(stateColour(theme, v, i)), choice.kind === "boolean" ? (v === "true" ? "yes" : "no") : words(v))), h("li", {}, swatch(theme.unknown), "not known")));
      return;
    }
    const steps = Array.from({ length: 24 }, (_, i) => h("i", { style: `background:${scaleCss(i / 23, dark ? 0.18 : 0)}` }));
    const middle = (choice.min + choice.max) / 2;
    replace(this.body,
      h("div", { class: "legend-scale", "aria-hidden": "true" }, steps),
      h("div", { class: "legend-ticks tabular" }, ...[choice.min, middle, choice.max].map((v, i) => h("span", {}, numberText(v) + (i === 2 ? ` ${unitText(choice.unit)}` : "")))),
    );
  }

  setLoading(is: boolean): void {
    replace(this.note, is ? "Reading values…" : null);
  }

  setFailed(again: () => void): void {
    replace(this.note, "Values could not be read. ", h("button", { class: "link", onclick: again }, "Try again"));
  }
}

function swatch(colour: string): HTMLElement {
  return h("i", { class: "swatch", style: `background:${colour}` });
}
