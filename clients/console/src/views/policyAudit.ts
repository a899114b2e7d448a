import type { JsonObject } from "../api/types";
import { numberText } from "../format";
import { asApiError } from "../live/world";
import { at, cellText, columnsOf, compareValues, headText } from "../table/columns";
import { csvText, download } from "../table/csv";
import { DataTable } from "../table/dataTable";
import type { App } from "../ui/app";
import { h, replace, setText } from "../ui/dom";

const PAGE = 200;
export const MOST_AUDIT = 5_000;

export interface AuditFilter {
  subject: string;
  kind: string;
  /** As a field of local time writes it: 2026-11-23T05:00; empty for no bound. */
  from: string;
  to: string;
}

/** The address of a page of the log; empty filters are left out. Times go out in UTC. */
export function auditPath(filter: AuditFilter, token: string | null): string {
  const query = new URLSearchParams({ top: String(PAGE) });
  for (const key of ["subject", "kind"] as const) if (filter[key].trim() !== "") query.set(key, filter[key].trim());
  for (const key of ["from", "to"] as const) if (filter[key] !== "" && !Number.isNaN(Date.parse(filter[key]))) query.set(key, new Date(filter[key]).toISOString());
  if (token) query.set("continuationToken", token);
  return `/audit?${query}`;
}

/** The append-only log: who was refused what, and who changed what, as a table one can filter and take away. */
export class PolicyAudit {
  private readonly fields = {
    subject: h("input", { placeholder: "subject", "aria-label": "Subject", "data-test": "audit-subject" }),
    kind: h("input", { placeholder: "kind", "aria-label": "Kind", "data-test": "audit-kind" }),
    from: h("input", { type: "datetime-local", "aria-label": "From" }),
    to: h("input", { type: "datetime-local", "aria-label": "To" }),
  };
  private readonly status = h("span", { class: "soft tabular", role: "status", "data-test": "audit-status" });
  private readonly more = h("button", { hidden: true, onclick: () => void this.read(false) }, "Read more");
  private readonly csv = h("button", { hidden: true, onclick: () => this.export() }, "Export CSV");
  private readonly table = new DataTable<JsonObject>({ label: "Audit log", keyOf: (row) => (typeof row["twin"] === "string" ? row["twin"] : null), onSelect: (id) => this.app.select(id) });
  readonly element: HTMLElement;
  private rows: JsonObject[] = [];
  private token: string | null = null;
  private run = 0;

  constructor(private readonly app: App) {
    this.element = h("div", { class: "policy-part", "data-test": "audit" },
      h("div", { class: "policy-bar" }, Object.values(this.fields), h("button", { class: "primary", "data-test": "audit-ask", onclick: () => void this.read(true) }, "Show"), this.status, this.more, h("span", { class: "grow" }), this.csv),
      h("div", { class: "policy-table" }, this.table.element));
    for (const field of Object.values(this.fields)) field.addEventListener("keydown", (e) => e.key === "Enter" && void this.read(true));
    void this.read(true);
  }

  dispose(): void {
    this.run++;
  }

  private async read(isNew: boolean): Promise<void> {
    const run = ++this.run;
    if (isNew) [this.rows, this.token] = [[], null];
    const filter = { subject: this.fields.subject.value, kind: this.fields.kind.value, from: this.fields.from.value, to: this.fields.to.value };
    setText(this.status, "Reading…");
    try {
      const page = (await (await this.app.api.send("GET", auditPath(filter, this.token))).json()) as { value?: JsonObject[]; continuationToken?: string | null };
      if (run !== this.run) return;
      this.rows = [...this.rows, ...(page.value ?? [])].slice(0, MOST_AUDIT);
      this.token = page.continuationToken ?? null;
      this.draw(isNew);
    } catch (error) {
      if (run === this.run) replace(this.status, h("span", { class: "alarm", role: "alert" }, asApiError(error).detail));
    }
  }

  private draw(isNew: boolean): void {
    const columns = columnsOf(this.rows);
    this.table.setColumns(columns.map((c) => ({
      title: headText(c), isNumber: c.kind === "number", characters: Math.max(headText(c).length, ...this.rows.slice(0, 100).map((r) => cellText(c, at(r, c.path)).length)),
      cell: (row) => cellText(c, at(row, c.path)), compare: (a, b, descending) => compareValues(at(a, c.path), at(b, c.path), descending),
    })));
    this.table.setRows(this.rows, !isNew);
    setText(this.status, this.rows.length === 0 ? "Nothing was logged that fits." : `${numberText(this.rows.length)} ${this.rows.length === 1 ? "line" : "lines"}${this.token ? ", more exist" : ""}`);
    this.more.hidden = this.token === null || this.rows.length >= MOST_AUDIT;
    this.csv.hidden = this.rows.length === 0;
  }

  private export(): void {
    const columns = columnsOf(this.rows);
    download("audit.csv", "text/csv", csvText(columns.map((c) => c.path.join(".")), this.table.inOrder.map((r) => columns.map((c) => at(r, c.path)))));
  }
}
