import { healthOf, readinessOf, type Health, type Readiness } from "./health";
import type { App } from "./app";
import { h, replace, setText } from "./dom";

const EVERY_MS = 5000;
const HIDDEN_EVERY_MS = 30_000;

/** How the silos are, in one sign: its form differs as well as its colour. A click says why. */
export class HealthGlyph {
  private readonly sign = h("span", { class: "health-glyph", "aria-hidden": "true" });
  private readonly word = h("span", {});
  readonly button = h("button", { class: "plain health-button", "aria-expanded": "false", "data-test": "health", title: "The silos (h)", onclick: () => this.toggle() }, this.sign, this.word);
  readonly popover = h("div", { class: "popover", role: "dialog", "aria-label": "Health of the silos", "data-test": "health-why", hidden: true });
  private readiness: Readiness = { kind: "unknown" };

  constructor(private readonly app: App) {
    const { world, router } = app;
    world.onSystem.on(() => this.draw());
    world.onConnection.on(() => this.draw());
    world.onLoad.on(() => this.draw());
    router.onRoute.on(() => this.toggle(false));
    addEventListener("pointerdown", (e) => {
      if (e.target instanceof Node && !this.popover.contains(e.target) && !this.button.contains(e.target)) this.toggle(false);
    });
    this.popover.addEventListener("keydown", (e) => {
      if (e.key !== "Escape") return;
      e.stopPropagation();
      this.toggle(false);
      this.button.focus();
    });
    this.draw();
    void this.poll();
  }

  toggle(open = this.popover.hidden === true): void {
    if (open === !this.popover.hidden) return;
    this.popover.hidden = !open;
    this.button.setAttribute("aria-expanded", String(open));
    this.draw();
  }

  private async poll(): Promise<void> {
    try {
      const response = await fetch("/health/ready", { cache: "no-store" });
      this.readiness = readinessOf(response.status, await response.json().catch(() => null));
    } catch {
      this.readiness = { kind: "away" };
    }
    this.draw();
    setTimeout(() => void this.poll(), document.hidden ? HIDDEN_EVERY_MS : EVERY_MS);
  }

  private draw(): void {
    const { world } = this.app;
    const reading = world.readings.at(-1);
    const health = healthOf(this.readiness, reading?.status ?? null, reading?.at ?? null, world.lostAt, Date.now(), world.load.kind === "failed" ? world.load.error.detail : null);
    this.button.dataset["state"] = health.state;
    this.button.setAttribute("aria-label", `Silos: ${health.word}`);
    setText(this.word, health.state === "good" || health.state === "unknown" ? "" : health.word);
    if (!this.popover.hidden) this.drawWhy(health);
  }

  private drawWhy(health: Health): void {
    const status = this.app.world.readings.at(-1)?.status;
    const tone = health.state === "unknown" ? "soft" : health.state;
    replace(this.popover, h("h2", { class: tone }, health.word),
      health.reasons.length > 0 ? h("ul", { class: "health-why" }, health.reasons.map((r) => h("li", {}, r))) : h("p", { class: "soft" }, "Every silo answers, no shard stands still, history follows."),
      status ? h("p", { class: "soft tabular" }, `${status.silos.length} ${status.silos.length === 1 ? "silo" : "silos"}, ${status.shards.length} shards`) : null,
      h("a", { class: "accent", href: "#/system" }, "System view"));
  }
}
