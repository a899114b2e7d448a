import { ageText } from "../format";
import type { App } from "./app";
import { h, setText } from "./dom";

/** Says at once that the connection is lost and that the picture is old, or that it is held on purpose. */
export class Banner {
  readonly element = h("div", { class: "banner", role: "alert", "data-test": "banner", hidden: true });
  private readonly what = h("b", {});
  private readonly detail = h("span", { class: "tabular" });
  private readonly button = h("button", {}, "");

  constructor(private readonly app: App) {
    this.element.append(this.what, this.detail, this.button);
    this.button.addEventListener("click", () => (app.world.lostAt !== null ? app.world.retryNow() : app.world.setPaused(false)));
    app.world.onConnection.on(() => this.draw());
    app.world.onPause.on(() => this.draw());
    setInterval(() => this.element.hidden || this.draw(), 1000);
    this.draw();
  }

  private draw(): void {
    const { world } = this.app;
    const lost = world.lostAt !== null;
    this.element.hidden = !lost && !world.isPaused;
    this.element.dataset["tone"] = lost ? "alarm" : "plain";
    if (this.element.hidden) return;
    if (lost) {
      setText(this.what, "Connection lost");
      setText(this.detail, `What you see is ${ageText(Date.now() - world.lostAt!)} old. It goes on by itself, without a gap, as soon as the silo answers.`);
      setText(this.button, "Try now");
    } else {
      setText(this.what, "Paused");
      setText(this.detail, "The picture is held; the world goes on.");
      setText(this.button, "Go on");
    }
  }
}
