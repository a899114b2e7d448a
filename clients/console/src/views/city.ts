import { Raycaster, Vector2 } from "three";
import type { Change } from "../api/types";
import { parseHex } from "../colour/scales";
import { modelName, valueText, words, unitText } from "../format";
import { colourChoices, ColourLayer, type ColourChoice } from "../live/colourLayer";
import type { TwinTable } from "../live/twinTable";
import { Ground } from "../map/ground";
import { Markers } from "../map/markers";
import { Motion } from "../map/motion";
import { BuildingPicker, pickTwin } from "../map/pick";
import { Stage, type CameraPose } from "../map/stage";
import { TwinLayer } from "../map/twinLayer";
import type { App, View } from "../ui/app";
import { h, setText } from "../ui/dom";
import { LabelOverlay } from "../ui/labelOverlay";
import { Legend } from "../ui/legend";
import { marksOf } from "./cityMarks";

/** A change of the picture smaller than this share of the scale does not draw the eye. */
const EYE_SHARE = 0.12;
const START: CameraPose = { x: 0, y: -150, distance: 2600, azimuth: 18, elevation: 42 };

export const view = (app: App): View => new CityView(app);

/** The city as a map of twins. */
export class CityView implements View {
  readonly element = h("div", { class: "world", "data-test": "city" });
  private readonly stage: Stage;
  private readonly markers = new Markers();
  private readonly labels: LabelOverlay;
  private readonly legend: Legend;
  private readonly hud = h("div", { class: "world-hud tabular", "data-test": "perf", hidden: true });
  private readonly motion = new Motion();
  private readonly movers = new Set<number>();
  private readonly off: (() => void)[] = [];
  private ground: Ground | null = null;
  private layer: TwinLayer | null = null;
  private colours: ColourLayer | null = null;
  private choices: ColourChoice[] = [];
  private picker: BuildingPicker | null = null;
  private table: TwinTable | null = null;
  private hovered: string | null = null;
  private pointer: { x: number; y: number } | null = null;
  private down: { x: number; y: number } | null = null;
  private loadingColour = 0;
  private marksOld = true;
  private lastHud = 0;
  private readonly showsPerf = new URLSearchParams(location.search).has("perf") || location.hash.includes("perf=1");

  constructor(private readonly app: App) {
    this.stage = new Stage(this.element);
    this.stage.renderer.domElement.setAttribute("aria-label", "Map of the city. Arrow keys pan, plus and minus zoom, Q and E turn.");
    this.labels = new LabelOverlay(this.element);
    this.legend = new Legend((choice) => this.setChoice(choice));
    this.element.append(this.legend.element, this.hud);
    this.hud.hidden = !this.showsPerf;
    this.stage.scene.add(this.markers.points);
    this.stage.onFrame = (now) => this.frame(now);
    this.stage.onPose = () => this.keepPose();
    this.stage.pose = parsePose(app.router.get("cam")) ?? START;
    this.listen();
    if (app.world.table) this.rebuild();
  }

  dispose(): void {
    for (const off of this.off) off();
    this.layer?.dispose();
    this.ground?.dispose();
    this.markers.dispose();
    this.stage.dispose();
  }

  private listen(): void {
    const { world, selection, themes, onTravel, onFound } = this.app;
    const again = (): void => {
      this.marksOld = true;
      this.stage.draw();
    };
    this.off.push(
      world.onScene.on(() => this.rebuild()),
      world.onReread.on(() => void this.loadColours()),
      world.onChanges.on((changes) => this.take(changes)),
      world.onAlarms.on(again),
      world.onConnection.on(() => this.element.classList.toggle("is-stale", world.lostAt !== null)),
      selection.onChange.on(again),
      onFound.on(again),
      onTravel.on((id) => this.travel(id)),
      themes.onChange.on(() => this.retheme()),
    );
    const canvas = this.stage.renderer.domElement;
    canvas.addEventListener("pointermove", (e) => {
      this.pointer = { x: e.offsetX, y: e.offsetY };
      if (e.buttons === 0) this.hover();
    });
    canvas.addEventListener("pointerleave", () => {
      this.pointer = null;
      this.setHovered(null);
    });
    canvas.addEventListener("pointerdown", (e) => (this.down = { x: e.clientX, y: e.clientY }));
    canvas.addEventListener("click", (e) => {
      if (this.down && Math.hypot(e.clientX - this.down.x, e.clientY - this.down.y) > 5) return;
      this.pointer = { x: e.offsetX, y: e.offsetY };
      selection.select(this.pick());
    });
    canvas.addEventListener("keydown", (e) => this.steer(e));
  }

