import "./dataTable.css";
import { h, replace } from "../ui/dom";
import { rowsInSight, scrollFor, type RowWindow } from "./window";

/** One column of a table of R. */
export interface TableColumn<R> {
  title: string;
  /** Numbers stand to the right. */
  isNumber: boolean;
  /** Characters it needs, for its width. */
  characters: number;
  cell(row: R): string | Node;
  /** Negative when a comes before b. */
  compare(a: R, b: R, descending: boolean): number;
}

export interface SortBy {
  column: number;
  descending: boolean;
}

export interface TableOptions<R> {
  label: string;
  /** The row's identity; null for a row that cannot be chosen. */
  keyOf(row: R): string | null;
  onSelect(key: string): void;
  rowClass?(row: R): string;
}

const ROW = 25;
const HEAD = 27;

/** Pixels for a column: its text in the table's type, the space at its sides, the sign of the order. */
function widthOf<R>(column: TableColumn<R>): number {
  return Math.round(Math.min(340, Math.max(column.title.length * 7, column.characters * 7.4) + 36));
}

/** A table that sorts, keeps its head in sight and draws only the rows one can see, however many there are. Arrow keys walk it. */
export class DataTable<R> {
  readonly element = h("div", { class: "data-table", tabindex: 0, role: "grid" });
  private readonly head = h("tr");
  private readonly columnGroup = h("colgroup");
  private readonly body = h("tbody");
  private readonly table = h("table", {}, this.columnGroup, h("thead", {}, this.head), this.body);
  private columns: TableColumn<R>[] = [];
  private rows: R[] = [];
  private shown: R[] = [];
  private drawn: RowWindow = { first: 0, end: 0 };
  private sort: SortBy | null = null;
  private selected: string | null = null;
  /** The row the keys stand on: several rows may have one key. */
  private cursor = -1;

  constructor(private readonly options: TableOptions<R>) {
    this.element.setAttribute("aria-label", options.label);
    this.element.append(this.table);
    this.element.addEventListener("scroll", () => this.draw(false), { passive: true });
    this.element.addEventListener("keydown", (e) => this.walk(e));
    this.body.addEventListener("click", (e) => {
      const row = (e.target as Element).closest("tr")?.dataset["row"];
      if (row !== undefined) this.choose(Number(row));
    });
    new ResizeObserver(() => this.draw(false)).observe(this.element);
  }

  get count(): number {
    return this.rows.length;
  }

  /** The rows as they stand on the screen. */
  get inOrder(): readonly R[] {
    return this.shown;
  }

  /** New columns forget the order; the same number of columns with the same titles keeps it. */
  setColumns(columns: TableColumn<R>[]): void {
    const isSame = columns.length === this.columns.length && columns.every((c, i) => c.title === this.columns[i]!.title);
    if (!isSame) this.sort = null;
    this.columns = columns;
    replace(this.columnGroup, columns.map((c) => h("col", { style: `width:${widthOf(c)}px` })));
    this.table.style.minWidth = `${columns.reduce((sum, c) => sum + widthOf(c), 0)}px`;
    this.drawHead();
  }

  setRows(rows: R[], keepPlace = false): void {
    this.rows = rows;
    this.order();
    if (!keepPlace) this.element.scrollTop = 0;
    this.element.setAttribute("aria-rowcount", String(rows.length + 1));
    this.draw(true);
  }

  setSelected(key: string | null): void {
    if (this.selected === key) return;
    this.selected = key;
    this.draw(true);
  }

  /** Draws again what is in sight: values changed, rows did not. */
  refresh(): void {
    this.draw(true);
  }

  private order(): void {
    const { sort } = this;
    const column = sort ? this.columns[sort.column] : undefined;
    this.shown = sort && column ? [...this.rows].sort((a, b) => column.compare(a, b, sort.descending)) : this.rows;
  }

  private sortBy(column: number): void {
    const s = this.sort;
    this.sort = s?.column !== column ? { column, descending: this.columns[column]!.isNumber } : s.descending === this.columns[column]!.isNumber ? { column, descending: !s.descending } : null;
    this.order();
    this.drawHead();
    this.draw(true);
  }

  private drawHead(): void {
    replace(this.head, this.columns.map((c, i) => {
      const mine = this.sort?.column === i ? this.sort : null;
      const sign = mine ? (mine.descending ? "↓" : "↑") : "";
      return h("th", { class: c.isNumber ? "number" : "", scope: "col", "aria-sort": mine ? (mine.descending ? "descending" : "ascending") : "none" },
        h("button", { class: "plain", tabindex: -1, title: `Sort by ${c.title}`, onclick: () => this.sortBy(i) }, h("span", {}, c.title), h("i", { "aria-hidden": "true" }, sign)));
    }));
  }

  private draw(isNew: boolean): void {
    const { element, shown } = this;
    const next = rowsInSight(element.scrollTop, element.clientHeight, ROW, shown.length);
    if (!isNew && next.first === this.drawn.first && next.end === this.drawn.end) return;
    this.drawn = next;
    const rows: HTMLElement[] = [h("tr", { class: "space", "aria-hidden": "true", style: `height:${next.first * ROW}px` })];
    for (let i = next.first; i < next.end; i++) rows.push(this.row(shown[i]!, i));
    rows.push(h("tr", { class: "space", "aria-hidden": "true", style: `height:${(shown.length - next.end) * ROW}px` }));
    replace(this.body, rows);
  }

  private row(row: R, index: number): HTMLElement {
    const key = this.options.keyOf(row);
    const cells = this.columns.map((c) => {
      const cell = c.cell(row);
      return h("td", { class: c.isNumber ? "number" : "", title: typeof cell === "string" && cell.length > 18 ? cell : null }, cell);
    });
    return h("tr", {
      "data-row": index, "data-key": key, "aria-rowindex": index + 2, class: this.options.rowClass?.(row) ?? "",
      "aria-selected": key !== null && key === this.selected ? "true" : null,
    }, cells);
  }

  private walk(e: KeyboardEvent): void {
    const here = this.shown[this.cursor];
    const now = here !== undefined && this.options.keyOf(here) === this.selected ? this.cursor : this.shown.findIndex((r) => this.options.keyOf(r) === this.selected);
    const page = Math.max(1, Math.floor((this.element.clientHeight - HEAD) / ROW) - 1);
    const steps: Record<string, number> = { ArrowDown: now + 1, ArrowUp: now < 0 ? 0 : now - 1, PageDown: now + page, PageUp: now - page, Home: 0, End: this.shown.length - 1 };
    const wanted = steps[e.key];
    if (wanted === undefined || this.shown.length === 0) return;
    e.preventDefault();
    const row = Math.min(this.shown.length - 1, Math.max(0, wanted));
    this.element.scrollTop = scrollFor(row, this.element.scrollTop, this.element.clientHeight - HEAD, ROW);
    this.choose(row);
  }

  private choose(row: number): void {
    this.cursor = row;
    const key = this.options.keyOf(this.shown[row]!);
    if (key !== null) this.options.onSelect(key);
  }
}
