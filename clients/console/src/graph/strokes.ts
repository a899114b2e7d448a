import type { Point } from "./layout";
import type { Mark } from "./marks";

/** A rectangle on the screen, in pixels. */
export interface Box {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

export function overlap(a: Box, b: Box): boolean {
  return a.left < b.right && a.right > b.left && a.top < b.bottom && a.bottom > b.top;
}

export function clip(text: string): string {
  return text.length > 26 ? `${text.slice(0, 25)}…` : text;
}

/** The middle of the line; several between the same two bow out one after the other. */
export function bend(a: Point, b: Point, nth: number): Point {
  const bow = nth === 0 ? 0 : (((nth + 1) >> 1) * (nth % 2 === 0 ? -1 : 1)) * 16;
  const away = Math.hypot(b.x - a.x, b.y - a.y) || 1;
  return { x: (a.x + b.x) / 2 - ((b.y - a.y) / away) * bow, y: (a.y + b.y) / 2 + ((b.x - a.x) / away) * bow };
}

export function drawArrow(c: CanvasRenderingContext2D, a: Point, b: Point, size: number, nth: number, colour: string, thick: number, hasHead: boolean): void {
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

export function trace(c: CanvasRenderingContext2D, shape: Mark["shape"], p: Point, r: number): void {
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
