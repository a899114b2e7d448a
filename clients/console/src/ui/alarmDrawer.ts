import type { Alarm } from "../api/types";
import { ageText, modelName, timeText, valueText, words } from "../format";
import { Acknowledged, countByTone, sortAlarms, toneOf } from "../live/alarmList";
import type { App } from "./app";
import { h, replace } from "./dom";

/** Most rows drawn; the count above the list says how many there are. */
const MOST_ROWS = 300;

/** The button with the counts in the frame, and the list that opens from below. */
export class AlarmDrawer {
  readonly button = h("button", { class: "count", "aria-expanded": "false", "aria-controls": "alarms", "data-test": "alarms-button", onclick: () => this.toggle() });
  readonly element = h("section", { class: "drawer", id: "alarms", "aria-label": "Alarms", "data-test": "alarms", hidden: true });
  private readonly rows = h("tbody", {});
  private readonly title = h("h2", {});
  private readonly acknowledged = new Acknowledged(localStorage);

  constructor(private readonly app: App) {
    const head = ["", "Twin", "Kind", "Value", "Since", ""].map((t) => h("th", {}, t));
    this.element.append(
      h("header", {}, this.title, h("span", { class: "soft" }, "Seen is kept in this browser only; it does not change the twin."), h("span", { class: "grow" }),
        h("button", { class: "plain", onclick: () => this.toggle(false), "aria-label": "Close alarms" }, "✕")),
      h("div", { class: "scroll" }, h("table", {}, h("thead", {}, h("tr", {}, head)), this.rows)));
    app.world.onAlarms.on(() => this.draw());
    setInterval(() => this.element.hidden || this.draw(), 5000);
    this.draw();
  }

  get isOpen(): boolean {
    return !this.element.hidden;
  }

  toggle(open = this.element.hidden): void {
    this.element.hidden = !open;
    this.button.setAttribute("aria-expanded", String(open));
    if (open) this.draw();
  }

  private draw(): void {
    const alarms = sortAlarms(this.app.world.alarms);
    this.acknowledged.prune(alarms);
    const { alarm, warning } = countByTone(alarms);
    const unseen = alarms.filter((a) => !this.acknowledged.has(a));
    this.button.dataset["tone"] = unseen.some((a) => toneOf(a) === "alarm") ? "alarm" : unseen.length > 0 ? "warning" : "";
    this.button.textContent = alarms.length === 0 ? "No alarms" : `${alarm} alarm${alarm === 1 ? "" : "s"} · ${warning} warning${warning === 1 ? "" : "s"}`;
    this.title.textContent = this.button.textContent;
    if (this.element.hidden) return;
    const now = Date.now();
    replace(this.rows, alarms.length === 0
      ? h("tr", {}, h("td", { colspan: 6, class: "soft" }, "Nothing is in alarm. A twin shows here while its property 'alarm' is other than 'none'."))
      : alarms.slice(0, MOST_ROWS).map((a) => this.row(a, now)));
  }

  private row(a: Alarm, now: number): HTMLElement {
    const tone = toneOf(a);
    const seen = this.acknowledged.has(a);
    const { world } = this.app;
    return h("tr", { class: seen ? "is-seen" : null, "data-test": `alarm-${a.id}` },
      h("td", {}, h("span", { class: `tone ${tone}` }, tone === "alarm" ? "Alarm" : "Warning")),
      h("td", {}, h("button", { class: "link", onclick: () => this.app.showOnMap(a.id) }, world.nameOf(a.id))),
      h("td", { class: "soft" }, world.book.get(a.model)?.displayName ?? modelName(a.model)),
      h("td", {}, `${words(a.path)} ${valueText(a.value)}${a.text ? ` · ${a.text}` : ""}`),
      h("td", { class: "tabular soft", title: a.since ? timeText(a.since) : "" }, a.since ? `${ageText(now - Date.parse(a.since))} ago` : "–"),
      h("td", {}, seen ? h("span", { class: "soft" }, "Seen here") : h("button", { class: "link", onclick: () => this.see(a) }, "Seen")));
  }

  private see(a: Alarm): void {
    this.acknowledged.add(a);
    this.draw();
  }
}
