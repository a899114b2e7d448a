import type { Theme } from "../style/tokens";
import type { Point } from "./layout";
import type { Mark, TwinFace } from "./marks";
import type { Fold, GraphLink, GraphNode } from "./neighbourhood";
import { bend, clip, drawArrow, overlap, trace, type Box } from "./strokes";

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

/** How it is looked at. */
export interface Sight {
  /** Pixels to a unit of the layout. */
  scale: number;
  hover: string | null;
  width: number;
  height: number;
}

const FONT = "Inter, 'Segoe UI', system-ui, 'Liberation Sans', sans-serif";
const MOST_WIDTHS = 4_000;

/** Draws a graph: relationships, folds, twins, then names where there is room. Points are pixels on the canvas. */
export class GraphPainter {
  private readonly widths = new Map<string, number>();
  private scale = 1;
  private hover: string | null = null;

  paint(c: CanvasRenderingContext2D, d: Drawing, at: ReadonlyMap<string, Point>, sight: Sight): void {
    this.scale = sight.scale;
    this.hover = sight.hover;
    c.globalAlpha = d.isStale ? 0.5 : 1;
    this.drawLinks(c, d, at);
    const taken: Box[] = [];
    for (const fold of d.folds) this.drawFold(c, d, fold, at.get(fold.key), at.get(fold.owner), taken);
    for (const node of d.nodes) this.drawNode(c, d, node, at.get(node.id)!, sight.width, sight.height);
    this.drawNames(c, d, at, taken, sight.width, sight.height);
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

  /** Measuring a text costs more than drawing a twin: widths are kept. */
  private widthOf(c: CanvasRenderingContext2D, text: string, isBold: boolean): number {
    const key = isBold ? `b${text}` : `n${text}`;
    const known = this.widths.get(key);
    if (known !== undefined) return known;
    if (this.widths.size >= MOST_WIDTHS) this.widths.clear();
    const width = c.measureText(text).width;
    this.widths.set(key, width);
    return width;
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
      const wide = Math.max(this.widthOf(c, name, r <= 5), reading ? reading.length * 6 : 0);
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