  private rebuild(): void {
    const { world, themes } = this.app;
    this.table = world.table;
    if (!this.table || !world.scene) return;
    const table = this.table;
    this.layer?.dispose();
    this.ground?.dispose();
    if (this.layer) this.stage.scene.remove(this.layer.group);
    if (this.ground) this.stage.scene.remove(this.ground.group);
    this.motion.clear();
    this.movers.clear();
    for (let row = 0; row < table.count; row++) if (/^(Bus|GuidedVehicle)$/.test(modelName(table.modelOf(row)))) this.movers.add(row);
    this.choices = colourChoices(world.scene, world.book).filter((c) => !isFactory(c.model));
    const wanted = this.app.router.get("colour");
    const choice = this.choices.find((c) => keyOf(c) === wanted) ?? this.choices.find((c) => c.path === "power" || c.path === "level") ?? this.choices[0];
    this.ground = new Ground({ ...world.scene, areas: (world.scene.areas ?? []).filter((a) => a.kind !== "floor") }, themes.theme);
    this.picker = new BuildingPicker(world.scene.buildings);
    this.heights.clear();
    for (const b of world.scene.buildings) this.heights.set(b.id, b.height);
    this.colours = new ColourLayer(choice ?? NOTHING, table, themes.theme, themes.dark);
    this.layer = new TwinLayer(table, this.colours.colours, this.movers, (row) => !isFactory(table.modelOf(row)));
    this.stage.scene.add(this.ground.group, this.layer.group);
    this.legend.setChoices(this.choices, choice ?? null);
    this.retheme();
    if (choice) this.setChoice(choice);
    if (this.app.selection.id && !this.app.router.get("cam")) this.travel(this.app.selection.id);
  }

  private setChoice(choice: ColourChoice): void {
    if (!this.table || !this.layer) return;
    const { themes, router } = this.app;
    this.colours = new ColourLayer(choice, this.table, themes.theme, themes.dark);
    this.layer.setColours(this.colours.colours);
    this.legend.show(choice, themes.theme, themes.dark);
    router.set("colour", keyOf(choice));
    void this.loadColours();
    this.stage.draw();
  }

  private async loadColours(): Promise<void> {
    const colours = this.colours;
    const run = ++this.loadingColour;
    if (!colours) return;
    this.legend.setLoading(true);
    try {
      const snapshot = await this.app.api.snapshot(colours.choice.model, colours.choice.path);
      if (run !== this.loadingColour) return;
      colours.load(snapshot);
      this.layer?.setColours(colours.colours);
      this.legend.setLoading(false);
    } catch {
      if (run === this.loadingColour) this.legend.setFailed(() => void this.loadColours());
    }
    this.stage.draw();
  }

  private retheme(): void {
    const { themes } = this.app;
    this.stage.setGround(themes.theme.ground);
    this.ground?.setTheme(themes.theme);
    this.colours?.setTheme(themes.theme, themes.dark);
    if (this.colours) {
      this.layer?.setColours(this.colours.colours);
      this.legend.show(this.colours.choice, themes.theme, themes.dark);
    }
    this.layer?.setFlash(parseHex(themes.dark ? "#ffffff" : "#000000"));
    this.marksOld = true;
    this.stage.draw();
  }

  /** Hot: once per change of the whole city. */
  private take(changes: Change[]): void {
    const { table, layer, colours } = this;
    if (!table || !layer) return;
    const now = performance.now() / 1000;
    let places: Map<number, { x?: number; y?: number; heading?: number; t: string }> | null = null;
    for (const change of changes) {
      if (change.kind !== "propertyChanged") continue;
      const row = table.rowOf(change.id);
      if (row < 0) continue;
      if (colours && change.path === colours.choice.path && change.model === colours.choice.model) {
        layer.touch(row, now, colours.set(row, change.value ?? null) > EYE_SHARE);
      } else if ((change.path === "x" || change.path === "y" || change.path === "heading") && typeof change.value === "number") {
        places ??= new Map();
        const place = places.get(row) ?? { t: change.t };
        place[change.path] = change.value;
        places.set(row, place);
      }
    }
    for (const [row, p] of places ?? []) {
      this.movers.add(row);
      this.motion.fix(row, p.x ?? table.x[row]!, p.y ?? table.y[row]!, p.heading ?? table.heading[row]!, Date.parse(p.t) / 1000, now);
    }
    if (layer.isDirty || places) this.stage.draw();
  }

  private frame(now: number): boolean {
    const { layer, table } = this;
    if (!layer || !table) return false;
    for (const row of this.motion.rows()) {
      const place = this.motion.at(row, now);
      if (place) layer.place(row, ...place);
    }
    layer.nearShare = 0.4 + 0.6 * this.stage.quality;
    layer.frame(now, this.stage.camera, this.stage.pixelRatio);
    const moving = this.motion.isBusy(now);
    if (this.marksOld || moving) this.drawMarks();
    this.labels.place(this.stage.camera, this.element.clientWidth, this.element.clientHeight);
    if (this.showsPerf && now - this.lastHud > 0.5) this.drawHud(now);
    return moving || layer.isFlashing(now);
  }

  private drawMarks(): void {
    const { world, selection, themes, found } = this.app;
    if (!this.table) return;
    this.marksOld = false;
    const { marks, labels } = marksOf({
      table: this.table, theme: themes.theme, selected: selection.id, hovered: this.hovered, alarms: world.alarms, found, nameOf: (id) => world.nameOf(id),
      heightOf: (id) => this.heights.get(id) ?? 3, valueOf: (id) => this.hoverText(id),
    });
    this.markers.set(marks, this.stage.pixelRatio);
    this.labels.set(labels);
  }

