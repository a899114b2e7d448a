import { h } from "../ui/dom";
import type { Point } from "./layout";
import { GraphPainter, type Drawing } from "./painter";

const MOVE_MS = 380;
const REACH = 14;
const EDGE = 56;
const MOST_SCALE = 2.4;
const LEAST_SCALE = 0.06;

/** Draws the graph and moves over it. Draws only when something changed; twins glide to a new place once and then rest. */
export class GraphCanvas {
  readonly canvas = h("canvas", { class: "graph-canvas", tabindex: 0, role: "application", "aria-label": "Graph of relationships", "aria-describedby": "graph-told", "data-test": "graph-canvas" });
  readonly element = h("div", { class: "graph-world" }, this.canvas);
  /** Of the last drawing, milliseconds; measured for the test of smoothness. */
  drawMs = 0;
  private drawing: Drawing | null = null;
  private scale = 1;
  private x = 0;
  private y = 0;
  private hasMoved = false;
  private readonly painter = new GraphPainter();
  private hover: string | null = null;
  private due = false;
  private moving: { from: Map<string, Point>; began: number } | null = null;
  private readonly observer = new ResizeObserver(() => this.resize());

  constructor(private readonly onPick: (id: string) => void, private readonly onHover: (id: string | null) => void) {
    this.observer.observe(this.element);
    this.listen();
  }

  dispose(): void {
    this.observer.disconnect();
  }

  /** @param glide Whether places changed: those known before move there, the picture is fitted unless somebody moved it. */
  show(drawing: Drawing, glide: boolean): void {
    const before = this.drawing;
    this.drawing = drawing;
    if (glide) {
      const still = matchMedia("(prefers-reduced-motion: reduce)").matches || !before || before.root !== drawing.root;
      if (before && before.root !== drawing.root) this.hasMoved = false;
      this.moving = still ? null : { from: this.presentPlaces(before), began: performance.now() };
      if (!this.hasMoved) this.fit();
    }
    this.redraw();
  }

  fit(): void {
    const { clientWidth: width, clientHeight: height } = this.element;
    const places = [...(this.drawing?.places.values() ?? [])];
    this.hasMoved = false;
    if (places.length === 0 || width === 0) return;
    const xs = places.map((p) => p.x);
    const ys = places.map((p) => p.y);
    const [left, right, low, high] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
    this.scale = Math.min(1.25, (width - 2 * EDGE) / Math.max(80, right - left), (height - 2 * EDGE) / Math.max(80, high - low));
    this.x = (left + right) / 2;
    this.y = (low + high) / 2;
    this.redraw();
  }

  zoom(by: number, at?: { x: number; y: number }): void {
    const { clientWidth: width, clientHeight: height } = this.element;
    const px = at?.x ?? width / 2;
    const py = at?.y ?? height / 2;
    const next = Math.min(MOST_SCALE, Math.max(LEAST_SCALE, this.scale * by));
    this.x += (px - width / 2) * (1 / this.scale - 1 / next);
    this.y += (py - height / 2) * (1 / this.scale - 1 / next);
    this.scale = next;
    this.hasMoved = true;
    this.redraw();
  }

  pan(dx: number, dy: number): void {
    this.x += dx / this.scale;
    this.y += dy / this.scale;
    this.hasMoved = true;
    this.redraw();
  }

  /** Brings a twin into sight if it is not. */
  reveal(id: string): void {
    const p = this.drawing?.places.get(id);
    if (!p) return;
    const { clientWidth: width, clientHeight: height } = this.element;
    const sx = (p.x - this.x) * this.scale + width / 2;
    const sy = (p.y - this.y) * this.scale + height / 2;
    const dx = sx < EDGE ? sx - EDGE : sx > width - EDGE ? sx - width + EDGE : 0;
    const dy = sy < EDGE ? sy - EDGE : sy > height - EDGE ? sy - height + EDGE : 0;
    if (dx !== 0 || dy !== 0) this.pan(dx, dy);
  }

  /** Where a twin is drawn, in pixels of the element. */
  screenOf(id: string): Point | null {
    const p = this.drawing?.places.get(id);
    return p ? { x: (p.x - this.x) * this.scale + this.element.clientWidth / 2, y: (p.y - this.y) * this.scale + this.element.clientHeight / 2 } : null;
  }

