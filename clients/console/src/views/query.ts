import "./query.css";
import type { JsonObject } from "../api/types";
import { BarChart } from "../chart/barChart";
import { numberText } from "../format";
import { at, cellText, columnsOf, compareValues, headText, type Column } from "../table/columns";
import { csvText, download } from "../table/csv";
import { DataTable } from "../table/dataTable";
import { idOf, type App, type View } from "../ui/app";
import { h, replace, setText } from "../ui/dom";
import { complete } from "./queryComplete";
import { QueryEditor } from "./queryEditor";
import { examplesOf } from "./queryExamples";
import { QueryMap, type FoundMark } from "./queryMap";
import { bestColumn, chartable, pictureOf, summaryOf, type Picture } from "./queryPicture";
import { errorOffset, MOST_ROWS, PAGE, QueryRun } from "./queryRun";

export const view = (app: App): View => new QueryView(app);

/** A question to the silo, and its answer as a table, as marks on a map and as a chart at once. */
class QueryView implements View {
  readonly element: HTMLElement;
  private readonly editor: QueryEditor;
  private readonly examples = h("div", { class: "query-examples" });
  private readonly runButton = h("button", { class: "primary", title: "Run (Ctrl+Enter)", "data-test": "query-run", onclick: () => void this.runNew() }, "Run");
  private readonly cancelButton = h("button", { "data-test": "query-cancel", hidden: true, onclick: () => this.run?.cancel() }, "Cancel");
  private readonly moreButton = h("button", { hidden: true, "data-test": "query-more", onclick: () => void this.readOn(PAGE) });
  private readonly allButton = h("button", { hidden: true, "data-test": "query-all", onclick: () => void this.readOn(MOST_ROWS) }, "Read all");
  private readonly csvButton = h("button", { hidden: true, "data-test": "query-csv", onclick: () => this.export() }, "Export CSV");
  private readonly mapButton = h("button", { hidden: true, onclick: () => this.app.router.go("city") }, "Show on the city map");
  private readonly status = h("div", { class: "query-status tabular", role: "status", "data-test": "query-status" });
  private readonly error = h("div", { class: "query-error", role: "alert", "data-test": "query-error", hidden: true });
  private readonly empty = h("div", { class: "query-empty soft" });
  private readonly table: DataTable<JsonObject>;
  private readonly map: QueryMap;
  private readonly chart: BarChart;
  private readonly chartBy = h("select", { "aria-label": "Chart of", "data-test": "chart-by" });
  private readonly chartNote = h("span", { class: "soft tabular", "data-test": "chart-note" });
  private readonly mapNote = h("span", { class: "soft tabular", "data-test": "map-note" });
  private readonly answer: HTMLElement;
  private readonly off: (() => void)[] = [];
  private run: QueryRun | null = null;
  private columns: Column[] = [];
  private chartColumns: Column[] = [];
  private chartTitle: string | null = null;
  private picture: Picture | null = null;
  private picked: number | null = null;
  private clock: ReturnType<typeof setInterval> | null = null;

  constructor(private readonly app: App) {
    const { world, router, selection, themes } = app;
    this.editor = new QueryEditor({
      complete: (text, cursor) => complete(text, cursor, world.book, (start, most) => this.idsLike(start, most)),
      onRun: () => void this.runNew(),
      onInput: () => (this.error.hidden = true),
    });
    this.table = new DataTable<JsonObject>({ label: "Rows", keyOf: idOf, onSelect: (id) => app.select(id) });
    this.map = new QueryMap(themes.theme, (id) => app.select(id));
    this.chart = new BarChart((bar) => this.pick(bar));
    this.chartBy.addEventListener("change", () => {
      this.chartTitle = this.chartBy.value;
      this.picked = null;
      this.drawPicture();
    });
    this.answer = h("div", { class: "query-answer", hidden: true }, h("div", { class: "query-table" }, this.table.element),
      h("div", { class: "query-side" },
        h("section", {}, h("header", {}, h("h2", {}, "Map"), this.mapNote), this.map.element),
        h("section", { class: "query-chart" }, h("header", {}, h("h2", {}, "Chart of"), this.chartBy, this.chartNote), this.chart.element)));
    this.element = h("div", { class: "query-view", "data-test": "query" },
      h("div", { class: "query-ask" }, this.editor.element, this.examples), this.error,
      h("div", { class: "query-bar" }, this.runButton, this.cancelButton, this.status, this.moreButton, this.allButton, h("div", { class: "grow" }), this.mapButton, this.csvButton),
      this.empty, this.answer);
    this.off.push(
      world.onScene.on(() => this.knowWorld()),
      router.onRoute.on((route) => route.view === "query" && this.follow(route.settings["q"] ?? "")),
      selection.onChange.on(() => this.drawSelection()),
      themes.onChange.on(() => this.knowWorld()),
    );
    this.knowWorld();
    replace(this.empty, "The answer appears here as a table, on a map and as a chart. ", h("kbd", {}, "Ctrl"), " ", h("kbd", {}, "Enter"), " runs the query, ", h("kbd", {}, "Ctrl"), " ", h("kbd", {}, "Space"), " says what can stand at the cursor.");
    this.follow(router.get("q") ?? "");
  }

