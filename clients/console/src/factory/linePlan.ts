import { fixedText } from "../table/columns";
import { svg } from "../ui/dom";
import { middleOf, placeOf, type Floor } from "./floor";
import { oeeOf, stationState } from "./oee";
import { numberOf, textOf, type Line, type Machine } from "./plant";

interface Figure {
  title: string;
  unit: string;
  path: string;
  text(machine: Machine): string | null;
  tone?(machine: Machine): string;
}

const plain = (path: string, decimals: number) => (m: Machine): string | null => {
  const v = numberOf(m, path);
  return v === null ? null : fixedText(v, decimals);
};
const factor = (name: "availability" | "performance" | "quality") => (m: Machine): string | null => {
  const v = numberOf(m, name);
  return v === null ? null : fixedText(v, 1);
};

/** The figures under each station. A figure no station has is left out. From 1 on an anomaly score means: not as learnt. */
const FIGURES: Figure[] = [
  { title: "State", unit: "", path: "state", text: (m) => (textOf(m, "state") === null ? null : stationState(textOf(m, "state")) === "unknown" ? textOf(m, "state") : stationState(textOf(m, "state"))), tone: (m) => `state-${stationState(textOf(m, "state"))}` },
  { title: "Good", unit: "", path: "good", text: plain("good", 0) },
  { title: "Scrap", unit: "", path: "scrap", text: plain("scrap", 0) },
  { title: "Cycle", unit: "s", path: "cycleTime", text: plain("cycleTime", 1) },
  { title: "Availability", unit: "%", path: "availability", text: factor("availability") },
  { title: "Performance", unit: "%", path: "performance", text: factor("performance") },
  { title: "Quality", unit: "%", path: "quality", text: factor("quality") },
  { title: "OEE", unit: "%", path: "oee", text: (m) => { const e = oeeOf(m); return e === null ? null : fixedText(e.percent, 1); } },
  { title: "Temperature", unit: "°C", path: "temperature", text: plain("temperature", 1) },
  { title: "Anomaly", unit: "", path: "anomalyScore", text: plain("anomalyScore", 2), tone: (m) => ((numberOf(m, "anomalyScore") ?? 0) >= 1 ? "alarm" : "") },
];

const ROW = 18;
const GAP = 8;

/** One line drawn to scale, with its figures below each station. Made once per line and size; redraw(id) follows a change. */
export class LinePlan {
  readonly element: SVGSVGElement;
  private readonly draws = new Map<string, () => void>();
  private readonly groups = new Map<string, SVGGElement>();
  private readonly figures: Figure[];
  /** Robots stand north of the stations: what is written beside a station goes south of it. */
  private readonly robotsAbove: boolean;
  private readonly labels = new Map<string, { x: number; y: number; label: SVGTextElement }>();

  constructor(line: Line, private readonly floor: Floor, aisles: readonly { line: [number, number][]; width: number }[], private readonly onSelect: (id: string) => void) {
    const stations = line.flow.filter((m) => m.kind === "Station");
    this.figures = FIGURES.filter((f) => stations.some((s) => f.text(s) !== null));
    const north = (m: Machine): number => numberOf(m, "y") ?? 0;
    this.robotsAbove = stations.length > 0 && line.robots.some((r) => north(r) > north(stations[0]!));
    const height = floor.height + GAP + this.figures.length * ROW + 8;
    this.element = svg("svg", { class: "line-plan", width: floor.width, height, role: "group", "aria-label": `Plan of ${line.line.name}` });
    for (const aisle of aisles) this.aisle(aisle);
    this.figureNames();
    line.flow.forEach((m, i) => {
      if (m.kind === "Conveyor") this.conveyor(m, line.flow[i - 1], line.flow[i + 1]);
      else if (m.kind === "Buffer") this.buffer(m);
    });
    for (const s of stations) this.station(s);
    for (const r of line.robots) this.robot(r);
    for (const v of line.vehicles) this.vehicle(v);
    for (const draw of this.draws.values()) draw();
  }

  redraw(id: string): void {
    this.draws.get(id)?.();
  }

