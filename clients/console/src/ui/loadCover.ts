import type { App } from "./app";
import { copyable } from "./copyable";
import { numberText } from "../format";
import { h, replace } from "./dom";

/** What lies over the world until there is one: shape first, then words; errors and emptiness say what to do. */
export class LoadCover {
  readonly element = h("div", { class: "cover", "data-test": "load" });

  private needed = true;

  constructor(private readonly app: App) {
    app.world.onLoad.on(() => this.draw());
    app.world.onScene.on(() => this.draw());
    app.world.onSystem.on(() => app.world.load.kind === "ready" && this.draw());
    this.draw();
  }

  /** Views that show no places are not covered. */
  setNeeded(is: boolean): void {
    this.needed = is;
    this.draw();
  }

  private draw(): void {
    const { load, table } = this.app.world;
    this.element.hidden = !this.needed || (load.kind === "ready" && (table?.count ?? 0) > 0);
    if (load.kind !== "ready") delete this.element.dataset["shown"];
    if (load.kind === "loading") {
      const heights = [30, 52, 40, 70, 58, 96, 74, 88, 46, 62, 34, 50];
      replace(this.element, h("div", { class: "shape", "aria-hidden": "true" }, heights.map((v) => h("i", { style: `height:${v}%` }))), h("div", { class: "soft", role: "status" }, `Reading ${load.what}…`));
    } else if (load.kind === "failed") {
      const e = load.error;
      replace(this.element, h("h1", {}, e.status === 0 ? "The silo does not answer" : "The scene could not be read"),
        h("div", {}, e.detail), e.where ? h("div", { class: "soft mono" }, e.where) : null,
        e.status === 0 ? copyable("dotnet run -c Release --project silos/Twin.Silo") : null,
        h("button", { class: "primary", onclick: () => void this.app.world.start() }, "Try again"));
    } else if (!this.element.hidden) this.drawEmpty();
  }

  /** Drawn again only when its words change, or a copy button would be lost under the pointer. */
  private drawEmpty(): void {
    const unplaced = this.app.world.readings.at(-1)?.status.twins ?? 0;
    const key = `empty-${unplaced}`;
    if (this.element.dataset["shown"] === key) return;
    this.element.dataset["shown"] = key;
    if (unplaced > 0) {
      replace(this.element, h("h1", {}, `${numberText(unplaced)} twins, none of them on the map`),
        h("div", {}, "A twin stands on the map when it has the numeric properties x and y: metres east and north."),
        h("div", {}, "Until then ", h("a", { class: "accent", href: "#/query" }, "ask for twins"), " or press / to find one."));
    } else {
      replace(this.element, h("h1", {}, "No twins yet"), h("div", {}, "Start the silo with the generated city and factory, or bring your own:"),
        copyable("dotnet run -c Release --project silos/Twin.Silo -- --scenario city"), copyable("twin import csv places.csv"));
    }
  }
}