  dispose(): void {
    this.run?.cancel();
    if (this.clock) clearInterval(this.clock);
    for (const off of this.off) off();
  }

  /** The address asks a query: write it into the field and run it. */
  private follow(query: string): void {
    if (query === "" || query === this.run?.query) return;
    this.editor.text = query;
    void this.runNew();
  }

  private knowWorld(): void {
    const { world, themes } = this.app;
    this.map.setScene(world.scene, themes.theme);
    const counts = new Map<string, number>();
    for (const m of world.scene?.twins.model ?? []) {
      const id = world.scene!.models[m]?.id ?? "";
      counts.set(id, (counts.get(id) ?? 0) + 1);
    }
    replace(this.examples, h("h2", {}, "Examples"), examplesOf(world.book, counts, world.scene).map((e) =>
      h("button", { class: "link", title: e.query, "data-test": "query-example", onclick: () => {
        this.editor.text = e.query;
        void this.runNew();
      } }, e.title)));
    if (this.run && this.run.rows.length > 0) this.drawRows(true);
  }

  private async runNew(): Promise<void> {
    const query = this.editor.text.trim();
    if (query === "") return this.editor.goTo(0);
    this.run?.cancel();
    const run = (this.run = new QueryRun(this.app.api, query, () => performance.now()));
    this.app.router.set("q", query, this.app.router.get("q") !== query);
    this.error.hidden = true;
    this.editor.showError(null);
    this.picked = null;
    await this.read(run, PAGE);
  }

  private async readOn(rows: number): Promise<void> {
    if (this.run) await this.read(this.run, rows);
  }

  private async read(run: QueryRun, rows: number): Promise<void> {
    const isFirst = run.rows.length === 0;
    this.clock ??= setInterval(() => this.drawStatus(), 100);
    const done = run.read(rows, () => {
      if (run !== this.run) return;
      if (run.rows.length > 0 || run.state.kind === "done") this.drawRows(!isFirst || run.pages > 1);
      this.drawStatus();
    });
    this.began = performance.now() - run.elapsedMs;
    this.drawStatus();
    await done;
    if (run !== this.run) return;
    if (this.clock) clearInterval(this.clock);
    this.clock = null;
    if (run.state.kind === "failed") this.drawError(run);
    this.drawStatus();
  }

  private began = 0;

  private drawStatus(): void {
    const run = this.run;
    if (!run) return;
    const { isRunning } = run;
    this.cancelButton.hidden = !isRunning;
    const rows = `${numberText(run.rows.length)} ${run.rows.length === 1 ? "row" : "rows"}`;
    const cost = `${numberText(Math.round(isRunning ? performance.now() - this.began : run.elapsedMs))} ms${run.charge === null ? "" : ` · charge ${numberText(run.charge)}`}`;
    const more = run.hasMore ? ", more exist" : run.isCutOff ? `; the console holds at most ${numberText(MOST_ROWS)}, ask for less` : "";
    const text = isRunning ? `Asking… ${run.rows.length > 0 ? `${rows} · ` : ""}${cost}` : run.state.kind === "failed" ? "" : run.state.kind === "cancelled" ? `Cancelled after ${cost}; ${rows} were read` : `${rows}${more} · ${cost}`;
    setText(this.status, text);
    this.status.dataset["state"] = run.state.kind;
    const canRead = !isRunning && run.hasMore;
    this.moreButton.hidden = this.allButton.hidden = !canRead;
    setText(this.moreButton, `Read ${numberText(PAGE)} more`);
    this.csvButton.hidden = run.rows.length === 0;
  }

  private drawError(run: QueryRun): void {
    if (run.state.kind !== "failed") return;
    const { error } = run.state;
    const offset = errorOffset(error, run.query);
    const lead = this.editor.text.length - this.editor.text.trimStart().length;
    this.editor.showError(offset === null ? null : offset + lead);
    this.error.hidden = false;
    replace(this.error, h("b", {}, offset === null ? error.code : `Character ${offset + 1}`), h("span", {}, error.detail),
      offset === null ? null : h("button", { class: "link", onclick: () => this.editor.goTo(offset + lead) }, "Go there"));
  }

