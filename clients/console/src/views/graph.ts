import "./graph.css";
import type { ApiError } from "../api/client";
import { GraphCanvas } from "../graph/canvas";
import { nextTowards } from "../graph/layout";
import { ModelMarks, type Mark } from "../graph/marks";
import { GraphModel } from "../graph/model";
import { leftOutText, MOST_HOPS, type Fold } from "../graph/neighbourhood";
import { modelName, numberText, words } from "../format";
import { asApiError } from "../live/world";
import type { App, View } from "../ui/app";
import { h, replace, setText, svg } from "../ui/dom";

export const view = (app: App): View => new GraphView(app);

const DEFAULT_HOPS = 2;
/** Values are written again at most so often, milliseconds. */
const WRITE_EVERY_MS = 250;
/** A changed relationship is read again after this rest. */
const AGAIN_MS = 700;

/** The neighbourhood of a twin: who is related to whom, what they read now, and what is left out. */
class GraphView implements View {
  readonly element: HTMLElement;
  private readonly canvas = new GraphCanvas((id) => this.pick(id), (id) => this.tell(id));
  private readonly title = h("b", { "data-test": "graph-root" });
  private readonly hops = h("select", { "aria-label": "Hops", "data-test": "graph-hops" }, Array.from({ length: MOST_HOPS }, (_, i) => h("option", { value: i + 1 }, i === 0 ? "1 hop" : `${i + 1} hops`)));
  private readonly count = h("span", { class: "soft tabular", role: "status", "data-test": "graph-count" });
  private readonly left = h("span", { class: "warning", "data-test": "graph-left" });
  private readonly centre = h("button", { class: "plain", "data-test": "graph-centre", title: "Show the neighbourhood of the marked twin (c)", onclick: () => this.focus && this.app.showGraph(this.focus) }, "Centre here");
  private readonly fold = h("button", { class: "plain", "data-test": "graph-fold", title: "Hide what hangs on the marked twin (Backspace)", onclick: () => this.toggle(false) }, "Fold");
  private readonly legend = h("div", { class: "graph-legend", "data-test": "graph-legend" });
  private readonly told = h("div", { class: "graph-told", id: "graph-told", role: "status", "data-test": "graph-told" });
  private readonly cover = h("div", { class: "cover graph-cover", "data-test": "graph-cover" });
  private readonly bar: HTMLElement;
  private readonly marks = new ModelMarks();
  private readonly off: (() => void)[] = [];
  private model: GraphModel | null = null;
  private only: string | null = null;
  private focus: string | null = null;
  /** What the line in words is about; it follows the stream. */
  private saidOf: string | null = null;
  private writeTimer: ReturnType<typeof setTimeout> | null = null;
  private againTimer: ReturnType<typeof setTimeout> | null = null;

  constructor(private readonly app: App) {
    const { world, router, selection, themes } = app;
    this.bar = h("div", { class: "graph-bar" }, this.title, this.hops, h("button", { class: "plain", title: "All in sight (Home)", onclick: () => this.canvas.fit() }, "Fit"), this.centre, this.fold, this.count, this.left);
    this.element = h("div", { class: "graph-view", "data-test": "graph" }, this.canvas.element, this.bar, this.legend, this.told, this.cover);
    this.hops.addEventListener("change", () => this.setHops(Number(this.hops.value)));
    this.canvas.canvas.addEventListener("keydown", (e) => this.key(e));
    this.off.push(
      router.onRoute.on((route) => route.view === "graph" && this.open()),
      selection.onChange.on((id) => this.selected(id)),
      themes.onChange.on(() => this.draw(false)),
      world.onChanges.on((changes) => this.take(changes)),
      world.onReread.on(() => void this.run((m) => m.again())),
      world.onConnection.on(() => this.draw(false)),
      world.onLoad.on(() => this.model === null && this.open()),
      world.onNames.on(() => this.model === null && this.open()),
    );
    this.open();
  }

  dispose(): void {
    for (const off of this.off) off();
    this.model?.dispose();
    this.canvas.dispose();
    if (this.writeTimer) clearTimeout(this.writeTimer);
    if (this.againTimer) clearTimeout(this.againTimer);
  }

