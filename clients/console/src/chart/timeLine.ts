import { svg, replace } from "../ui/dom";
import type { Point } from "../views/systemSeries";

/** Readings further apart than this are not joined: nobody looked between them. */
const GAP_MS = 20_000;

/** The path of a line over the last spanMs, from zero at the bottom to most at the top; broken where readings are missing. */
export function linePath(points: readonly Point[], now: number, spanMs: number, most: number, width: number, height: number): string {
  let path = "";
  let before = -Infinity;
  for (const p of points) {
    const x = width - ((now - p.at) / spanMs) * width;
    if (x < -2) continue;
    const y = height - 1.5 - (most > 0 ? Math.min(1, p.value / most) : 0) * (height - 3);
    path += `${p.at - before > GAP_MS ? "M" : "L"}${x.toFixed(1)} ${y.toFixed(1)}`;
    before = p.at;
  }
  return path;
}

/** A small line in an SVG that stays: only its path changes. */
export class TimeLine {
  readonly element: SVGSVGElement;
  private readonly path = svg("path");

  constructor(readonly width: number, readonly height: number) {
    this.element = svg("svg", { class: "time-line", width, height, "aria-hidden": "true" });
    replace(this.element, svg("line", { x1: 0, x2: width, y1: height - 1, y2: height - 1 }), this.path);
  }

  show(points: readonly Point[], now: number, spanMs: number): void {
    const most = Math.max(0, ...points.map((p) => p.value));
    this.path.setAttribute("d", linePath(points, now, spanMs, most, this.width, this.height));
  }
}
