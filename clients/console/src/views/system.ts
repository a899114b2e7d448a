import "./system.css";
import { TimeLine } from "../chart/timeLine";
import { ageText, bytesText, clockText, numberText } from "../format";
import type { ApiError } from "../api/client";
import { asApiError, type SystemReading } from "../live/world";
import type { App, View } from "../ui/app";
import { h, replace, setText } from "../ui/dom";
import { SystemLog } from "./systemLog";
import { SPAN_MS, type Point } from "./systemSeries";
import { FATES, FATE_WORDS, noticesOf } from "./systemWords";

export const view = (app: App): View => new SystemView(app);

const METRICS_EVERY_MS = 5000;

/** One line of the list: what it is, its value now, the highest in ten minutes, and its course. */
interface Measure {
  key: string;
  title: string;
  unit: string;
  points: () => readonly Point[];
  text: (value: number) => string;
  /** A last column of its own instead of the highest. */
  total?: () => string;
}

/** Kept while the page is: coming back to the view finds the minutes before. */
let log: SystemLog | null = null;

/** How the silos are: readiness, rates, latencies, lag, and in words what is at a bound. */
class SystemView implements View {
  readonly element: HTMLElement;
  private readonly head = h("header", { class: "system-head", "data-test": "system-head" });
  private readonly words = h("ul", { class: "system-words", role: "status", "data-test": "system-words" });
  private readonly silos = h("div", { "data-test": "system-silos" });
  private readonly rows: { measure: Measure; now: HTMLElement; last: HTMLElement; line: TimeLine }[] = [];
  private readonly off: (() => void)[] = [];
  private readonly log: SystemLog;
  private timer: ReturnType<typeof setTimeout> | null = null;
  private isEnded = false;
  private ready: { status: string; text: string; tone: string } = { status: "", text: "…", tone: "soft" };
  private metricsError: ApiError | null = null;

  constructor(private readonly app: App) {
    this.log = log ??= new SystemLog();
    for (const reading of app.world.readings) this.log.takeReading(reading);
    const measures = this.measures();
    this.element = h("div", { class: "system-view", "data-test": "system" }, this.head,
      h("div", { class: "system-columns" },
        h("div", {}, measures.map(([title, list]) => this.group(title, list))),
        h("div", {}, h("section", {}, h("h2", {}, "At a bound"), this.words), this.silos)));
    this.off.push(app.world.onSystem.on((reading) => this.take(reading)));
    void this.poll();
    this.draw();
  }

  dispose(): void {
    this.isEnded = true;
    if (this.timer) clearTimeout(this.timer);
    for (const off of this.off) off();
  }

  private measures(): [string, Measure[]][] {
    const { log } = this;
    const rate = (v: number): string => (v >= 100 ? numberText(Math.round(v)) : v.toFixed(1));
    const whole = (v: number): string => numberText(Math.round(v));
    const ms = (v: number): string => (v < 0.01 ? (v * 1000).toFixed(1) : numberText(Math.round(v * 1000)));
    return [
      ["Ingest", [
        { key: "messages", title: "Messages", unit: "/s", points: () => log.messages.points, text: rate },
        { key: "values", title: "Values", unit: "/s", points: () => log.values.points, text: rate },
        { key: "latency", title: "From arrival to journal, mean", unit: "ms", points: () => log.latency.series.points, text: ms },
        { key: "inFlight", title: "Values under way", unit: "", points: () => log.inFlight.points, text: whole },
        { key: "waiting", title: "Senders waiting", unit: "", points: () => log.waiting.points, text: whole },
      ]],
      ["Values by fate", FATES.map((f) => ({ key: f, title: FATE_WORDS[f], unit: "/s", points: () => log.fates.get(f)!.series.points, text: rate, total: () => whole(log.fates.get(f)!.inSpan) }))],
      ["Journal and history", [
        { key: "commit", title: "Group commit, mean", unit: "ms", points: () => log.commit.series.points, text: ms },
        { key: "frames", title: "Batches journaled", unit: "/s", points: () => log.frames.series.points, text: rate },
        { key: "journal", title: "Bytes journaled", unit: "/s", points: () => log.journalBytes.series.points, text: bytesText },
        { key: "historyLag", title: "History lag", unit: "ms", points: () => log.historyLag.points, text: whole },
        { key: "history", title: "Values to history", unit: "/s", points: () => log.historyValues.series.points, text: rate },
      ]],
      ["Feed and broker", [
        { key: "subscribers", title: "Feed subscribers", unit: "", points: () => log.subscribers.points, text: whole },
        { key: "changes", title: "Changes", unit: "/s", points: () => log.changes.series.points, text: rate },
        { key: "connections", title: "Broker connections", unit: "", points: () => log.connections.points, text: whole },
        { key: "brokerIn", title: "Messages from devices", unit: "/s", points: () => log.brokerIn.series.points, text: rate },
        { key: "brokerOut", title: "Messages to devices", unit: "/s", points: () => log.brokerOut.series.points, text: rate },
      ]],
    ];
  }

