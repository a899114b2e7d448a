import type { Theme } from "../style/tokens";
import { h } from "../ui/dom";
import type { Point } from "./layout";
import type { Mark, TwinFace } from "./marks";
import type { Fold, GraphLink, GraphNode } from "./neighbourhood";

/** Everything the canvas draws. */
export interface Drawing {
  nodes: readonly GraphNode[];
  links: readonly GraphLink[];
  folds: readonly Fold[];
  places: ReadonlyMap<string, Point>;
  faces: ReadonlyMap<string, TwinFace>;
  markOf(model: string): Mark;
  /** Twins drawn faintly: of another model than the one asked for. */
  isDim(id: string): boolean;
  root: string;
  focus: string | null;
  selected: string | null;
  theme: Theme;
  isStale: boolean;
}

const FONT = "Inter, 'Segoe UI', system-ui, 'Liberation Sans', sans-serif";
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
    c.globalAlpha = d.isStale ? 0.5 : 1;
    this.drawLinks(c, d, at);
    const taken: Box[] = [];
    for (const fold of d.folds) this.drawFold(c, d, fold, at.get(fold.key), at.get(fold.owner), taken);
    for (const node of d.nodes) this.drawNode(c, d, node, at.get(node.id)!, width, height);
    this.drawNames(c, d, at, taken, width, height);
    if (share < 1) this.redraw();
    else this.moving = null;
  }

  private drawLinks(c: CanvasRenderingContext2D, d: Drawing, at: ReadonlyMap<string, Point>): void {
    const near = this.hover ?? d.focus;
    const pairs = new Map<string, number>();
    const names: Box[] = [];
    const size = this.nodeSize();
    c.font = `10.5px ${FONT}`;
    c.textAlign = "center";
    c.textBaseline = "middle";
    for (const pass of [false, true]) {
      for (const link of d.links) {
        const isNear = link.source === near || link.target === near;
        if (isNear !== pass) continue;
        const a = at.get(link.source);
        const b = at.get(link.target);
        if (!a || !b || link.source === link.target) continue;
        const pair = link.source < link.target ? `${link.source} ${link.target}` : `${link.target} ${link.source}`;
        const nth = pairs.get(pair) ?? 0;
        pairs.set(pair, nth + 1);
        const fade = d.isDim(link.source) && d.isDim(link.target) ? 0.15 : 1;
        c.globalAlpha = (d.isStale ? 0.5 : 1) * fade;
        drawArrow(c, a, b, size, nth, isNear ? d.theme.accent : d.theme.unknown, isNear ? 1.5 : 0.8, this.scale > 0.5);
        const isLong = Math.hypot(a.x - b.x, a.y - b.y) > 70;
        if (isNear && isLong && fade === 1) this.drawLinkName(c, d, link.name, a, b, nth, link.source === near, names);
      }
    }
    c.globalAlpha = d.isStale ? 0.5 : 1;
  }

  /** Beyond the middle, where the lines of a hub have parted; left out where another name stands. */
  private drawLinkName(c: CanvasRenderingContext2D, d: Drawing, name: string, a: Point, b: Point, nth: number, isOut: boolean, names: Box[]): void {
    if (this.scale < 0.55) return;
    const m = bend(a, b, nth);
    const far = isOut ? b : a;
    const at = { x: m.x + (far.x - m.x) * 0.16, y: m.y + (far.y - m.y) * 0.16 };
    const wide = c.measureText(name).width + 6;
    const box = { left: at.x - wide / 2, top: at.y - 7, right: at.x + wide / 2, bottom: at.y + 7 };
    if (names.some((n) => overlap(n, box))) return;
    names.push(box);
    c.fillStyle = d.theme.ground;
    c.fillRect(box.left, box.top, wide, 14);
    c.fillStyle = d.theme.textSoft;
    c.fillText(name, at.x, at.y);
  }

  private nodeSize(): number {
    return Math.max(3.2, Math.min(11, 8 * Math.sqrt(this.scale)));
  }

  private drawNode(c: CanvasRenderingContext2D, d: Drawing, node: GraphNode, p: Point, width: number, height: number): void {
    if (p.x < -30 || p.y < -30 || p.x > width + 30 || p.y > height + 30) return;
    const face = d.faces.get(node.id);
    const mark = d.markOf(face?.model ?? "");
    const size = this.nodeSize() * (node.id === d.root ? 1.6 : node.isOpen ? 1.25 : 1);
    c.globalAlpha = (d.isStale ? 0.5 : 1) * (d.isDim(node.id) ? 0.22 : 1);
    const ring = face?.alarm === "alarm" ? d.theme.alarm : face?.alarm === "warning" ? d.theme.warning : null;
    if (ring) {
      c.strokeStyle = ring;
      c.lineWidth = 2.5;
      c.beginPath();
      c.arc(p.x, p.y, size + 4, 0, 2 * Math.PI);
      c.stroke();
    }
    c.fillStyle = face ? mark.colour : d.theme.ground;
    c.strokeStyle = face ? d.theme.ground : d.theme.unknown;
    c.lineWidth = 1.5;
    trace(c, mark.shape, p, size);
    c.fill();
    c.stroke();
    c.strokeStyle = d.theme.textSoft;
    c.lineWidth = 0.75;
    if (face) c.stroke();
    if (node.id === d.selected || node.id === d.focus) {
      c.strokeStyle = d.theme.accent;
      c.lineWidth = 2;
      c.setLineDash(node.id === d.selected ? [] : [3, 3]);
      c.beginPath();
      c.arc(p.x, p.y, size + (ring ? 8 : 5), 0, 2 * Math.PI);
      c.stroke();
      c.setLineDash([]);
    }
    c.globalAlpha = d.isStale ? 0.5 : 1;
  }

  private drawFold(c: CanvasRenderingContext2D, d: Drawing, fold: Fold, p: Point | undefined, owner: Point | undefined, taken: Box[]): void {
    if (!p || !owner) return;
    c.strokeStyle = d.theme.unknown;
    c.lineWidth = 0.8;
    c.setLineDash([2, 3]);
    c.beginPath();
    c.moveTo(owner.x, owner.y);
    c.lineTo(p.x, p.y);
    c.stroke();
    c.setLineDash([]);
    const text = `+${fold.hidden}${fold.isAtLeast ? " or more" : ""}`;
    const isBig = this.scale > 0.42 || fold.key === this.hover || fold.key === d.focus;
    c.font = `10.5px ${FONT}`;
    const wide = isBig ? c.measureText(text).width + 12 : 8;
    const tall = isBig ? 17 : 8;
    c.fillStyle = d.theme.surface;
    c.strokeStyle = fold.key === d.focus || fold.key === this.hover ? d.theme.accent : d.theme.line;
    c.lineWidth = fold.key === d.focus ? 2 : 1;
    c.beginPath();
    c.roundRect(p.x - wide / 2, p.y - tall / 2, wide, tall, 4);
    c.fill();
    c.stroke();
    taken.push({ left: p.x - wide / 2, top: p.y - tall / 2, right: p.x + wide / 2, bottom: p.y + tall / 2 });
    if (!isBig) return;
    c.fillStyle = d.theme.textSoft;
    c.textAlign = "center";
    c.textBaseline = "middle";
    c.fillText(text, p.x, p.y + 0.5);
  }

  /** Names where there is room, the important ones first; none covers another or a twin. */
  private drawNames(c: CanvasRenderingContext2D, d: Drawing, at: ReadonlyMap<string, Point>, taken: Box[], width: number, height: number): void {
    const size = this.nodeSize();
    const twins: Box[] = [];
    for (const node of d.nodes) {
      const p = at.get(node.id)!;
      twins.push({ left: p.x - size, top: p.y - size, right: p.x + size, bottom: p.y + size });
    }
    const near = this.hover ?? d.focus;
    const neighbours = new Set(d.links.flatMap((l) => (l.source === near ? [l.target] : l.target === near ? [l.source] : [])));
    const rank = (n: GraphNode): number => (n.id === this.hover ? 0 : n.id === d.focus ? 1 : n.id === d.selected ? 2 : n.id === d.root ? 3 : d.faces.get(n.id)?.alarm === "alarm" ? 4 : n.isOpen ? 5 : neighbours.has(n.id) ? 6 : 7 + n.hop);
    c.textAlign = "center";
    c.textBaseline = "top";
    for (const node of [...d.nodes].sort((a, b) => rank(a) - rank(b))) {
      const r = rank(node);
      if (d.isDim(node.id) || (this.scale < 0.45 && r > 6)) continue;
      const p = at.get(node.id)!;
      if (p.x < -60 || p.y < -40 || p.x > width + 60 || p.y > height + 40) continue;
      const face = d.faces.get(node.id);
      const name = clip(face?.name ?? node.id);
      const reading = this.scale > 0.62 || r < 4 ? face?.reading ?? "" : "";
      c.font = `${r <= 5 ? 600 : 400} 11.5px ${FONT}`;
      const wide = Math.max(c.measureText(name).width, reading ? reading.length * 6 : 0);
      const top = p.y + size * (node.id === d.root ? 1.6 : node.isOpen ? 1.25 : 1) + (r <= 2 ? 7 : 3);
      const box = { left: p.x - wide / 2 - 2, top, right: p.x + wide / 2 + 2, bottom: top + (reading ? 27 : 14) };
      if (r > 0 && (taken.some((t) => overlap(t, box)) || (r > 3 && twins.some((t) => overlap(t, box))))) continue;
      taken.push(box);
      if (r === 0) {
        c.fillStyle = d.theme.ground;
        c.fillRect(box.left - 2, box.top - 1, box.right - box.left + 4, box.bottom - box.top + 2);
      }
      c.lineWidth = 3;
      c.lineJoin = "round";
      c.strokeStyle = d.theme.ground;
      c.strokeText(name, p.x, top);
      c.fillStyle = d.theme.text;
      c.fillText(name, p.x, top);
      if (!reading) continue;
      c.font = `11px ${FONT}`;
      c.strokeText(reading, p.x, top + 13.5);
      c.fillStyle = face!.alarm === "alarm" ? d.theme.alarm : face!.alarm === "warning" ? d.theme.warning : d.theme.textSoft;
      c.fillText(reading, p.x, top + 13.5);
    }
  }
}

