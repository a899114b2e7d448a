import type { JsonObject } from "../api/types";
import { BarChart } from "../chart/barChart";
import { numberText } from "../format";
import { at, cellText, columnsOf, compareValues, headText, type Column } from "../table/columns";
import { csvText, download, tabText } from "../table/csv";
import { DataTable } from "../table/dataTable";
import { idOf, type App } from "../ui/app";
import { h, replace, setText } from "../ui/dom";
import { QueryMap, type FoundMark } from "./queryMap";
import { bestColumn, chartable, pictureOf, summaryOf, type Picture } from "./queryPicture";

/** The rows of a query as a table, as marks on a map where they have a place, and as a chart where they have numbers or groups. */
export class QueryAnswer {
  private readonly table: DataTable<JsonObject>;
  private readonly map: QueryMap;
  private readonly chart: BarChart;
  private readonly chartBy = h("select", { "aria-label": "Chart of", "data-test": "chart-by" });
  private readonly chartNote = h("span", { class: "soft tabular", "data-test": "chart-note" });
  private readonly mapNote = h("span", { class: "soft tabular", "data-test": "map-note" });
  private readonly mapPart: HTMLElement;
  private readonly chartPart: HTMLElement;
  readonly element: HTMLElement;
  private rows: readonly JsonObject[] = [];
  private query = "";
  private columns: Column[] = [];
  private chartColumns: Column[] = [];
  private chartTitle: string | null = null;
  private picture: Picture | null = null;
  private picked: number | null = null;

  constructor(private readonly app: App) {
    this.table = new DataTable<JsonObject>({ label: "Rows", keyOf: idOf, onSelect: (id) => app.select(id) });
    this.map = new QueryMap(app.themes.theme, (id) => app.select(id));
    this.chart = new BarChart((bar) => this.pick(bar));
    this.chartBy.addEventListener("change", () => {
      this.chartTitle = this.chartBy.value;
      this.picked = null;
      this.drawPicture();
    });
    this.mapPart = h("section", {}, h("header", {}, h("h2", {}, "Map"), this.mapNote), this.map.element);
    this.chartPart = h("section", { class: "query-chart" }, h("header", {}, h("h2", {}, "Chart of"), this.chartBy, this.chartNote), this.chart.element);
    this.element = h("div", { class: "query-answer", hidden: true }, h("div", { class: "query-table" }, this.table.element), h("div", { class: "query-side" }, this.mapPart, this.chartPart));
  }

  /** Another place or another theme. */
  knowWorld(): void {
    this.map.setScene(this.app.world.scene, this.app.themes.theme);
    if (this.rows.length > 0) this.show(this.rows, this.query, true);
  }

  /** @param keepPlace The rows are those of before and more: the table stays where it is scrolled to. */
  show(rows: readonly JsonObject[], query: string, keepPlace: boolean): void {
    this.rows = rows;
    this.query = query;
    if (!keepPlace) this.picked = null;
    this.element.hidden = rows.length === 0;
    this.columns = columnsOf(rows, (model, property, row) => this.unitOf(model, property, row));
    this.table.setColumns(this.columns.map((c) => ({
      title: headText(c), isNumber: c.kind === "number", characters: this.widthOf(c, rows),
      cell: (row: JsonObject) => cellText(c, at(row, c.path)), compare: (a: JsonObject, b: JsonObject, descending: boolean) => compareValues(at(a, c.path), at(b, c.path), descending),
    })));
    this.table.setRows([...rows], keepPlace);
    this.chartColumns = chartable(this.columns, rows);
    const best = bestColumn(this.chartColumns, query);
    const kept = this.chartColumns.find((c) => c.title === this.chartTitle);
    replace(this.chartBy, this.chartColumns.map((c) => h("option", { value: c.title, selected: c === (kept ?? best) }, c.title)));
    this.drawPicture();
  }

  drawSelection(): void {
    if (this.rows.length > 0) this.drawPicture();
  }

  export(): void {
    download("query.csv", "text/csv", csvText(this.heads(), this.cells()));
  }

  /** Puts the rows into the clipboard, as a sheet takes them; answers what to say. */
  async copy(): Promise<string> {
    try {
      await navigator.clipboard.writeText(tabText(this.heads(), this.cells()));
      return `${numberText(this.table.count)} copied`;
    } catch {
      return "Not allowed";
    }
  }

  private heads(): string[] {
    return this.columns.map((c) => c.path.filter((p) => p !== "$metadata").join("."));
  }

  private cells(): ReturnType<typeof at>[][] {
    return this.table.inOrder.map((r) => this.columns.map((c) => at(r, c.path)));
  }

  private drawPicture(): void {
    const { themes, selection } = this.app;
    const { rows } = this;
    const column = this.chartColumns.find((c) => c.title === this.chartBy.value);
    const p = (this.picture = column ? pictureOf(column, rows, themes.theme, themes.dark, this.columns) : null);
    const { marks, ids } = this.marks(rows, p);
    this.chartPart.hidden = this.chartColumns.length === 0;
    this.mapPart.hidden = marks.length === 0 && this.picked === null;
    this.element.dataset["sides"] = String(Number(!this.chartPart.hidden) + Number(!this.mapPart.hidden));
    setText(this.chartNote, p ? summaryOf(p) : "no column of numbers or states");
    if (!p) this.chart.clear();
    else if (p.kind === "histogram") this.chart.showHistogram(p.histogram, p.unit, p.bars, this.picked);
    else this.chart.showCategories(p.categories, p.bars, p.names, this.picked);
    setText(this.mapNote, ids === 0 ? `${numberText(marks.length)} ${marks.length === 1 ? "row has" : "rows have"} a place` : `${numberText(marks.length)} of ${numberText(ids)} ${ids === 1 ? "twin has" : "twins have"} a place`);
    this.map.setMarks(marks, selection.id);
    this.table.setSelected(selection.id);
  }

  /** Twins stand where the scene has them; rows without an id stand at their own x and y. */
  private marks(rows: readonly JsonObject[], picture: Picture | null): { marks: FoundMark[]; ids: number } {
    const { world, themes } = this.app;
    const seen = new Set<string>();
    const marks: FoundMark[] = [];
    rows.forEach((row, i) => {
      const id = idOf(row);
      if (id !== null && seen.has(id)) return;
      if (id !== null) seen.add(id);
      const bar = picture?.barOf(i) ?? -1;
      if (this.picked !== null && bar !== this.picked) return;
      const at = id === null ? -1 : world.table?.rowOf(id) ?? -1;
      const { x, y } = at >= 0 ? { x: world.table!.x[at]!, y: world.table!.y[at]! } : row;
      if (typeof x === "number" && typeof y === "number") marks.push({ id: id ?? "", x, y, colour: picture?.bars[bar]?.colour ?? themes.theme.accent });
    });
    return { marks, ids: seen.size };
  }

  /** One bar alone: the table and the map show its rows. */
  private pick(bar: number | null): void {
    this.picked = bar;
    this.table.setRows(bar === null ? [...this.rows] : this.rows.filter((_, i) => this.picture?.barOf(i) === bar));
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
}