  private open(): void {
    const { router, selection, world } = this.app;
    const root = router.get("root") ?? selection.id;
    const hops = Math.min(MOST_HOPS, Math.max(1, Math.round(Number(router.get("hops") ?? DEFAULT_HOPS)) || DEFAULT_HOPS));
    this.hops.value = String(hops);
    if (root === null) return this.showEmpty();
    if (this.model && this.model.near.root === root && this.model.near.hops === hops) return;
    if (world.book.all.length === 0 && world.load.kind === "loading") return this.showCover(h("div", { class: "soft", role: "status" }, "Reading the models…"));
    router.set("root", root);
    this.model?.dispose();
    this.only = this.saidOf = null;
    this.focus = root;
    const model = (this.model = new GraphModel(this.app.api, () => world.book, root, hops, (moved) => model === this.model && this.draw(moved)));
    for (const id of (router.get("open") ?? "").split(",").filter((o) => o !== "")) model.near.setOpen(id, true);
    this.showCover(h("div", { class: "graph-shape", "aria-hidden": "true" }, shape()), h("div", { class: "soft", role: "status" }, `Reading what is around ${root}…`));
    void this.run((m) => m.grow());
  }

  private async run(work: (model: GraphModel) => Promise<void>): Promise<void> {
    const { model } = this;
    if (!model) return;
    try {
      const done = work(model);
      this.drawBar();
      await done;
      if (model !== this.model) return;
      this.drawBar();
    } catch (error) {
      const e = asApiError(error);
      if (model === this.model && e.code !== "Cancelled") this.fail(e, model);
    }
  }

  /** With a picture on the screen it stays, and a line says what could not be read. */
  private fail(error: ApiError, model: GraphModel): void {
    const again = h("button", { class: model.places.size > 0 ? "link" : "primary", onclick: () => void this.run((m) => m.grow()) }, "Try again");
    if (model.places.size > 0) return replace(this.told, h("span", { class: "alarm" }, `Not all could be read: ${error.detail} `), again);
    const isGone = error.status === 404;
    this.showCover(h("h1", {}, isGone ? `There is no twin '${model.near.root}'` : "The neighbourhood could not be read"), h("div", { role: "alert" }, isGone ? "It may have been deleted, or its id is another. Press / to find one." : error.detail), isGone ? null : again);
  }

  private showCover(...children: (HTMLElement | null)[]): void {
    this.cover.hidden = false;
    this.bar.hidden = this.legend.hidden = true;
    replace(this.cover, children);
  }

  private showEmpty(): void {
    const { world } = this.app;
    if (world.load.kind === "loading") return this.showCover(h("div", { class: "soft", role: "status" }, "Reading the place…"));
    if (world.load.kind === "failed") return this.showCover(h("h1", {}, "The silo does not answer"), h("div", { role: "alert" }, world.load.error.detail), h("button", { class: "primary", onclick: () => void world.start() }, "Try again"));
    const starts = this.starts();
    this.showCover(h("h1", {}, "Whose neighbourhood?"), h("div", {}, "Press ", h("kbd", {}, "/"), " and choose a twin, or open Graph in the inspector of one."),
      starts.length > 0 ? h("div", { class: "graph-starts" }, "For instance ", starts.map((id, i) => [i > 0 ? ", " : null, h("button", { class: "link", onclick: () => this.app.showGraph(id) }, world.nameOf(id))]).flat()) : null);
  }

  /** One twin of each model that names relationships, models with few twins first. */
  private starts(): string[] {
    const { world } = this.app;
    const { table, scene } = world;
    if (!table || !scene) return [];
    const first = new Map<string, string>();
    table.ids.forEach((id, row) => {
      const model = table.modelOf(row);
      if (!first.has(model) && (world.book.get(model)?.relationships.length ?? 0) > 0) first.set(model, id);
    });
    return [...first.values()].slice(0, 5);
  }