  private group(title: string, measures: Measure[]): HTMLElement {
    const isTotal = measures.some((m) => m.total);
    const rows = measures.map((measure) => {
      const now = h("td", { class: "number", "data-test": `now-${measure.key}` });
      const last = h("td", { class: "number soft" });
      const line = new TimeLine(240, 20);
      this.rows.push({ measure, now, last, line });
      return h("tr", {}, h("th", { scope: "row" }, measure.title), now, h("td", { class: "unit soft" }, measure.unit), last, h("td", { class: "course" }, line.element));
    });
    return h("section", {}, h("table", { class: "measures" }, h("thead", {}, h("tr", {}, h("th", { scope: "col" }, h("h2", {}, title)), h("th", { class: "number" }, "now"), h("th", {}), h("th", { class: "number" }, isTotal ? "in 10 min" : "highest"), h("th", { class: "course" }, "last 10 min"))), h("tbody", {}, rows)));
  }

  private take(reading: SystemReading): void {
    this.log.takeReading(reading);
    this.draw();
  }

  private async poll(): Promise<void> {
    try {
      const response = await this.app.api.send("GET", "/metrics");
      this.log.takeMetrics(Date.now(), await response.text());
      this.metricsError = null;
    } catch (error) {
      this.metricsError = asApiError(error);
    }
    await this.readReadiness();
    if (this.isEnded) return;
    this.draw();
    this.timer = setTimeout(() => void this.poll(), METRICS_EVERY_MS);
  }

  private async readReadiness(): Promise<void> {
    try {
      await this.app.api.send("GET", "/health/ready");
      this.ready = { status: "ready", text: "Ready", tone: "good" };
    } catch (error) {
      const e = asApiError(error);
      this.ready = e.status === 503 ? { status: "waiting", text: "Not ready", tone: "warning" } : e.status === 0 ? { status: "away", text: "No answer", tone: "alarm" } : { status: "refused", text: `Readiness is refused (${e.status})`, tone: "warning" };
    }
  }

  private draw(): void {
    const now = Date.now();
    for (const { measure, now: cell, last, line } of this.rows) {
      const points = measure.points();
      const value = points.at(-1)?.value;
      setText(cell, value === undefined ? "–" : measure.text(value));
      setText(last, measure.total ? measure.total() : points.length === 0 ? "–" : measure.text(Math.max(...points.map((p) => p.value))));
      line.show(points, now, SPAN_MS);
    }
    this.drawHead(now);
    this.drawWords();
    this.drawSilos();
  }

  private drawHead(now: number): void {
    const status = this.app.world.readings.at(-1)?.status;
    const fact = (name: string, value: string): HTMLElement => h("span", {}, h("span", { class: "soft" }, `${name} `), value);
    replace(this.head, h("b", { class: this.ready.tone, "data-test": "ready", "data-state": this.ready.status }, this.ready.text), ...(status ? [
      fact("version", status.version.split("+")[0]!), fact("cluster", status.cluster), status.scenario ? fact("scenario", status.scenario) : null,
      fact("up", ageText(now - Date.parse(status.startedAt))), fact("memory", bytesText(status.memoryBytes)), fact("twins", numberText(status.twins)), fact("relationships", numberText(status.relationships)),
      fact("points of history", status.history ? numberText(status.history.points) : "off"),
    ] : [h("span", { class: "soft" }, "Reading the state of the silos…")]));
    const first = this.log.messages.points[0]?.at;
    if (first !== undefined && now - first < SPAN_MS - 15_000) this.head.append(h("span", { class: "soft since" }, `watched since ${clockText(new Date(first))}`));
  }

  private drawWords(): void {
    const status = this.app.world.readings.at(-1)?.status ?? null;
    const notices = noticesOf(status, this.log.metrics, (m) => this.log.bounds.get(m)?.inSpan ?? 0);
    const items = notices.map((n) => h("li", { class: n.tone }, n.text));
    if (this.metricsError) items.push(h("li", { class: "warning" }, this.metricsError.status === 0 ? "The silo does not answer; what you see is the last that was read." : `The metrics cannot be read: ${this.metricsError.detail}`));
    if (items.length === 0) items.push(h("li", {}, this.log.metrics ? "Nothing is at a bound." : "Reading…"));
    replace(this.words, items);
  }

  private drawSilos(): void {
    const status = this.app.world.readings.at(-1)?.status;
    if (!status) return;
    replace(this.silos,
      h("section", {}, h("h2", {}, status.silos.length === 1 ? "One silo" : `${status.silos.length} silos`), h("table", {}, h("thead", {}, h("tr", {}, h("th", {}, "silo"), h("th", {}, "status"))),
        h("tbody", {}, status.silos.map((s) => h("tr", {}, h("td", {}, s.name), h("td", { class: s.status === "Active" ? "good" : "warning" }, s.status)))))),
      h("section", {}, h("h2", {}, `${status.shards.length} shards`), h("table", { class: "shards" },
        h("thead", {}, h("tr", {}, ...["shard", "twins", "relationships", "journal"].map((t) => h("th", { class: "number" }, t)), h("th", {}, "silo"))),
        h("tbody", {}, status.shards.map((s) => h("tr", { "data-shard": s.shard }, h("td", { class: "number" }, String(s.shard)), h("td", { class: "number" }, numberText(s.twins)), h("td", { class: "number" }, numberText(s.relationships)),
          h("td", { class: "number" }, bytesText(s.journalBytes)), h("td", {}, s.silo)))))));
  }
}
