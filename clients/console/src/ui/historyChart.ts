import { ApiError, type TwinApi } from "../api/client";
import type { HistoryBucket } from "../api/types";
import { numberText, unitText, words } from "../format";
import { extent, niceTicks, RANGES, segments, timeTicks, type Range } from "./chartScale";
import { h, replace, svg } from "./dom";

const WIDTH = 304;
const HEIGHT = 138;
const LEFT = 42;
const BOTTOM = 18;
const TOP = 6;
const AGAIN_MS = 15_000;

/** The past of one number: a band from least to most, a line through the means, a gap where nothing came. Reads itself again while shown. */
export class HistoryChart {
  readonly element = h("section", { class: "history", "aria-label": "History", "data-test": "history" });
  private readonly title = h("h2", {});
  private readonly body = h("div", { class: "history-body" });
  private readonly hint = h("div", { class: "history-hint soft tabular", "aria-live": "off" });
  private readonly buttons: HTMLButtonElement[];
  private range: Range = RANGES[0];
  private shown: { id: string; path: string; unit: string | null } | null = null;
  private buckets: HistoryBucket[] = [];
  private run = 0;
  private timer: ReturnType<typeof setInterval> | null = null;

  constructor(private readonly api: TwinApi) {
    this.buttons = RANGES.map((r) => h("button", { class: "plain", "aria-pressed": r === this.range ? "true" : "false", onclick: () => this.setRange(r) }, r.name));
    this.element.append(h("header", {}, this.title, h("div", { class: "ranges", role: "group", "aria-label": "Range" }, this.buttons)), this.body, this.hint);
    this.element.hidden = true;
  }

  show(id: string, path: string, unit: string | null): void {
    const isNew = this.shown?.id !== id || this.shown.path !== path;
    this.shown = { id, path, unit };
    this.element.hidden = false;
    this.title.textContent = `${words(path)}${unitText(unit) ? `, ${unitText(unit)}` : ""}`;
    if (!isNew) return;
    replace(this.body, h("div", { class: "history-empty soft", role: "status" }, "Reading history…"));
    void this.load();
    this.timer ??= setInterval(() => document.hidden || void this.load(), AGAIN_MS);
  }

  hide(): void {
    this.run++;
    this.shown = null;
    this.element.hidden = true;
    if (this.timer) clearInterval(this.timer);
    this.timer = null;
  }

  private setRange(range: Range): void {
    this.range = range;
    RANGES.forEach((r, i) => this.buttons[i]!.setAttribute("aria-pressed", String(r === range)));
    void this.load();
  }

  private async load(): Promise<void> {
    const run = ++this.run;
    const { shown, range } = this;
    if (!shown) return;
    const to = Date.now();
    try {
      const buckets = await this.api.history(shown.id, shown.path, new Date(to - range.ms), new Date(to), range.width);
      if (run !== this.run) return;
      this.buckets = buckets;
      this.draw(to - range.ms, to);
    } catch (error) {
      if (run !== this.run) return;
      const why = error instanceof ApiError ? error.detail : String(error);
      replace(this.body, h("div", { class: "history-empty", role: "alert" }, h("div", {}, why), h("button", { class: "link", onclick: () => void this.load() }, "Try again")));
    }
  }

  private draw(from: number, to: number): void {
    const bounds = extent(this.buckets);
    this.hint.textContent = "";
    if (!bounds || !this.shown) {
      replace(this.body, h("div", { class: "history-empty soft", "data-test": "history-empty" }, `Nothing was recorded in the last ${this.range.name}.`));
      return;
    }
    const [low, high] = bounds;
    const x = (t: number): number => LEFT + ((t - from) / (to - from)) * (WIDTH - LEFT - 4);
    const y = (v: number): number => TOP + (1 - (v - low) / (high - low)) * (HEIGHT - TOP - BOTTOM);
    const mid = (b: HistoryBucket): number => Math.min(to, Date.parse(b.t) + this.range.bucketMs / 2);
    const last = this.buckets.at(-1)!;
    const picture = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": `${words(this.shown.path)} over ${this.range.name}: least ${numberText(low)}, most ${numberText(high)}, last ${numberText(last.mean)}` });
    for (const v of niceTicks(low, high, 4))
      picture.append(svg("line", { class: "grid", x1: LEFT, x2: WIDTH - 4, y1: y(v), y2: y(v) }), svg("text", { x: LEFT - 6, y: y(v) + 4, "text-anchor": "end" }, numberText(v)));
    for (const t of timeTicks(from, to, 5))
      if (x(t) > LEFT + 12 && x(t) < WIDTH - 16) picture.append(svg("text", { x: x(t), y: HEIGHT - 4, "text-anchor": "middle" }, tickText(t, this.range)));
    for (const part of segments(this.buckets, this.range.bucketMs)) {
      const upper = part.map((b) => `${x(mid(b)).toFixed(1)},${y(b.max).toFixed(1)}`);
      const lower = part.map((b) => `${x(mid(b)).toFixed(1)},${y(b.min).toFixed(1)}`).reverse();
      picture.append(svg("polygon", { class: "band", points: [...upper, ...lower].join(" ") }));
      if (part.length === 1) picture.append(svg("circle", { class: "dot", cx: x(mid(part[0]!)), cy: y(part[0]!.mean), r: 2 }));
      else picture.append(svg("polyline", { class: "mean", points: part.map((b) => `${x(mid(b)).toFixed(1)},${y(b.mean).toFixed(1)}`).join(" ") }));
    }
    picture.addEventListener("pointermove", (e) => this.point(e, picture, from, to));
    picture.addEventListener("pointerleave", () => (this.hint.textContent = ""));
    replace(this.body, picture);
  }

  /** Says the bucket under the pointer in words below the chart. */
  private point(e: PointerEvent, picture: SVGSVGElement, from: number, to: number): void {
    const box = picture.getBoundingClientRect();
    const t = from + (((e.clientX - box.left) / box.width) * WIDTH - LEFT) / (WIDTH - LEFT - 4) * (to - from);
    let best: HistoryBucket | null = null;
    for (const b of this.buckets) if (!best || Math.abs(Date.parse(b.t) - t) < Math.abs(Date.parse(best.t) - t)) best = b;
    if (!best || typeof best.mean !== "number") return;
    const at = new Date(best.t);
    this.hint.textContent = `${tickText(at.getTime(), this.range)} · mean ${numberText(best.mean)} · ${numberText(best.min)} to ${numberText(best.max)} · ${numberText(best.count)} values`;
  }
}

function tickText(at: number, range: Range): string {
  const d = new Date(at);
  const two = (n: number): string => String(n).padStart(2, "0");
  const clock = `${two(d.getHours())}:${two(d.getMinutes())}`;
  return range.ms > 100_000_000 ? `${two(d.getMonth() + 1)}-${two(d.getDate())}` : clock;
}