  private take(changes: Parameters<GraphModel["take"]>[0]): void {
    const { isChanged, isMoved } = this.model?.take(changes) ?? { isChanged: false, isMoved: false };
    if (isChanged) this.writeTimer ??= setTimeout(() => {
      this.writeTimer = null;
      this.draw(false);
    }, WRITE_EVERY_MS);
    if (isMoved) this.againTimer ??= setTimeout(() => {
      this.againTimer = null;
      void this.run((m) => m.grow());
    }, AGAIN_MS);
  }

  private draw(isMoved: boolean): void {
    const { model } = this;
    if (!model || model.places.size === 0) return;
    this.cover.hidden = true;
    this.bar.hidden = this.legend.hidden = false;
    if (this.focus === null || !model.places.has(this.focus)) this.focus = model.near.root;
    const { themes, selection, world } = this.app;
    this.canvas.show({
      ...model.picture, places: model.places, faces: model.faces, markOf: (m) => this.marks.of(m), root: model.near.root, focus: this.focus, selected: selection.id,
      isDim: (id) => this.only !== null && model.faces.get(id)?.model !== this.only, theme: themes.theme, isStale: world.lostAt !== null,
    }, isMoved);
    if (isMoved) this.drawLegend();
    this.tell(this.saidOf);
    this.drawBar();
  }

  private drawBar(): void {
    const { model } = this;
    if (!model) return;
    const { nodes, links } = model.picture;
    setText(this.title, model.faces.get(model.near.root)?.name ?? model.near.root);
    setText(this.count, model.isReading ? `Reading… ${numberText(nodes.length)} twins` : `${numberText(nodes.length)} ${nodes.length === 1 ? "twin" : "twins"}, ${numberText(links.length)} ${links.length === 1 ? "relationship" : "relationships"}`);
    setText(this.left, model.isReading ? "" : leftOutText(model.picture));
    this.canvas.canvas.dataset["nodes"] = String(nodes.length);
    this.canvas.canvas.dataset["links"] = String(links.length);
    this.canvas.canvas.dataset["reading"] = String(model.isReading);
    const node = nodes.find((n) => n.id === this.focus);
    this.centre.disabled = !node || node.id === model.near.root;
    this.fold.disabled = !node?.isOpen;
  }

  private drawLegend(): void {
    const { model } = this;
    if (!model) return;
    const counts = new Map<string, number>();
    for (const { id } of model.picture.nodes) {
      const of = model.faces.get(id)?.model ?? "";
      counts.set(of, (counts.get(of) ?? 0) + 1);
    }
    const name = (id: string): string => (id === "" ? "not found" : this.app.world.book.get(id)?.displayName ?? words(modelName(id)));
    replace(this.legend, [...counts].map(([id, count]) =>
      h("button", { class: "plain", "aria-pressed": String(this.only === id), title: "Show these alone", "data-model": id, onclick: () => this.showOnly(id) }, swatch(this.marks.of(id)), h("span", {}, name(id)), h("span", { class: "soft tabular" }, numberText(count)))));
  }

  private showOnly(id: string): void {
    this.only = this.only === id ? null : id;
    this.drawLegend();
    this.draw(false);
  }

  private setHops(hops: number): void {
    this.app.router.set("hops", hops === DEFAULT_HOPS ? null : String(hops));
    if (!this.model) return;
    this.model.near.hops = hops;
    void this.run((m) => m.grow());
  }

  /** A click: a fold unfolds; a twin is selected, and opened if it is not. */
  private pick(id: string): void {
    const { model } = this;
    if (!model) return;
    this.focus = id;
    if (model.picture.folds.some((f) => f.key === id)) {
      model.near.unfold(id);
      void this.run((m) => m.grow());
      return;
    }
    this.app.select(id);
    if (model.picture.nodes.find((n) => n.id === id)?.isOpen) this.draw(false);
    else this.toggle(true);
  }

  private toggle(open: boolean): void {
    const { model, focus } = this;
    if (!model || !focus || !model.picture.nodes.some((n) => n.id === focus)) return;
    model.near.setOpen(focus, open);
    this.app.router.set("open", model.near.openedIds.slice(-40).join(","));
    void this.run((m) => m.grow());
  }

