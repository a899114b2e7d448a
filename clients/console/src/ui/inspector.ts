import type { Change } from "../api/types";
import { toneOf } from "../live/alarmList";
import { modelName, words } from "../format";
import { applyChange, Cadence, isNumeric, isSimulated, readTwin, type PropertyReading, type TwinReading } from "../live/twinReading";
import { asApiError } from "../live/world";
import type { App } from "./app";
import { h, replace, setText } from "./dom";
import { HistoryChart } from "./historyChart";
import { PropertyList } from "./propertyList";
import { RelationList } from "./relationList";

/** Properties whose past is asked for first when a twin is opened. */
const TELLING = ["power", "flow", "load", "temperature", "oilTemperature", "cycleTime", "speed", "pm25", "level", "battery"];
/** A changed relationship is read again after this rest. */
const RELATIONS_AGAIN_MS = 600;

/** What is selected: its values live from the stream, the past of one of them, its neighbours. One for the page, beside every view. */
export class Inspector {
  readonly element = h("aside", { class: "side", "aria-label": "Inspector", "data-test": "inspector", tabindex: "-1" });
  private readonly cadence = new Map<string, Cadence>();
  private readonly history: HistoryChart;
  private readonly relations: RelationList;
  private readonly state = h("span", { class: "tone", "data-test": "twin-state" });
  private readonly source = h("span", { class: "simulated", "data-test": "simulated", title: "Values of the generated scenario, not of devices" });
  private list: PropertyList | null = null;
  private twin: TwinReading | null = null;
  private waiting: Change[] | null = null;
  private run = 0;
  private relationsTimer: ReturnType<typeof setTimeout> | null = null;

  constructor(private readonly app: App) {
    this.history = new HistoryChart(app.api);
    this.relations = new RelationList(app);
    const { world, selection } = app;
    selection.onChange.on(() => void this.open());
    world.onChanges.on((changes) => this.take(changes));
    world.onReread.on(() => void this.open(true));
    world.onScene.on(() => this.twin || void this.open());
    world.onNames.on(() => this.twin && this.relations.rename());
    world.onConnection.on(() => this.twin && this.list?.refresh(this.twin));
    world.onAlarms.on(() => this.drawState());
    world.onSystem.on(() => this.drawState());
    setInterval(() => this.twin && this.list?.refresh(this.twin), 1000);
    this.element.hidden = true;
    void this.open();
  }

  /** Reads the selected twin. Changes that come meanwhile are kept and put on top. */
  private async open(again = false): Promise<void> {
    const id = this.app.selection.id;
    const run = ++this.run;
    this.element.hidden = id === null;
    if (!id) return this.close();
    if (!again) {
      this.twin = null;
      this.list = null;
      this.history.hide();
      replace(this.element, this.head(id, null), h("p", { class: "soft", role: "status" }, "Reading the twin…"));
    }
    if (this.app.world.load.kind !== "ready" && this.app.world.book.all.length === 0) return;
    this.waiting = [];
    try {
      const { twin } = await this.app.api.twin(id);
      if (run !== this.run) return;
      this.show(readTwin(twin, this.app.world.book));
    } catch (error) {
      if (run !== this.run) return;
      const e = asApiError(error);
      this.waiting = null;
      if (again && e.status !== 404) return; // The banner tells of the connection; what is known stays.
      replace(this.element, this.head(id, null), h("div", { role: "alert", class: "side-error" }, h("p", {}, e.status === 404 ? `There is no twin '${id}'. It may have been deleted.` : e.detail),
        h("button", { onclick: () => void this.open() }, "Try again")));
    }
  }

  private close(): void {
    this.twin = null;
    this.waiting = null;
    this.history.hide();
    replace(this.element);
  }

