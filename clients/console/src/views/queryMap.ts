import type { Scene } from "../api/types";
import type { Theme } from "../style/tokens";
import { h } from "../ui/dom";

/** A mark on the small map: where, in metres, and its colour. */
export interface FoundMark {
  id: string;
  x: number;
  y: number;
  colour: string;
}

export interface MapFrame {
  /** Pixels to the metre. */
  scale: number;
  /** The metres in the middle. */
  x: number;
  y: number;
}

/** Metres shown at least, so that one twin does not fill the map. */
const LEAST_METRES = 240;
const EDGE = 18;
const REACH = 9;

/** The frame that shows all points with an edge around them. North is up. */
export function frameOf(points: readonly { x: number; y: number }[], width: number, height: number): MapFrame {
  if (points.length === 0) return { scale: 1, x: 0, y: 0 };
  let [left, right, low, high] = [Infinity, -Infinity, Infinity, -Infinity];
  for (const p of points) {
    left = Math.min(left, p.x);
    right = Math.max(right, p.x);
    low = Math.min(low, p.y);
    high = Math.max(high, p.y);
  }
  const wide = Math.max(right - left, LEAST_METRES);
  const tall = Math.max(high - low, LEAST_METRES * 0.6);
  const scale = Math.min((width - 2 * EDGE) / wide, (height - 2 * EDGE) / tall);
  return { scale: Math.max(scale, 1e-6), x: (left + right) / 2, y: (low + high) / 2 };
}

/** The round length a scale bar shows: 1, 2 or 5 times a power of ten, at most that many pixels long. */
export function scaleBar(scale: number, mostPixels: number): { metres: number; pixels: number } {
  const most = mostPixels / scale;
  const power = 10 ** Math.floor(Math.log10(most));
  const lead = most / power;
  const metres = (lead >= 5 ? 5 : lead >= 2 ? 2 : 1) * power;
  return { metres, pixels: metres * scale };
}

/** A plan of the place with what a query found on it; a click selects the nearest mark. */
export class QueryMap {
  private readonly canvas = h("canvas", { role: "img", "data-test": "query-map" });
  readonly element = h("div", { class: "query-map" }, this.canvas);
  private marks: readonly FoundMark[] = [];
  private frame: MapFrame = { scale: 1, x: 0, y: 0 };
  private scene: Scene | null = null;
  private theme: Theme;
  private selected: string | null = null;
  private base: HTMLCanvasElement | null = null;

  constructor(theme: Theme, onSelect: (id: string) => void) {
    this.theme = theme;
    new ResizeObserver(() => this.fit()).observe(this.element);
    this.canvas.addEventListener("click", (e) => {
      const id = this.nearest(e.offsetX, e.offsetY);
      if (id) onSelect(id);
    });
    this.canvas.addEventListener("pointermove", (e) => (this.canvas.style.cursor = this.nearest(e.offsetX, e.offsetY) ? "pointer" : "default"));
  }

  setScene(scene: Scene | null, theme: Theme): void {
    this.scene = scene;
    this.theme = theme;
    this.fit();
  }

  setMarks(marks: readonly FoundMark[], selected: string | null): void {
    const isSamePlace = marks.length === this.marks.length && marks.every((m, i) => m.id === this.marks[i]!.id);
    this.marks = marks;
    this.selected = selected;
    this.canvas.setAttribute("aria-label", `Map with ${marks.length} marks`);
    this.canvas.dataset["marks"] = String(marks.length);
    if (isSamePlace && this.base) this.draw();
    else this.fit();
  }

  private fit(): void {
    const { clientWidth: width, clientHeight: height } = this.element;
    if (width < 20 || height < 20) return;
    this.frame = frameOf(this.marks.length > 0 ? this.marks : this.everything(), width, height);
    const ratio = Math.min(2, devicePixelRatio);
    this.canvas.width = width * ratio;
    this.canvas.height = height * ratio;
    this.canvas.style.width = `${width}px`;
    this.canvas.style.height = `${height}px`;
    this.drawBase(width, height, ratio);
    this.draw();
  }

