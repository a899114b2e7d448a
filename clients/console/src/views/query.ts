import "./query.css";
import { numberText } from "../format";
import { idOf, type App, type View } from "../ui/app";
import { h, replace, setText } from "../ui/dom";
import { QueryAnswer } from "./queryAnswer";
import { complete } from "./queryComplete";
import { QueryEditor } from "./queryEditor";
import { examplesOf } from "./queryExamples";
import { isExplain } from "./queryPlan";
import { planTree } from "./queryPlanTree";
import { errorOffset, MOST_ROWS, PAGE, QueryRun } from "./queryRun";
import { QueryShelf } from "./queryShelf";
import { QueryShelfPanel } from "./queryShelfPanel";

export const view = (app: App): View => new QueryView(app);

const EXPLAIN = "EXPLAIN ";

/** A question to the silo, and its answer as a table, as marks on a map and as a chart at once; or how the silo would find it. */
class QueryView implements View {
  readonly element: HTMLElement;
  private readonly editor: QueryEditor;
  private readonly shelf: QueryShelfPanel;
  private readonly runButton = h("button", { class: "primary", title: "Run (Ctrl+Enter)", "data-test": "query-run", onclick: () => void this.runNew(false) }, "Run");
  private readonly explainButton = h("button", { title: "How the silo would find it (Ctrl+Shift+Enter)", "data-test": "query-explain", onclick: () => void this.runNew(true) }, "Explain");
  private readonly saveButton = h("button", { title: "Keep it under a name (Ctrl+S)", "data-test": "query-save", onclick: () => this.shelf.askName() }, "Save…");
  private readonly cancelButton = h("button", { "data-test": "query-cancel", hidden: true, onclick: () => this.run?.cancel() }, "Cancel");
  private readonly moreButton = h("button", { hidden: true, "data-test": "query-more", onclick: () => void this.readOn(PAGE) });
  private readonly allButton = h("button", { hidden: true, "data-test": "query-all", onclick: () => void this.readOn(MOST_ROWS) }, "Read all");
  private readonly copyButton = h("button", { hidden: true, "data-test": "query-copy", onclick: () => void this.copy() }, "Copy");
  private readonly csvButton = h("button", { hidden: true, "data-test": "query-csv", onclick: () => this.answer.export() }, "Export CSV");
  private readonly mapButton = h("button", { hidden: true, onclick: () => this.app.router.go("city") }, "Show on the city map");
  private readonly status = h("div", { class: "query-status tabular", role: "status", "data-test": "query-status" });
  private readonly error = h("div", { class: "query-error", role: "alert", "data-test": "query-error", hidden: true });
  private readonly empty = h("div", { class: "query-empty soft" });
  private readonly plan = h("div", { class: "query-plan", hidden: true });
  private readonly answer: QueryAnswer;
  private readonly off: (() => void)[] = [];
  private run: QueryRun | null = null;
  private began = 0;
  private clock: ReturnType<typeof setInterval> | null = null;

  constructor(private readonly app: App) {
    const { world, router, selection, themes } = app;
    this.editor = new QueryEditor({
      complete: (text, cursor) => complete(text, cursor, world.book, (start, most) => this.idsLike(start, most)),
      onRun: (isExplained) => void this.runNew(isExplained),
      onSave: () => this.shelf.askName(),
      onInput: () => (this.error.hidden = true),
    });
    this.shelf = new QueryShelfPanel(new QueryShelf(localStorage), () => this.editor.text, (text) => {
      this.editor.text = text;
      void this.runNew(false);
    });
    this.answer = new QueryAnswer(app);
    this.element = h("div", { class: "query-view", "data-test": "query" },
      h("div", { class: "query-ask" }, this.editor.element, this.shelf.element), this.error,
      h("div", { class: "query-bar" }, this.runButton, this.explainButton, this.saveButton, this.cancelButton, this.status, this.moreButton, this.allButton, h("div", { class: "grow" }), this.mapButton, this.copyButton, this.csvButton),
      this.empty, this.answer.element, this.plan);
    this.off.push(
      world.onScene.on(() => this.knowWorld()),
      router.onRoute.on((route) => route.view === "query" && this.follow(route.settings["q"] ?? "", route.settings["plan"] === "1")),
      selection.onChange.on(() => this.answer.drawSelection()),
      themes.onChange.on(() => this.knowWorld()),
    );
    this.knowWorld();
    replace(this.empty, "The answer appears here as a table, on a map and as a chart. ", h("kbd", {}, "Ctrl"), " ", h("kbd", {}, "Enter"), " runs the query, ", h("kbd", {}, "Ctrl"), " ", h("kbd", {}, "Space"), " says what can stand at the cursor.");
    this.follow(router.get("q") ?? "", router.get("plan") === "1");
  }

  dispose(): void {
    this.run?.cancel();
    if (this.clock) clearInterval(this.clock);
    for (const off of this.off) off();
  }