  private readonly heights = new Map<string, number>();

  private hoverText(id: string): string {
    const row = this.table?.rowOf(id) ?? -1;
    if (row < 0 || !this.table) return "";
    const value = this.colours?.valueOf(row);
    const choice = this.colours?.choice;
    const model = words(modelName(this.table.modelOf(row)));
    return value !== undefined && choice && choice.model === this.table.modelOf(row) ? `${model} · ${words(choice.path)} ${valueText(value)} ${unitText(choice.unit)}`.trim() : model;
  }

  private hover(): void {
    this.setHovered(this.pick());
  }

  private setHovered(id: string | null): void {
    if (id === this.hovered) return;
    this.hovered = id;
    this.stage.renderer.domElement.style.cursor = id ? "pointer" : "grab";
    this.marksOld = true;
    this.stage.draw();
  }

  /** What is under the pointer: a twin that no building hides, else the building if it is a twin. */
  private pick(): string | null {
    const { table, layer, pointer, picker } = this;
    if (!table || !layer || !pointer || !picker) return null;
    const { camera } = this.stage;
    const w = this.element.clientWidth;
    const h2 = this.element.clientHeight;
    camera.updateMatrixWorld();
    const m = camera.projectionMatrix.clone().multiply(camera.matrixWorldInverse).elements;
    const ray = new Raycaster();
    ray.setFromCamera(new Vector2((pointer.x / w) * 2 - 1, 1 - (pointer.y / h2) * 2), camera);
    const o = ray.ray.origin;
    const d = ray.ray.direction;
    const hit = picker.first({ ox: o.x, oy: o.y, oz: o.z, dx: d.x, dy: d.y, dz: d.z });
    const row = pickTwin(table, layer.visible, m, pointer.x, pointer.y, w, h2);
    if (row >= 0) {
      const away = Math.hypot(table.x[row]! - o.x, table.y[row]! - o.y, table.z[row]! - o.z);
      if (!hit || away < hit.distance + 6) return table.ids[row]!;
    }
    return hit && table.rowOf(hit.id) >= 0 ? hit.id : null;
  }

  private travel(id: string): void {
    const row = this.table?.rowOf(id) ?? -1;
    if (row < 0 || !this.table || isFactory(this.table.modelOf(row))) return;
    const pose = this.stage.pose;
    this.stage.pose = { ...pose, x: this.table.x[row]!, y: this.table.y[row]!, distance: Math.min(pose.distance, 420), elevation: Math.max(35, pose.elevation) };
    this.keepPose();
  }

  private steer(e: KeyboardEvent): void {
    const p = this.stage.pose;
    const a = (p.azimuth * Math.PI) / 180;
    const step = p.distance * 0.08;
    const move = (right: number, ahead: number): CameraPose => ({ ...p, x: p.x + (Math.cos(a) * right + Math.sin(a) * ahead) * step, y: p.y + (-Math.sin(a) * right + Math.cos(a) * ahead) * step });
    const poses: Record<string, () => CameraPose> = {
      ArrowLeft: () => move(-1, 0), ArrowRight: () => move(1, 0), ArrowUp: () => move(0, 1), ArrowDown: () => move(0, -1),
      "+": () => ({ ...p, distance: Math.max(25, p.distance * 0.8) }), "-": () => ({ ...p, distance: Math.min(9000, p.distance * 1.25) }),
      q: () => ({ ...p, azimuth: p.azimuth - 10 }), e: () => ({ ...p, azimuth: p.azimuth + 10 }), Home: () => START,
    };
    const next = poses[e.key];
    if (!next) return;
    e.preventDefault();
    this.stage.pose = next();
    this.keepPose();
  }

  private keepPose(): void {
    const p = this.stage.pose;
    this.app.router.set("cam", [p.x, p.y, p.distance, p.azimuth, p.elevation].map((v) => v.toFixed(0)).join(","));
  }

  private drawHud(now: number): void {
    this.lastHud = now;
    const r = this.stage.meter.reading;
    setText(this.hud, `frame ${r.medianMs.toFixed(1)} ms median, ${r.p95Ms.toFixed(1)} ms p95 · work ${r.workMedianMs.toFixed(1)} ms · quality ${this.stage.quality}`);
    window.__twinPerf = { ...r, quality: this.stage.quality, twins: this.table?.count ?? 0 };
  }
}

const NOTHING: ColourChoice = { model: "", path: "", title: "", unit: null, kind: "number", min: 0, max: 1, values: [] };

export function isFactory(model: string): boolean {
  return model.includes(":factory:");
}

function keyOf(choice: ColourChoice): string {
  return `${modelName(choice.model)}.${choice.path}`;
}

export function parsePose(text: string | null): CameraPose | null {
  const parts = (text ?? "").split(",").map(Number);
  const [x, y, distance, azimuth, elevation] = parts;
  if (parts.length !== 5 || parts.some((p) => !Number.isFinite(p))) return null;
  return { x: x!, y: y!, distance: Math.min(9000, Math.max(25, distance!)), azimuth: azimuth!, elevation: Math.min(89, Math.max(8, elevation!)) };
}
