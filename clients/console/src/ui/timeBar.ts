import { ageText, clockText, numberText } from "../format";
import type { App } from "./app";
import { sparkline } from "./sparkline";
import { h, setText } from "./dom";

const WORDS = { live: "Live", connecting: "Connecting", offline: "Offline" } as const;

/** Bottom bar: whether the picture is live, the clock, and how much is happening. */
export class TimeBar {
  readonly element: HTMLElement;
  private readonly live = h("div", { class: "live", role: "status", "data-test": "connection" });
  private readonly clock = h("div", { class: "tabular" });
  private readonly twins = h("div", { class: "soft tabular", "data-test": "twin-count" });
  private readonly rate = h("b", { class: "tabular", "data-test": "change-rate" });
  private readonly chart = h("canvas", { "aria-hidden": "true" });

  constructor(private readonly app: App) {
    this.element = h("footer", { class: "timebar" }, this.live, this.clock, this.twins, h("div", { class: "grow" }),
      h("div", { class: "rate" }, h("span", { class: "soft" }, "changes in 2 min"), this.chart, this.rate));
    app.world.onConnection.on(() => this.draw());
    app.world.onPause.on(() => this.draw());
    setInterval(() => this.draw(), 1000);
    this.draw();
  }

  private draw(): void {
    const { world } = this.app;
    const state = world.connection;
    this.live.dataset["state"] = state;
    setText(this.live, world.isPaused && state === "live" ? "Paused" : WORDS[state]);
    this.live.dataset["paused"] = String(world.isPaused);
    setText(this.clock, world.lostAt === null ? clockText(new Date()) : `last picture ${ageText(Date.now() - world.lostAt)} ago`);
    setText(this.twins, world.table ? `${numberText(world.table.count)} twins on the map` : "");
    const now = performance.now();
    setText(this.rate, `${numberText(Math.round(world.rate.perSecond(now)))} /s`);
    sparkline(this.chart, world.rate.series(now), 180, 20);
  }
}