  private show(twin: TwinReading): void {
    this.twin = twin;
    const waiting = this.waiting ?? [];
    this.waiting = null;
    const cadence = new Cadence();
    this.cadence.clear();
    this.cadence.set(twin.id, cadence);
    this.list = new PropertyList(this.app, cadence, (reading) => this.chart(reading));
    for (const change of waiting) if (change.id === twin.id) applyChange(twin, change);
    this.list.show(twin);
    replace(this.element, this.head(twin.id, twin.model), this.list.element, this.history.element, this.relations.element);
    this.drawState();
    const wanted = this.app.router.get("prop");
    const numbers = [...twin.properties.values()].filter((p) => isNumeric(p) && p.value !== undefined);
    const first = numbers.find((p) => p.path === wanted) ?? TELLING.map((n) => numbers.find((p) => p.path === n)).find((p) => p) ?? numbers.find((p) => !/^(x|y|z|heading|width|length|height)$/.test(p.path));
    if (first) this.chart(first, false);
    void this.relations.show(twin.id);
  }

  private chart(reading: PropertyReading, keep = true): void {
    if (!this.twin) return;
    this.list?.choose(reading.path);
    this.history.show(this.twin.id, reading.path, reading.entry?.unit ?? null);
    if (keep) this.app.router.set("prop", reading.path);
  }

  private head(id: string, model: string | null): HTMLElement {
    const { world } = this.app;
    const own = this.twin?.id === id ? this.twin.properties.get("name")?.value : undefined;
    const name = typeof own === "string" && own !== "" ? own : world.nameOf(id);
    const copy = h("button", { class: "plain", "data-test": "copy-id", onclick: () => void navigator.clipboard?.writeText(id).then(() => setText(copy, "Copied"), () => setText(copy, "Not allowed")) }, "Copy id");
    const ofModel = model ?? world.modelOf(id);
    return h("header", { class: "side-head" },
      h("div", { class: "side-title" }, h("h1", { "data-test": "inspected" }, name), h("button", { class: "plain", "aria-label": "Close the inspector", title: "Close (Esc)", onclick: () => this.app.select(null) }, "✕")),
      h("div", { class: "side-sub" }, this.state, h("span", { class: "soft" }, ofModel ? (world.book.get(ofModel)?.displayName ?? words(modelName(ofModel))) : ""), this.source, name !== id ? h("span", { class: "mono soft" }, id) : null),
      h("div", { class: "side-actions" }, copy, h("button", { class: "plain", onclick: () => this.app.showOnMap(id), disabled: (world.table?.rowOf(id) ?? -1) < 0, "data-test": "show-on-map" }, "Show on map"),
        h("button", { class: "plain", onclick: () => this.app.showGraph(id), title: "Who is related to it", "data-test": "show-graph" }, "Graph")));
  }

  private drawState(): void {
    const { twin } = this;
    if (!twin) return;
    const { world } = this.app;
    const alarm = world.alarms.find((a) => a.id === twin.id);
    const tone = alarm ? toneOf(alarm) : "good";
    setText(this.source, isSimulated(twin.model, world.readings.at(-1)?.status.scenario) ? "simulated" : "");
    this.state.className = `tone ${tone}`;
    setText(this.state, alarm ? `${tone === "alarm" ? "Alarm" : "Warning"}${alarm.text ? `: ${alarm.text}` : ""}` : "No alarm");
  }

  /** Hot: every batch of the stream passes here; only the selected twin's changes do anything. */
  private take(changes: Change[]): void {
    const id = this.app.selection.id;
    if (!id) return;
    for (const change of changes) {
      if (change.id !== id) continue;
      if (this.waiting) this.waiting.push(change);
      else if (this.twin) this.applied(this.twin, change);
    }
  }

  private applied(twin: TwinReading, change: Change): void {
    if (change.kind === "relationshipChanged" || change.kind === "relationshipDeleted") {
      this.relationsTimer ??= setTimeout(() => {
        this.relationsTimer = null;
        if (this.twin === twin) void this.relations.show(twin.id);
      }, RELATIONS_AGAIN_MS);
      return;
    }
    if (change.kind === "twinDeleted") return void this.open();
    const reading = applyChange(twin, change);
    if (!reading) return;
    this.cadence.get(twin.id)?.heard(reading.path, Date.now());
    this.list?.update(twin, reading);
  }
}
