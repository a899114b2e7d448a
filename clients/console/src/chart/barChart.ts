import "./chart.css";
import { numberText } from "../format";
import { svg, replace, h } from "../ui/dom";
import { ticksOf, type Category, type Histogram } from "./bins";

/** What a bar is called, how long it is, and its colour. */
export interface Bar {
  count: number;
  colour: string;
  /** For the pointer and for screen readers: "40 to 45 W: 12 rows". */
  text: string;
}

const LEFT = 44;
const BOTTOM = 34;
const TOP = 8;
const RIGHT = 14;

/** A histogram or a list of bars, drawn in the pixels it has. A click on a bar picks it; a click on it again lets it go. */
export class BarChart {
  readonly element = h("div", { class: "bar-chart", "data-test": "chart" });
  private redraw: () => void = () => {};

  constructor(private readonly onPick: (bar: number | null) => void) {
    new ResizeObserver(() => this.redraw()).observe(this.element);
  }

  clear(): void {
    this.redraw = () => {};
    replace(this.element);
  }

  showHistogram(data: Histogram, unit: string, bars: readonly Bar[], picked: number | null): void {
    this.redraw = () => this.drawHistogram(data, unit, bars, picked);
    this.redraw();
  }

  showCategories(data: readonly Category[], bars: readonly Bar[], names: readonly string[], picked: number | null): void {
    this.redraw = () => this.drawCategories(data, bars, names, picked);
    this.redraw();
  }

  private drawHistogram(data: Histogram, unit: string, bars: readonly Bar[], picked: number | null): void {
    const { width, height, root } = this.canvas();
    if (!root) return;
    const most = Math.max(1, ...data.counts);
    const to = data.from + data.width * data.counts.length;
    const x = (v: number): number => LEFT + ((v - data.from) / (to - data.from)) * (width - LEFT - RIGHT);
    const y = (c: number): number => height - BOTTOM - (c / most) * (height - BOTTOM - TOP);
    for (const c of ticksOf(0, most, 3).filter((t) => Number.isInteger(t)))
      root.append(svg("line", { class: "grid", x1: LEFT, x2: width - RIGHT, y1: Math.round(y(c)) + 0.5, y2: Math.round(y(c)) + 0.5 }), svg("text", { class: "tick end", x: LEFT - 6, y: y(c) + 4 }, numberText(c)));
    bars.forEach((bar, i) => {
      const left = x(data.from + data.width * i);
      const wide = x(data.from + data.width * (i + 1)) - left;
      const tall = Math.max(bar.count > 0 ? 1 : 0, y(0) - y(bar.count));
      this.bar(root, i, bar, { x: left + 0.5, y: y(0) - tall, width: Math.max(1, wide - 1), height: tall }, { x: left, y: TOP, width: wide, height: y(0) - TOP }, picked);
    });
    const ticks = ticksOf(data.from, to, Math.max(2, Math.floor((width - LEFT) / 70)));
    for (const t of ticks) root.append(svg("text", { class: "tick middle", x: x(t), y: height - BOTTOM + 15 }, numberText(t)));
    root.append(svg("text", { class: "tick middle", x: (LEFT + width - RIGHT) / 2, y: height - 4 }, unit ? `rows by value, ${unit}` : "rows by value"));
  }

  private drawCategories(data: readonly Category[], bars: readonly Bar[], names: readonly string[], picked: number | null): void {
    const { width, height, root } = this.canvas();
    if (!root) return;
    const label = Math.min(width * 0.42, 12 + Math.max(...names.map((n) => n.length)) * 6.6);
    const most = Math.max(1, ...data.map((c) => c.count));
    const room = width - label - 64;
    const step = Math.min(26, (height - 8) / data.length);
    data.forEach((c, i) => {
      const top = 4 + i * step;
      const box = { x: label, y: top + step * 0.14, width: Math.max(1, (c.count / most) * room), height: step * 0.72 };
      this.bar(root, i, bars[i]!, box, { x: 0, y: top, width, height: step }, picked);
      root.append(svg("text", { class: "tick end strong", x: label - 8, y: top + step / 2 + 4 }, clip(names[i]!, label / 6.4)), svg("text", { class: "tick", x: box.x + box.width + 6, y: top + step / 2 + 4 }, numberText(c.count)));
    });
  }

  private bar(root: SVGElement, index: number, bar: Bar, box: Box, hit: Box, picked: number | null): void {
    const isDim = picked !== null && picked !== index;
    root.append(svg("g", { class: isDim ? "bar dim" : "bar", onclick: () => this.onPick(picked === index ? null : index) },
      svg("title", {}, bar.text), svg("rect", { ...hit, class: "hit" }), svg("rect", { ...box, fill: bar.colour, "data-count": bar.count })));
  }

  private canvas(): { width: number; height: number; root: SVGSVGElement | null } {
    const width = this.element.clientWidth;
    const height = this.element.clientHeight;
    if (width < 80 || height < 60) {
      replace(this.element);
      return { width, height, root: null };
    }
    const root = svg("svg", { width, height, role: "img" });
    replace(this.element, root);
    return { width, height, root };
  }
}

interface Box extends Record<string, number> {
  x: number;
  y: number;
  width: number;
  height: number;
}

function clip(text: string, characters: number): string {
  return text.length <= characters ? text : `${text.slice(0, Math.max(1, Math.floor(characters) - 1))}…`;
}
