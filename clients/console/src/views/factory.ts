import "./factory.css";
import type { Change, JsonObject } from "../api/types";
import { floorOf, aislesOf } from "../factory/floor";
import { LinePlan } from "../factory/linePlan";
import { oeeOf, STATION_STATES, stationState } from "../factory/oee";
import { applyChange, linesOf, machineOf, numberOf, textOf, type Line, type Link, type Machine } from "../factory/plant";
import { modelName } from "../format";
import { asApiError } from "../live/world";
import { fixedText } from "../table/columns";
import type { App, View } from "../ui/app";
import { copyable } from "../ui/copyable";
import { h, replace, setText } from "../ui/dom";
import { MOST_ROWS, QueryRun } from "./queryRun";

export const view = (app: App): View => new FactoryView(app);

interface Panel {
  line: Line;
  plan: LinePlan;
  oee: HTMLElement;
  output: HTMLElement;
  states: HTMLElement;
}

/** The factory's lines to scale: what runs, starves, is blocked or failed, with counts and effectiveness; live. */
class FactoryView implements View {
  readonly element = h("div", { class: "factory-view", "data-test": "factory" });
  private machines = new Map<string, Machine>();
  private lines: Line[] = [];
  private panels: Panel[] = [];
  private readonly dirty = new Set<string>();
  private readonly off: (() => void)[] = [];
  private readonly size = new ResizeObserver(() => this.resized());
  private width = 0;
  private frame = 0;
  private loading = 0;
  /** Changes that came while the state was being read. */
  private held: Change[] | null = null;

  constructor(private readonly app: App) {
    const { world, selection } = app;
    this.off.push(
      world.onScene.on(() => void this.load()),
      world.onReread.on(() => void this.load()),
      world.onChanges.on((changes) => this.take(changes)),
      world.onConnection.on((state) => this.element.classList.toggle("is-stale", state === "offline")),
      selection.onChange.on((id) => this.panels.forEach((p) => p.plan.setSelected(id))),
    );
    this.size.observe(this.element);
    if (world.scene) void this.load();
  }

  dispose(): void {
    this.loading++;
    this.size.disconnect();
    cancelAnimationFrame(this.frame);
    for (const off of this.off) off();
  }

  private async load(): Promise<void> {
    const run = ++this.loading;
    const { world } = this.app;
    const line = world.book.all.find((m) => modelName(m.id) === "ProductionLine");
    if (!line) return this.say("No production line here", "A factory is drawn from twins of a model called ProductionLine, its contains and feeds relationships. The generated one comes with:", "dotnet run -c Release --project silos/Twin.Silo -- --scenario factory");
    this.held ??= [];
    try {
      const [machines, links] = await this.read(line.bases[0] ?? line.id, line.id);
      if (run !== this.loading) return;
      this.machines = machines;
      this.lines = linesOf(machines, links);
      const held = this.held ?? [];
      this.held = null;
      this.take(held);
      if (this.lines.length === 0) this.say("No production line yet", "The models are there, but no twin of ProductionLine is. Import one, or start with the generated factory:", "dotnet run -c Release --project silos/Twin.Silo -- --scenario factory");
      else this.build();
    } catch (error) {
      if (run !== this.loading) return;
      this.held = null;
      const e = asApiError(error);
      replace(this.element, h("div", { class: "factory-say", role: "alert" }, h("h1", {}, "The factory could not be read"), h("div", {}, e.detail), h("button", { class: "primary", onclick: () => void this.load() }, "Try again")));
    }
  }

  private async read(baseModel: string, lineModel: string): Promise<[Map<string, Machine>, Link[]]> {
    const [twins, flows] = await Promise.all([
      this.rows(`SELECT * FROM DIGITALTWINS T WHERE IS_OF_MODEL(T, '${baseModel}')`),
      this.rows("SELECT * FROM RELATIONSHIPS R WHERE R.$relationshipName IN ['feeds', 'serves', 'suppliesLine']"),
    ]);
    const machines = new Map<string, Machine>();
    for (const twin of twins) {
      const machine = machineOf(twin);
      if (machine) machines.set(machine.id, machine);
    }
    const links = flows.map((r): Link => ({ source: String(r["$sourceId"]), name: String(r["$relationshipName"]), target: String(r["$targetId"]) }));
    const lines = [...machines.values()].filter((m) => m.kind === modelName(lineModel));
    const contained = await Promise.all(lines.map((l) => this.app.api.relationships(l.id)));
    for (const list of contained) for (const r of list) links.push({ source: r.$sourceId, name: r.$relationshipName, target: r.$targetId ?? "" });
    return [machines, links];
  }

