import { AmbientLight, Color, DirectionalLight, Fog, type Group, Line, type Material, Mesh, PerspectiveCamera, Plane, Raycaster, Scene, Vector2, Vector3, WebGLRenderer } from "three";
import type { Theme } from "../style/tokens";
import { layoutLabels, type LabelWish } from "../map/labels";
import { h, setText } from "../ui/dom";
import { Figures } from "./figures";
import { groundOf } from "./ground";
import type { SpaceDefinition } from "./spaces";

const MOST_NAMES = 24;
/** The nearest that are tried for a free place: more would be names of people half a screen away. */
const MOST_WISHES = 48;
const NAME_HEIGHT = 20;

/** The place in 3D: camera behind a point that is followed, turned by dragging; names over those nearest. */
export class Arena {
  readonly element = h("div", { class: "event-arena" });
  readonly figures: Figures;
  /** Radians from east towards north that the camera looks. */
  yaw = Math.PI / 2;
  pitch = 0.42;
  distance = 16;
  /** A click on the ground, in metres. */
  onGround: (x: number, y: number) => void = () => {};
  private readonly scene = new Scene();
  private readonly camera = new PerspectiveCamera(52, 1, 0.2, 3000);
  private readonly renderer = new WebGLRenderer({ antialias: true, powerPreference: "high-performance" });
  private readonly names: HTMLElement[] = [];
  private readonly widths = new Map<string, number>();
  private readonly pen = document.createElement("canvas").getContext("2d")!;
  private readonly size: ResizeObserver;
  private readonly point = new Vector3();
  private ground: Group | null = null;
  private drag: { id: number; x: number; y: number; moved: number } | null = null;
  private pinch: { a: number; b: number; gap: number } | null = null;
  private readonly pointers = new Map<number, { x: number; y: number }>();

  constructor(theme: Theme) {
    this.figures = new Figures(theme);
    this.scene.add(this.figures.group, new AmbientLight(0xffffff, 1.5));
    const sun = new DirectionalLight(0xffffff, 1.9);
    sun.position.set(-40, -60, 90);
    this.scene.add(sun);
    this.camera.up.set(0, 0, 1);
    this.renderer.domElement.tabIndex = 0;
    this.renderer.domElement.setAttribute("aria-label", "The space in 3D: arrow keys or WASD walk, dragging turns");
    this.element.append(this.renderer.domElement);
    this.setTheme(theme);
    this.bind();
    this.size = new ResizeObserver(() => this.resize());
    this.size.observe(this.element);
  }

  get canvas(): HTMLCanvasElement {
    return this.renderer.domElement;
  }

  setTheme(theme: Theme): void {
    this.scene.background = new Color(theme.ground);
    this.scene.fog = new Fog(theme.ground, 120, 420);
    this.figures.setTheme(theme);
  }

  show(space: SpaceDefinition, theme: Theme): void {
    if (this.ground) this.forget(this.ground);
    this.ground = groundOf(space, theme);
    this.scene.add(this.ground);
  }

  /** One picture, looking at a place. */
  draw(x: number, y: number, labels: { x: number; y: number; z: number; name: string; isSelected: boolean }[]): void {
    const away = Math.cos(this.pitch) * this.distance;
    this.camera.position.set(x - Math.cos(this.yaw) * away, y - Math.sin(this.yaw) * away, 1.4 + Math.sin(this.pitch) * this.distance);
    this.camera.lookAt(x, y, 1.4);
    this.renderer.render(this.scene, this.camera);
    this.label(labels);
  }

  /** Takes a ground out, with what it holds on the graphics card. */
  private forget(ground: Group): void {
    this.scene.remove(ground);
    ground.traverse((part) => {
      if (!(part instanceof Mesh || part instanceof Line)) return;
      part.geometry.dispose();
      for (const material of [part.material].flat() as Material[]) material.dispose();
    });
  }

  dispose(): void {
    if (this.ground) this.forget(this.ground);
    this.size.disconnect();
    this.figures.dispose();
    this.renderer.dispose();
    this.element.remove();
  }