  /** True when a figure came up that this plan has no row for. */
  lacks(path: string): boolean {
    return FIGURES.some((f) => f.path === path) && !this.figures.some((f) => f.path === path);
  }

  setSelected(id: string | null): void {
    for (const [key, group] of this.groups) group.classList.toggle("selected", key === id);
  }

  private aisle(aisle: { line: [number, number][]; width: number }): void {
    const points = aisle.line.map(([x, y]) => placeOf(this.floor, x, y)).map((p) => `${p.x.toFixed(1)},${p.y.toFixed(1)}`).join(" ");
    const isLoop = String(aisle.line[0]) === String(aisle.line.at(-1));
    this.element.append(svg(isLoop ? "polygon" : "polyline", { class: "aisle", points, "stroke-width": aisle.width * this.floor.scale }));
  }

  private figureNames(): void {
    this.figures.forEach((f, i) => {
      const y = this.rowY(i);
      if (i % 2 === 0) this.element.append(svg("rect", { class: "stripe", x: 0, y: y - 13, width: this.floor.width, height: ROW }));
      this.element.append(svg("text", { class: "figure-name", x: 14, y }, f.unit ? `${f.title}, ${f.unit}` : f.title));
    });
  }

  private station(m: Machine): void {
    const at = middleOf(this.floor, m);
    if (!at) return;
    const { along, across } = this.floor.station;
    const [w, h] = [along * this.floor.scale, across * this.floor.scale];
    const box = svg("rect", { x: at.x - w / 2, y: at.y - h / 2, width: w, height: h, rx: 2 });
    const short = /(\d+)$/.exec(m.name)?.[1] ?? m.name;
    const group = this.group(m, "station", box, svg("text", { class: "station-number", x: at.x, y: at.y + 5 }, short));
    const process = svg("text", { class: "process", x: at.x, y: this.robotsAbove ? at.y + h / 2 + 13 : at.y - h / 2 - 6 });
    group.append(process);
    const texts = this.figures.map((f, i) => {
      const text = svg("text", { class: "figure", x: at.x, y: this.rowY(i), "data-id": m.id, "data-path": f.path });
      this.element.append(text);
      return text;
    });
    this.draws.set(m.id, () => {
      const state = stationState(textOf(m, "state"));
      group.dataset["state"] = state;
      group.setAttribute("aria-label", `${m.name}, ${textOf(m, "process") ?? ""}, ${state}`);
      setSvgText(process, textOf(m, "process") ?? "");
      this.figures.forEach((f, i) => {
        setSvgText(texts[i]!, f.text(m) ?? "–");
        texts[i]!.setAttribute("class", `figure ${f.tone?.(m) ?? ""}`);
      });
    });
  }

  /** A belt from the machine before to the machine after, both edges where theirs are. */
  private conveyor(m: Machine, before: Machine | undefined, after: Machine | undefined): void {
    const at = middleOf(this.floor, m);
    if (!at) return;
    const reach = (other: Machine | undefined, sign: number): number => {
      const place = other ? middleOf(this.floor, other) : null;
      if (!place) return at.x + sign * this.floor.scale;
      return place.x - sign * (other!.kind === "Station" ? this.floor.station.along / 2 : BUFFER / 2) * this.floor.scale;
    };
    const [from, to] = [reach(before, -1) + 1, reach(after, 1) - 1];
    const h = 0.8 * this.floor.scale;
    const group = this.group(m, "conveyor", svg("rect", { x: from, y: at.y - h / 2, width: Math.max(2, to - from), height: h }), svg("path", { d: `M${(from + to) / 2 - 3} ${at.y - 3}l4 3-4 3` }));
    this.draws.set(m.id, () => {
      const running = m.values.get("running");
      group.dataset["state"] = running === true ? "running" : running === false ? "standing" : "unknown";
      group.setAttribute("aria-label", `${m.name}, ${running === true ? "running" : running === false ? "standing" : "not known"}`);
    });
  }

