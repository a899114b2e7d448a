import type { PerspectiveCamera } from "three";
import { layoutLabels, type LabelWish } from "../map/labels";
import { project } from "../map/pick";
import type { MapLabel } from "../views/cityMarks";
import { h } from "./dom";

/** Labels as elements over the canvas: crisp text, read by screen readers, sized once and moved by transforms. */
export class LabelOverlay {
  private readonly host = h("div", { class: "labels", "aria-live": "off" });
  private readonly elements = new Map<string, { element: HTMLElement; width: number; height: number; text: string }>();
  private labels: MapLabel[] = [];

  constructor(parent: HTMLElement) {
    parent.append(this.host);
  }

  set(labels: MapLabel[]): void {
    this.labels = labels.slice(0, 60);
    const wanted = new Set(this.labels.map((l) => l.key));
    for (const [key, { element }] of this.elements) {
      if (wanted.has(key)) continue;
      element.remove();
      this.elements.delete(key);
    }
    for (const label of this.labels) this.write(label);
  }

  place(camera: PerspectiveCamera, width: number, height: number): void {
    if (this.labels.length === 0) return;
    camera.updateMatrixWorld();
    const m = camera.projectionMatrix.clone().multiply(camera.matrixWorldInverse).elements;
    const wishes: LabelWish[] = [];
    for (const label of this.labels) {
      const at = project(m, label.x, label.y, label.z, width, height);
      const size = this.elements.get(label.key);
      if (at && size) wishes.push({ key: label.key, x: at.x, y: at.y, width: size.width, height: size.height, rank: label.rank });
    }
    const placed = new Map(layoutLabels(wishes, width, height).map((p) => [p.key, p]));
    for (const [key, { element }] of this.elements) {
      const p = placed.get(key);
      element.style.visibility = p ? "visible" : "hidden";
      if (p) element.style.transform = `translate(${Math.round(p.left)}px, ${Math.round(p.top)}px)`;
    }
  }

  private write(label: MapLabel): void {
    const text = `${label.tone}|${label.title}|${label.detail}`;
    const old = this.elements.get(label.key);
    if (old?.text === text) return;
    const element = old?.element ?? h("div");
    element.className = `label label-${label.tone}`;
    element.replaceChildren(h("b", {}, label.title), h("span", {}, label.detail));
    if (!old) this.host.append(element);
    this.elements.set(label.key, { element, width: element.offsetWidth, height: element.offsetHeight, text });
  }
}