interface Box {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

function overlap(a: Box, b: Box): boolean {
  return a.left < b.right && a.right > b.left && a.top < b.bottom && a.bottom > b.top;
}

function clip(text: string): string {
  return text.length > 26 ? `${text.slice(0, 25)}…` : text;
}

/** The middle of the line; several between the same two bow out one after the other. */
function bend(a: Point, b: Point, nth: number): Point {
  const bow = nth === 0 ? 0 : (((nth + 1) >> 1) * (nth % 2 === 0 ? -1 : 1)) * 16;
  const away = Math.hypot(b.x - a.x, b.y - a.y) || 1;
  return { x: (a.x + b.x) / 2 - ((b.y - a.y) / away) * bow, y: (a.y + b.y) / 2 + ((b.x - a.x) / away) * bow };
}

function drawArrow(c: CanvasRenderingContext2D, a: Point, b: Point, size: number, nth: number, colour: string, thick: number, hasHead: boolean): void {
  const m = bend(a, b, nth);
  c.strokeStyle = c.fillStyle = colour;
  c.lineWidth = thick;
  c.beginPath();
  c.moveTo(a.x, a.y);
  if (nth === 0) c.lineTo(b.x, b.y);
  else c.quadraticCurveTo(2 * m.x - (a.x + b.x) / 2, 2 * m.y - (a.y + b.y) / 2, b.x, b.y);
  c.stroke();
  if (!hasHead) return;
  const angle = Math.atan2(b.y - m.y, b.x - m.x);
  const tip = { x: b.x - Math.cos(angle) * (size * 1.3 + 2), y: b.y - Math.sin(angle) * (size * 1.3 + 2) };
  c.beginPath();
  c.moveTo(tip.x, tip.y);
  c.lineTo(tip.x - 7 * Math.cos(angle - 0.4), tip.y - 7 * Math.sin(angle - 0.4));
  c.lineTo(tip.x - 7 * Math.cos(angle + 0.4), tip.y - 7 * Math.sin(angle + 0.4));
  c.closePath();
  c.fill();
}

function trace(c: CanvasRenderingContext2D, shape: Mark["shape"], p: Point, r: number): void {
  c.beginPath();
  if (shape === "circle") c.arc(p.x, p.y, r, 0, 2 * Math.PI);
  else if (shape === "square") c.rect(p.x - r * 0.9, p.y - r * 0.9, r * 1.8, r * 1.8);
  else if (shape === "diamond") {
    c.moveTo(p.x, p.y - r * 1.2);
    c.lineTo(p.x + r * 1.2, p.y);
    c.lineTo(p.x, p.y + r * 1.2);
    c.lineTo(p.x - r * 1.2, p.y);
    c.closePath();
  } else {
    c.moveTo(p.x, p.y - r * 1.15);
    c.lineTo(p.x + r * 1.1, p.y + r * 0.85);
    c.lineTo(p.x - r * 1.1, p.y + r * 0.85);
    c.closePath();
  }
}