  private label(labels: { x: number; y: number; z: number; name: string; isSelected: boolean }[]): void {
    const { clientWidth: w, clientHeight: hh } = this.element;
    const wishes: LabelWish[] = [];
    for (let i = 0; i < labels.length && wishes.length < MOST_WISHES; i++) {
      const one = labels[i]!;
      this.point.set(one.x, one.y, one.z + 1.9).project(this.camera);
      if (this.point.z > 1 || Math.abs(this.point.x) > 1 || Math.abs(this.point.y) > 1) continue;
      wishes.push({ key: String(i), x: ((this.point.x + 1) / 2) * w, y: ((1 - this.point.y) / 2) * hh, width: this.widthOf(one.name), height: NAME_HEIGHT, rank: -i });
    }
    const placed = layoutLabels(wishes, w, hh, MOST_NAMES);
    placed.forEach(({ key, left, top }, i) => this.write(i, labels[Number(key)]!, left, top));
    for (let i = placed.length; i < this.names.length; i++) this.names[i]!.hidden = true;
  }

  private write(i: number, one: { name: string; isSelected: boolean }, left: number, top: number): void {
    let tag = this.names[i];
    if (!tag) this.element.append((tag = this.names[i] = h("div", { class: "event-name" })));
    setText(tag, one.name);
    tag.classList.toggle("is-selected", one.isSelected);
    tag.style.transform = `translate(${left.toFixed(1)}px, ${top.toFixed(1)}px)`;
    tag.hidden = false;
  }

  /** Pixels that a name takes; measured once a name, at most 4,096 of them. */
  private widthOf(name: string): number {
    let width = this.widths.get(name);
    if (width !== undefined) return width;
    if (this.widths.size >= 4096) this.widths.clear();
    this.pen.font = `12px ${getComputedStyle(this.element).fontFamily}`;
    this.widths.set(name, (width = Math.ceil(this.pen.measureText(name).width) + 14));
    return width;
  }

  private bind(): void {
    const c = this.canvas;
    c.addEventListener("pointerdown", (e) => {
      c.setPointerCapture(e.pointerId);
      this.pointers.set(e.pointerId, { x: e.clientX, y: e.clientY });
      const ids = [...this.pointers.keys()];
      if (ids.length === 2) {
        this.drag = null;
        this.pinch = { a: ids[0]!, b: ids[1]!, gap: this.gap(ids[0]!, ids[1]!) };
      } else this.drag = { id: e.pointerId, x: e.clientX, y: e.clientY, moved: 0 };
    });
    c.addEventListener("pointermove", (e) => {
      if (!this.pointers.has(e.pointerId)) return;
      this.pointers.set(e.pointerId, { x: e.clientX, y: e.clientY });
      if (this.pinch) {
        const gap = this.gap(this.pinch.a, this.pinch.b);
        this.zoom(this.pinch.gap / Math.max(10, gap));
        this.pinch.gap = gap;
      } else if (this.drag?.id === e.pointerId) {
        const [dx, dy] = [e.clientX - this.drag.x, e.clientY - this.drag.y];
        this.yaw -= dx * 0.005;
        this.pitch = Math.min(1.35, Math.max(0.05, this.pitch + dy * 0.004));
        Object.assign(this.drag, { x: e.clientX, y: e.clientY, moved: this.drag.moved + Math.abs(dx) + Math.abs(dy) });
      }
    });
    const up = (e: PointerEvent): void => {
      this.pointers.delete(e.pointerId);
      if (this.drag?.id === e.pointerId && this.drag.moved < 6 && e.type === "pointerup") this.click(e);
      this.drag = null;
      this.pinch = null;
    };
    c.addEventListener("pointerup", up);
    c.addEventListener("pointercancel", up);
    c.addEventListener("wheel", (e) => {
      e.preventDefault();
      this.zoom(Math.exp(e.deltaY * 0.001));
    }, { passive: false });
  }

  private zoom(by: number): void {
    this.distance = Math.min(140, Math.max(3, this.distance * by));
  }

  private gap(a: number, b: number): number {
    const [p, q] = [this.pointers.get(a), this.pointers.get(b)];
    return p && q ? Math.hypot(p.x - q.x, p.y - q.y) : 1;
  }

  private click(e: PointerEvent): void {
    const box = this.canvas.getBoundingClientRect();
    const ray = new Raycaster();
    ray.setFromCamera(new Vector2(((e.clientX - box.left) / box.width) * 2 - 1, 1 - ((e.clientY - box.top) / box.height) * 2), this.camera);
    const hit = ray.ray.intersectPlane(new Plane(new Vector3(0, 0, 1), 0), this.point);
    if (hit) this.onGround(hit.x, hit.y);
  }

  private resize(): void {
    const { clientWidth: w, clientHeight: hh } = this.element;
    if (w === 0 || hh === 0) return;
    this.renderer.setPixelRatio(Math.min(2, devicePixelRatio));
    this.renderer.setSize(w, hh);
    this.camera.aspect = w / hh;
    this.camera.updateProjectionMatrix();
  }
}