  /** As many slots as it has room for, filled from below; full is marked, for it blocks the station before it. */
  private buffer(m: Machine): void {
    const at = middleOf(this.floor, m);
    if (!at) return;
    const capacity = Math.max(1, Math.min(40, Math.round(numberOf(m, "capacity") ?? 1)));
    const w = BUFFER * this.floor.scale;
    const h = this.floor.station.across * this.floor.scale;
    const slot = h / capacity;
    const slots = Array.from({ length: capacity }, (_, i) => svg("rect", { class: "slot", x: at.x - w / 2, y: at.y + h / 2 - (i + 1) * slot + 0.5, width: w, height: Math.max(1, slot - 1) }));
    const count = svg("text", { class: "buffer-count", x: at.x, y: at.y + h / 2 + 13, "data-id": m.id, "data-path": "level" });
    const group = this.group(m, "buffer", slots, count);
    this.draws.set(m.id, () => {
      const level = numberOf(m, "level");
      slots.forEach((s, i) => s.classList.toggle("filled", level !== null && i < level));
      group.dataset["state"] = level !== null && level >= capacity ? "full" : "";
      group.setAttribute("aria-label", `${m.name}, ${level ?? "unknown"} of ${capacity} parts`);
      setSvgText(count, level === null ? "–" : String(level));
    });
  }

  private robot(m: Machine): void {
    const at = middleOf(this.floor, m);
    if (!at) return;
    const group = this.group(m, "robot", svg("circle", { cx: at.x, cy: at.y, r: Math.max(4, 0.7 * this.floor.scale) }));
    this.draws.set(m.id, () => {
      group.dataset["state"] = textOf(m, "state") ?? "unknown";
      group.setAttribute("aria-label", `${m.name}, ${textOf(m, "state") ?? "not known"}`);
    });
  }

  private vehicle(m: Machine): void {
    const s = this.floor.scale;
    const body = svg("path", { d: `M${-0.9 * s} ${0.6 * s}V${-0.6 * s}h${1.2 * s}l${0.6 * s} ${0.6 * s}l${-0.6 * s} ${0.6 * s}z` });
    const label = svg("text", { class: "vehicle-label", y: -0.9 * s });
    const turned = svg("g", {}, body);
    const group = this.group(m, "vehicle", turned, label);
    this.draws.set(m.id, () => {
      const at = middleOf(this.floor, m);
      group.style.visibility = at ? "visible" : "hidden";
      if (at) {
        group.style.transform = `translate(${at.x.toFixed(1)}px, ${at.y.toFixed(1)}px)`;
        this.labels.set(m.id, { ...at, label });
        this.partLabels();
      }
      turned.setAttribute("transform", `rotate(${(numberOf(m, "heading") ?? 90) - 90})`);
      const battery = numberOf(m, "battery");
      const state = textOf(m, "state") ?? "unknown";
      group.dataset["state"] = state;
      setSvgText(label, battery === null ? state : `${state} ${fixedText(battery, 0)} %`);
      group.setAttribute("aria-label", `${m.name}, ${state}`);
    });
  }

  /** Vehicles side by side share one place for words: the first keeps them. */
  private partLabels(): void {
    const shown: { x: number; y: number }[] = [];
    for (const at of this.labels.values()) {
      const isFree = shown.every((s) => Math.abs(s.x - at.x) > 84 || Math.abs(s.y - at.y) > 14);
      at.label.style.visibility = isFree ? "" : "hidden";
      if (isFree) shown.push(at);
    }
  }

  private group(m: Machine, kind: string, ...children: (SVGElement | SVGElement[])[]): SVGGElement {
    const group = svg("g", { class: `machine ${kind}`, "data-id": m.id, tabindex: 0, role: "button" }, svg("title", {}, m.name), ...children);
    group.addEventListener("click", () => this.onSelect(m.id));
    group.addEventListener("keydown", (e) => {
      if (e.key !== "Enter" && e.key !== " ") return;
      e.preventDefault();
      this.onSelect(m.id);
    });
    this.groups.set(m.id, group);
    this.element.append(group);
    return group;
  }

  private rowY(row: number): number {
    return Math.round(this.floor.height + GAP + row * ROW + 13);
  }
}

/** Metres a buffer takes along the line. */
const BUFFER = 1.8;

function setSvgText(element: SVGElement, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}
