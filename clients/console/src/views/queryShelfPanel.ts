import { ageText, numberText } from "../format";
import { h, replace, setText } from "../ui/dom";
import type { Example } from "./queryExamples";
import type { PastRun, QueryShelf } from "./queryShelf";

type Tab = "examples" | "saved" | "past";
const TABS: [Tab, string][] = [["examples", "Examples"], ["saved", "Saved"], ["past", "History"]];

/** Beside the editor: queries to begin with, those kept under names, and those run before. */
export class QueryShelfPanel {
  private readonly list = h("div", { class: "shelf-list" });
  private readonly tabs = h("div", { class: "shelf-tabs", role: "tablist" });
  private readonly name = h("input", { placeholder: "Name", "aria-label": "Name of the query", maxlength: 80, "data-test": "shelf-name" });
  private readonly message = h("span", { class: "warning", role: "status", "data-test": "shelf-message" });
  readonly element = h("div", { class: "query-shelf", "data-test": "query-shelf" }, this.tabs, this.list);
  private tab: Tab = "examples";
  private examples: readonly Example[] = [];

  /** @param onTake Puts a text into the editor and runs it. */
  constructor(private readonly shelf: QueryShelf, private readonly present: () => string, private readonly onTake: (text: string) => void) {
    this.name.addEventListener("keydown", (e) => e.key === "Enter" && this.save());
    if (shelf.saved.length > 0) this.tab = "saved";
    this.draw();
  }

  setExamples(examples: readonly Example[]): void {
    this.examples = examples;
    if (this.tab === "examples") this.draw();
  }

  note(run: PastRun): void {
    this.shelf.note(run);
    if (this.tab === "past") this.draw();
  }

  /** Opens the field for a name: the editor's Save. */
  askName(): void {
    this.show("saved");
    this.name.focus();
  }

  private show(tab: Tab): void {
    this.tab = tab;
    setText(this.message, "");
    this.draw();
  }

  private save(): void {
    const wrong = this.shelf.save(this.name.value, this.present());
    if (wrong === null) this.name.value = "";
    setText(this.message, wrong ?? "");
    this.draw();
  }

  private draw(): void {
    replace(this.tabs, TABS.map(([tab, title]) => h("button", { class: "plain", role: "tab", "aria-selected": String(tab === this.tab), "data-test": `shelf-${tab}`, onclick: () => this.show(tab) }, title)));
    if (this.tab === "examples") replace(this.list, this.examples.length > 0 ? this.examples.map((e) => this.line(e.title, e.query, null, "query-example")) : h("span", { class: "soft" }, "Examples appear with the first twins."));
    else if (this.tab === "saved") this.drawSaved();
    else this.drawPast();
  }

  private drawSaved(): void {
    const saved = this.shelf.saved;
    const focused = document.activeElement === this.name;
    replace(this.list, h("div", { class: "shelf-save" }, this.name, h("button", { "data-test": "shelf-save", onclick: () => this.save() }, "Save")), this.message,
      saved.map((s) => h("div", { class: "shelf-line" }, this.line(s.name, s.text, null, "shelf-query"), h("button", { class: "plain", "aria-label": `Remove ${s.name}`, title: "Remove", onclick: () => this.remove(s.name) }, "✕"))),
      saved.length === 0 ? h("span", { class: "soft" }, "Give the query in the editor a name to keep it in this browser.") : null);
    if (focused) this.name.focus();
  }

  private drawPast(): void {
    const past = this.shelf.past;
    const now = Date.now();
    replace(this.list, past.map((p) => {
      const went = p.outcome === "failed" ? "refused" : p.outcome === "cancelled" ? "cancelled" : `${numberText(p.rows)} ${p.rows === 1 ? "row" : "rows"} · ${numberText(Math.round(p.ms))} ms`;
      return this.line(p.text.replace(/\s+/g, " "), p.text, `${went} · ${ageText(now - p.at)} ago`, "shelf-past");
    }), past.length > 0 ? h("button", { class: "plain shelf-forget", onclick: () => { this.shelf.forget(); this.draw(); } }, "Forget all") : h("span", { class: "soft" }, "Queries you run are listed here, the last first."));
  }

  private remove(name: string): void {
    this.shelf.remove(name);
    this.draw();
  }

  private line(title: string, text: string, under: string | null, test: string): HTMLElement {
    return h("button", { class: under ? "link shelf-query is-past" : "link shelf-query", title: text, "data-test": test, onclick: () => this.onTake(text) }, h("span", {}, title), under ? h("span", { class: "soft tabular" }, under) : null);
  }
}