  redraw(): void {
    if (this.due) return;
    this.due = true;
    requestAnimationFrame(() => {
      this.due = false;
      const began = performance.now();
      this.draw(began);
      this.drawMs = performance.now() - began;
      this.canvas.dataset["drawMs"] = this.drawMs.toFixed(1);
    });
  }

  private listen(): void {
    let from: { x: number; y: number; moved: boolean } | null = null;
    const { canvas } = this;
    canvas.addEventListener("pointerdown", (e) => {
      from = { x: e.offsetX, y: e.offsetY, moved: false };
      canvas.setPointerCapture(e.pointerId);
    });
    canvas.addEventListener("pointermove", (e) => {
      if (from) {
        if (!from.moved && Math.hypot(e.offsetX - from.x, e.offsetY - from.y) < 4) return;
        this.pan(from.x - e.offsetX, from.y - e.offsetY);
        from = { x: e.offsetX, y: e.offsetY, moved: true };
      } else this.setHover(this.at(e.offsetX, e.offsetY));
    });
    canvas.addEventListener("pointerup", (e) => {
      const id = from && !from.moved ? this.at(e.offsetX, e.offsetY) : null;
      from = null;
      if (id) this.onPick(id);
    });
    canvas.addEventListener("pointercancel", () => (from = null));
    canvas.addEventListener("pointerleave", () => this.setHover(null));
    canvas.addEventListener("wheel", (e) => {
      e.preventDefault();
      this.zoom(Math.exp(-e.deltaY * 0.0016), { x: e.offsetX, y: e.offsetY });
    }, { passive: false });
  }

  private setHover(id: string | null): void {
    if (id === this.hover) return;
    this.hover = id;
    this.canvas.style.cursor = id ? "pointer" : "grab";
    this.onHover(id);
    this.redraw();
  }

  private at(px: number, py: number): string | null {
    const { clientWidth: width, clientHeight: height } = this.element;
    const x = (px - width / 2) / this.scale + this.x;
    const y = (py - height / 2) / this.scale + this.y;
    let best: string | null = null;
    let least = Math.max(REACH, 12 * this.scale) / this.scale;
    for (const [id, p] of this.drawing?.places ?? []) {
      const away = Math.hypot(p.x - x, p.y - y);
      if (away < least) {
        least = away;
        best = id;
      }
    }
    return best;
  }

  private resize(): void {
    const ratio = Math.min(2, devicePixelRatio);
    const { clientWidth: width, clientHeight: height } = this.element;
    this.canvas.width = Math.max(1, Math.round(width * ratio));
    this.canvas.height = Math.max(1, Math.round(height * ratio));
    if (!this.hasMoved) this.fit();
    this.draw(performance.now());
  }

  private presentPlaces(before: Drawing): Map<string, Point> {
    const share = this.share(performance.now());
    return new Map([...before.places].map(([id, p]) => [id, this.between(id, p, share)]));
  }

  private share(now: number): number {
    if (!this.moving) return 1;
    const t = Math.min(1, (now - this.moving.began) / MOVE_MS);
    return 1 - (1 - t) ** 3;
  }

  private between(id: string, to: Point, share: number): Point {
    const from = share < 1 ? this.moving?.from.get(id) : undefined;
    return from ? { x: from.x + (to.x - from.x) * share, y: from.y + (to.y - from.y) * share } : to;
  }

  private draw(now: number): void {
    const c = this.canvas.getContext("2d");
    const d = this.drawing;
    if (!c || !d) return;
    const { clientWidth: width, clientHeight: height } = this.element;
    const ratio = this.canvas.width / Math.max(1, width);
    c.setTransform(1, 0, 0, 1, 0, 0);
    c.clearRect(0, 0, this.canvas.width, this.canvas.height);
    c.setTransform(ratio, 0, 0, ratio, 0, 0);
    const share = this.share(now);
    const at = new Map<string, Point>();
    for (const [id, place] of d.places) {
      const p = this.between(id, place, share);
      at.set(id, { x: (p.x - this.x) * this.scale + width / 2, y: (p.y - this.y) * this.scale + height / 2 });
    }
    this.painter.paint(c, d, at, { scale: this.scale, hover: this.hover, width, height });
    if (share < 1) this.redraw();
    else this.moving = null;
  }
}