  private drawRows(keepPlace: boolean): void {
    const run = this.run!;
    const { world } = this.app;
    this.columns = columnsOf(run.rows, (model, property, row) => this.unitOf(model, property, row));
    this.table.setColumns(this.columns.map((c) => ({
      title: headText(c), isNumber: c.kind === "number", characters: this.widthOf(c, run.rows),
      cell: (row: JsonObject) => cellText(c, at(row, c.path)), compare: (a: JsonObject, b: JsonObject, descending: boolean) => compareValues(at(a, c.path), at(b, c.path), descending),
    })));
    this.table.setRows([...run.rows], keepPlace);
    const ids = [...new Set(run.rows.map(idOf).filter((id) => id !== null))];
    this.app.highlight(ids);
    this.mapButton.hidden = !ids.some((id) => world.modelOf(id) !== null);
    this.empty.hidden = run.rows.length > 0;
    this.answer.hidden = run.rows.length === 0;
    if (run.rows.length === 0) replace(this.empty, "Nothing matches. Loosen the condition, or look at the models for the names and ranges of their properties.");
    this.chartColumns = chartable(this.columns, run.rows);
    const best = bestColumn(this.chartColumns, run.query);
    const kept = this.chartColumns.find((c) => c.title === this.chartTitle);
    replace(this.chartBy, this.chartColumns.map((c) => h("option", { value: c.title, selected: c === (kept ?? best) }, c.title)));
    this.drawPicture();
  }

  private drawPicture(): void {
    const { themes, selection } = this.app;
    const rows = this.run?.rows ?? [];
    const column = this.chartColumns.find((c) => c.title === this.chartBy.value);
    this.picture = column ? pictureOf(column, rows, themes.theme, themes.dark) : null;
    this.chartBy.hidden = this.chartColumns.length === 0;
    const p = this.picture;
    setText(this.chartNote, p ? summaryOf(p) : "no column of numbers or states");
    if (!p) this.chart.clear();
    else if (p.kind === "histogram") this.chart.showHistogram(p.histogram, p.unit, p.bars, this.picked);
    else this.chart.showCategories(p.categories, p.bars, p.names, this.picked);
    const { marks, ids } = this.marks(rows, p);
    setText(this.mapNote, ids === 0 ? "the rows name no twins" : `${numberText(marks.length)} of ${numberText(ids)} ${ids === 1 ? "twin has" : "twins have"} a place`);
    this.map.setMarks(marks, selection.id);
    this.table.setSelected(selection.id);
  }

  private marks(rows: readonly JsonObject[], picture: Picture | null): { marks: FoundMark[]; ids: number } {
    const { world, themes } = this.app;
    const seen = new Set<string>();
    const marks: FoundMark[] = [];
    rows.forEach((row, i) => {
      const id = idOf(row);
      if (id === null || seen.has(id)) return;
      seen.add(id);
      const at = world.table?.rowOf(id) ?? -1;
      const bar = picture?.barOf(i) ?? -1;
      if (at < 0 || (this.picked !== null && bar !== this.picked)) return;
      marks.push({ id, x: world.table!.x[at]!, y: world.table!.y[at]!, colour: picture?.bars[bar]?.colour ?? themes.theme.accent });
    });
    return { marks, ids: seen.size };
  }

  /** One bar alone: the table and the map show its rows. */
  private pick(bar: number | null): void {
    this.picked = bar;
    const rows = this.run?.rows ?? [];
    this.table.setRows(bar === null ? [...rows] : rows.filter((_, i) => this.picture?.barOf(i) === bar));
    this.drawPicture();
  }

  private drawSelection(): void {
    this.table.setSelected(this.app.selection.id);
    this.drawPicture();
  }

  private unitOf(model: string, property: string, row: JsonObject): string | null {
    const id = idOf(row);
    return this.app.world.book.property(model || (id ? this.app.world.modelOf(id) ?? "" : ""), property)?.unit ?? null;
  }

  private widthOf(column: Column, rows: readonly JsonObject[]): number {
    let most = headText(column).length;
    for (const row of rows.slice(0, 200)) most = Math.max(most, cellText(column, at(row, column.path)).length);
    return most;
  }

  private idsLike(start: string, most: number): string[] {
    const out: string[] = [];
    const wanted = start.toLowerCase();
    for (const id of this.app.world.table?.ids ?? []) {
      if (id.toLowerCase().startsWith(wanted)) out.push(id);
      if (out.length >= most) break;
    }
    return out;
  }

  private export(): void {
    const rows = this.table.inOrder;
    download("query.csv", "text/csv", csvText(this.columns.map((c) => c.path.filter((p) => p !== "$metadata").join(".")), rows.map((r) => this.columns.map((c) => at(r, c.path)))));
  }
}