  private selected(id: string | null): void {
    if (id !== null && this.model?.places.has(id)) {
      this.focus = id;
      this.canvas.reveal(id);
    }
    if (id !== null && this.model === null) this.open();
    this.draw(false);
  }

  private key(e: KeyboardEvent): void {
    const { model, focus } = this;
    if (!model || e.ctrlKey || e.metaKey || e.altKey) return;
    const arrow = ({ ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] } as const)[e.key as "ArrowLeft"];
    if (arrow && e.shiftKey) this.canvas.pan(arrow[0] * 60, arrow[1] * 60);
    else if (arrow) this.goTo(nextTowards(model.places, focus ?? model.near.root, arrow[0], arrow[1]));
    else if (e.key === "Enter" || e.key === " ") focus && this.pick(focus);
    else if (e.key === "Backspace") this.toggle(false);
    else if (e.key === "+" || e.key === "=") this.canvas.zoom(1.25);
    else if (e.key === "-") this.canvas.zoom(0.8);
    else if (e.key === "Home") this.canvas.fit();
    else if (e.key === "c") focus && model.picture.nodes.some((n) => n.id === focus) && this.app.showGraph(focus);
    else return;
    e.preventDefault();
    e.stopPropagation();
  }

  private goTo(id: string | null): void {
    if (id === null) return;
    this.focus = id;
    this.canvas.reveal(id);
    this.draw(false);
    this.tell(id);
  }

  /** Says in words what the pointer or the keys stand on; null says how to go on. */
  private tell(id: string | null): void {
    const { model } = this;
    if (!model) return;
    this.saidOf = id;
    const fold = model.picture.folds.find((f) => f.key === id);
    if (fold) return setText(this.told, foldText(fold, model.faces.get(fold.owner)?.name ?? fold.owner));
    const node = model.picture.nodes.find((n) => n.id === id);
    if (!node) return setText(this.told, "Click or Enter opens a twin · arrows walk · Backspace folds · c centres");
    const face = model.faces.get(node.id);
    const kind = face ? this.app.world.book.get(face.model)?.displayName ?? modelName(face.model) : "not found";
    const links = model.picture.links.filter((l) => l.source === node.id || l.target === node.id).length;
    setText(this.told, [face?.name ?? node.id, face?.name !== node.id ? node.id : null, kind, face?.reading || null, `${links} ${links === 1 ? "relationship" : "relationships"} shown`, node.isOpen ? "open" : "Enter opens"].filter(Boolean).join(" · "));
  }
}

function foldText(fold: Fold, owner: string): string {
  const count = `${fold.isAtLeast ? "at least " : ""}${numberText(fold.hidden)} more`;
  return fold.name === "" ? `${owner} has more relationships than are read` : fold.isOut ? `${owner} ${words(fold.name)} ${count} · click shows some` : `${count} ${words(fold.name)} ${owner} · click shows some`;
}

function swatch(mark: Mark): SVGElement {
  const drawn = {
    circle: () => svg("circle", { cx: 6, cy: 6, r: 4.6 }), square: () => svg("rect", { x: 1.8, y: 1.8, width: 8.4, height: 8.4 }),
    diamond: () => svg("path", { d: "M6 0.6 11.4 6 6 11.4 0.6 6z" }), triangle: () => svg("path", { d: "M6 1 11 10.2H1z" }),
  }[mark.shape]();
  drawn.setAttribute("fill", mark.colour);
  return svg("svg", { viewBox: "0 0 12 12", width: 12, height: 12, "aria-hidden": "true" }, drawn);
}

function shape(): SVGElement {
  const around = [0, 1, 2, 3, 4, 5, 6].map((i) => ({ x: 150 + 95 * Math.cos(i * 0.9), y: 75 + 55 * Math.sin(i * 0.9) }));
  return svg("svg", { viewBox: "0 0 300 150", width: 300, height: 150 }, ...around.map((p) => svg("path", { d: `M150 75L${p.x} ${p.y}`, stroke: "var(--raised)" })), ...[{ x: 150, y: 75 }, ...around].map((p, i) => svg("circle", { cx: p.x, cy: p.y, r: i === 0 ? 12 : 8, fill: "var(--raised)" })));
}
