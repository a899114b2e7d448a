import type { App } from "./app";
import { copyable } from "./copyable";
import { h, replace } from "./dom";

/** What lies over the world until there is one: shape first, then words; errors and emptiness say what to do. */
export class LoadCover {
  readonly element = h("div", { class: "cover", "data-test": "load" });

  private needed = true;

  constructor(private readonly app: App) {
    app.world.onLoad.on(() => this.draw());
    app.world.onScene.on(() => this.draw());
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
    if (load.kind === "loading") {
      const heights = [30, 52, 40, 70, 58, 96, 74, 88, 46, 62, 34, 50];
      replace(this.element, h("div", { class: "shape", "aria-hidden": "true" }, heights.map((v) => h("i", { style: `height:${v}%` }))), h("div", { class: "soft", role: "status" }, `Reading ${load.what}…`));
    } else if (load.kind === "failed") {
      const e = load.error;
      replace(this.element, h("h1", {}, e.status === 0 ? "The silo does not answer" : "The scene could not be read"),
        h("div", {}, e.detail), e.where ? h("div", { class: "soft mono" }, e.where) : null,
        e.status === 0 ? copyable("dotnet run -c Release --project silos/Twin.Silo") : null,
        h("button", { class: "primary", onclick: () => void this.app.world.start() }, "Try again"));
    } else {
      replace(this.element, h("h1", {}, "No twins yet"), h("div", {}, "Start the silo with the generated city and factory, or bring your own:"),
        copyable("dotnet run -c Release --project silos/Twin.Silo -- --scenario city"), copyable("twin import csv places.csv"));
    }
  }
}