  private async rows(query: string): Promise<JsonObject[]> {
    const run = new QueryRun(this.app.api, query, () => performance.now());
    await run.read(MOST_ROWS, () => {});
    if (run.state.kind === "failed") throw run.state.error;
    return run.rows;
  }

  private say(title: string, text: string, command: string): void {
    replace(this.element, h("div", { class: "factory-say" }, h("h1", {}, title), h("div", {}, text), copyable(command)));
  }

  private resized(): void {
    if (this.element.clientWidth !== this.width && this.lines.length > 0) this.build();
  }

  private build(): void {
    this.width = this.element.clientWidth;
    if (this.width < 200) return;
    const roads = this.app.world.scene?.roads ?? [];
    this.panels = this.lines.map((line) => {
      const aisles = aislesOf(line, roads);
      const plan = new LinePlan(line, floorOf(line, aisles, this.width - SCROLLBAR), aisles, (id) => this.app.select(id));
      plan.setSelected(this.app.selection.id);
      return { line, plan, oee: h("b", { class: "tabular", "data-test": `oee-${line.line.id}` }), output: h("b", { class: "tabular", "data-test": `output-${line.line.id}` }), states: h("span", { class: "factory-states" }) };
    });
    replace(this.element, this.panels.map((p, i) => h("section", { class: "factory-line", "data-line": p.line.line.id },
      h("header", {}, h("h1", {}, h("button", { class: "link", onclick: () => this.app.select(p.line.line.id) }, p.line.line.name)),
        h("span", { title: "Good parts of the last station in this hour" }, h("span", { class: "soft" }, "Output "), p.output),
        h("span", { title: "Overall equipment effectiveness as the line's twin tells it" }, h("span", { class: "soft" }, "OEE "), p.oee), p.states, h("div", { class: "grow" }), i === 0 ? legend() : null),
      p.plan.element)));
    for (const p of this.panels) this.heads(p);
  }

  private take(changes: readonly Change[]): void {
    if (this.held) {
      if (this.held.length < MOST_HELD) this.held.push(...changes);
      return;
    }
    for (const change of changes) {
      const machine = this.machines.get(change.id);
      if (!machine || change.path === undefined || (change.kind !== "propertyChanged" && change.kind !== "propertyRemoved")) continue;
      if (applyChange(machine, change.path, change.kind === "propertyRemoved" ? null : change.value, change.committed)) this.dirty.add(change.id);
      if (this.panels.some((p) => p.plan.lacks(change.path!) && p.line.flow.includes(machine))) this.width = 0;
    }
    if (this.dirty.size > 0 && this.frame === 0) this.frame = requestAnimationFrame(() => this.draw());
  }

  private draw(): void {
    this.frame = 0;
    if (this.width === 0 && this.lines.length > 0) this.build();
    for (const p of this.panels) {
      for (const id of this.dirty) p.plan.redraw(id);
      this.heads(p);
    }
    this.dirty.clear();
  }

  private heads(p: Panel): void {
    const oee = oeeOf(p.line.line);
    const output = numberOf(p.line.line, "output");
    setText(p.oee, oee === null ? "–" : `${fixedText(oee.percent, 1)} %`);
    setText(p.output, output === null ? "–" : fixedText(output, 0));
    const counts = new Map<string, number>();
    for (const m of p.line.flow) if (m.kind === "Station") counts.set(stationState(textOf(m, "state")), (counts.get(stationState(textOf(m, "state"))) ?? 0) + 1);
    const text = STATION_STATES.filter((s) => counts.has(s)).map((s) => `${counts.get(s)} ${s}`).join(", ");
    setText(p.states, text);
  }
}

/** Room for the scroll bar beside the plans, pixels. */
const SCROLLBAR = 12;
/** Most changes kept while the state is read; more means the reading took minutes, and the values it brings are newer anyway. */
const MOST_HELD = 50_000;

function legend(): HTMLElement {
  return h("ul", { class: "factory-legend", "aria-label": "States" }, STATION_STATES.filter((s) => s !== "unknown").map((s) => h("li", {}, h("i", { class: `swatch state-${s}` }), s)));
}