  /** The address asks a query: write it into the field and run it. */
  private follow(query: string, isExplained: boolean): void {
    if (query === "" || (isExplained ? EXPLAIN + query : query) === this.run?.query) return;
    this.editor.text = query;
    void this.runNew(isExplained);
  }

  private knowWorld(): void {
    const { world } = this.app;
    const counts = new Map<string, number>();
    for (const m of world.scene?.twins.model ?? []) {
      const id = world.scene!.models[m]?.id ?? "";
      counts.set(id, (counts.get(id) ?? 0) + 1);
    }
    this.shelf.setExamples(examplesOf(world.book, counts, world.scene));
    this.answer.knowWorld();
  }

  private async runNew(isExplained: boolean): Promise<void> {
    const text = this.editor.text.trim();
    if (text === "") return this.editor.goTo(0);
    const query = isExplained && !isExplain(text) ? EXPLAIN + text : text;
    this.run?.cancel();
    const run = (this.run = new QueryRun(this.app.api, query, () => performance.now()));
    const { router } = this.app;
    router.set("q", text, router.get("q") !== text);
    router.set("plan", query === text ? null : "1");
    this.error.hidden = true;
    this.editor.showError(null);
    await this.read(run, PAGE);
    if (run === this.run && run.state.kind !== "running" && run.state.kind !== "idle") this.shelf.note({ text, at: Date.now(), rows: run.rows.length, ms: run.elapsedMs, outcome: run.state.kind });
  }

  private async readOn(rows: number): Promise<void> {
    if (this.run) await this.read(this.run, rows);
  }

  private async read(run: QueryRun, rows: number): Promise<void> {
    const isFirst = run.rows.length === 0;
    this.clock ??= setInterval(() => this.drawStatus(), 100);
    const done = run.read(rows, () => {
      if (run !== this.run) return;
      if (run.rows.length > 0 || run.state.kind === "done") this.drawRows(run, !isFirst || run.pages > 1);
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

  private drawStatus(): void {
    const run = this.run;
    if (!run) return;
    const { isRunning } = run;
    const isPlan = isExplain(run.query);
    this.cancelButton.hidden = !isRunning;
    const rows = isPlan ? "Plan" : `${numberText(run.rows.length)} ${run.rows.length === 1 ? "row" : "rows"}`;
    const cost = `${numberText(Math.round(isRunning ? performance.now() - this.began : run.elapsedMs))} ms${run.charge === null ? "" : ` · charge ${numberText(run.charge)}`}`;
    const more = run.hasMore ? ", more exist" : run.isCutOff ? `; the console holds at most ${numberText(MOST_ROWS)}, ask for less` : "";
    const text = isRunning ? `Asking… ${run.rows.length > 0 ? `${rows} · ` : ""}${cost}` : run.state.kind === "failed" ? "" : run.state.kind === "cancelled" ? `Cancelled after ${cost}; ${rows} were read` : `${rows}${more} · ${cost}`;
    setText(this.status, text);
    this.status.dataset["state"] = run.state.kind;
    const canRead = !isRunning && run.hasMore;
    this.moreButton.hidden = this.allButton.hidden = !canRead;
    setText(this.moreButton, `Read ${numberText(PAGE)} more`);
    this.csvButton.hidden = this.copyButton.hidden = run.rows.length === 0 || isPlan;
  }

  private drawError(run: QueryRun): void {
    if (run.state.kind !== "failed") return;
    const { error } = run.state;
    const at = errorOffset(error, run.query);
    const lead = this.editor.text.length - this.editor.text.trimStart().length - (run.query.length - this.editor.text.trim().length);
    const offset = at === null ? null : Math.max(0, at + lead);
    this.editor.showError(offset);
    this.error.hidden = false;
    replace(this.error, h("b", {}, offset === null ? error.code : `Character ${offset + 1}`), h("span", {}, error.detail),
      offset === null ? null : h("button", { class: "link", onclick: () => this.editor.goTo(offset) }, "Go there"));
  }

  private drawRows(run: QueryRun, keepPlace: boolean): void {
    const { world } = this.app;
    const isPlan = isExplain(run.query) && run.rows.length > 0;
    this.plan.hidden = !isPlan;
    this.empty.hidden = run.rows.length > 0;
    if (run.rows.length === 0) replace(this.empty, "Nothing matches. Loosen the condition, or look at the models for the names and ranges of their properties.");
    replace(this.plan, isPlan ? run.rows.map(planTree) : []);
    this.answer.show(isPlan ? [] : run.rows, run.query, keepPlace);
    const ids = isPlan ? [] : [...new Set(run.rows.map(idOf).filter((id) => id !== null))];
    this.app.highlight(ids);
    this.mapButton.hidden = !ids.some((id) => world.modelOf(id) !== null);
  }

  private async copy(): Promise<void> {
    setText(this.copyButton, await this.answer.copy());
    setTimeout(() => setText(this.copyButton, "Copy"), 1500);
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
}