  private everything(): { x: number; y: number }[] {
    const t = this.scene?.twins;
    if (!t || t.x.length === 0) return [];
    const out: { x: number; y: number }[] = [];
    for (let i = 0; i < t.x.length; i += Math.max(1, Math.floor(t.x.length / 2000))) out.push({ x: t.x[i]!, y: t.y[i]! });
    return out;
  }

  private drawBase(width: number, height: number, ratio: number): void {
    const base = (this.base = document.createElement("canvas"));
    base.width = width * ratio;
    base.height = height * ratio;
    const c = base.getContext("2d");
    const { scene, theme } = this;
    if (!c) return;
    c.setTransform(ratio, 0, 0, ratio, 0, 0);
    c.fillStyle = theme.ground;
    c.fillRect(0, 0, width, height);
    if (!scene) return;
    const px = (x: number): number => width / 2 + (x - this.frame.x) * this.frame.scale;
    const py = (y: number): number => height / 2 - (y - this.frame.y) * this.frame.scale;
    const trace = (line: readonly (readonly [number, number])[]): void => line.forEach(([x, y], i) => (i === 0 ? c.moveTo(px(x), py(y)) : c.lineTo(px(x), py(y))));
    for (const area of scene.areas ?? []) {
      c.fillStyle = area.kind === "water" ? theme.water : area.kind === "park" ? theme.park : theme.floor;
      c.beginPath();
      trace(area.outline);
      c.fill();
    }
    c.strokeStyle = theme.road;
    for (const road of scene.roads) {
      c.lineWidth = Math.max(0.5, road.width * this.frame.scale);
      c.beginPath();
      trace(road.line);
      c.stroke();
    }
    c.fillStyle = theme.building;
    for (const b of scene.buildings) {
      c.beginPath();
      trace(b.footprint);
      c.fill();
    }
  }

  private draw(): void {
    const c = this.canvas.getContext("2d");
    if (!c || !this.base) return;
    const { clientWidth: width, clientHeight: height } = this.element;
    const ratio = this.canvas.width / Math.max(1, width);
    c.setTransform(1, 0, 0, 1, 0, 0);
    c.drawImage(this.base, 0, 0);
    c.setTransform(ratio, 0, 0, ratio, 0, 0);
    const size = this.marks.length > 2000 ? 3 : this.marks.length > 200 ? 4 : 6;
    let chosen: FoundMark | null = null;
    for (const mark of this.marks) {
      if (mark.id === this.selected) chosen = mark;
      const { x, y } = this.at(mark);
      c.fillStyle = mark.colour;
      c.fillRect(x - size / 2, y - size / 2, size, size);
    }
    if (chosen) {
      const { x, y } = this.at(chosen);
      c.strokeStyle = this.theme.accent;
      c.lineWidth = 2;
      c.beginPath();
      c.arc(x, y, 9, 0, 2 * Math.PI);
      c.stroke();
    }
    this.drawScale(c, height);
  }

  private drawScale(c: CanvasRenderingContext2D, height: number): void {
    const bar = scaleBar(this.frame.scale, 90);
    c.strokeStyle = c.fillStyle = this.theme.textSoft;
    c.lineWidth = 1;
    c.beginPath();
    c.moveTo(10.5, height - 14);
    c.lineTo(10.5, height - 9.5);
    c.lineTo(10.5 + bar.pixels, height - 9.5);
    c.lineTo(10.5 + bar.pixels, height - 14);
    c.stroke();
    c.font = "11px Inter, 'Segoe UI', system-ui, 'Liberation Sans', sans-serif";
    c.fillText(bar.metres >= 1000 ? `${bar.metres / 1000} km` : `${bar.metres} m`, 16 + bar.pixels, height - 8);
  }

  private at(mark: { x: number; y: number }): { x: number; y: number } {
    const { clientWidth: width, clientHeight: height } = this.element;
    return { x: width / 2 + (mark.x - this.frame.x) * this.frame.scale, y: height / 2 - (mark.y - this.frame.y) * this.frame.scale };
  }

  private nearest(x: number, y: number): string | null {
    let best: string | null = null;
    let least = REACH;
    for (const mark of this.marks) {
      const p = this.at(mark);
      const away = Math.hypot(p.x - x, p.y - y);
      if (away < least) {
        least = away;
        best = mark.id;
      }
    }
    return best;
  }
}
