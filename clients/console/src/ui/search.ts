import { matching, prefixQuery, readAsk, step, type Action } from "../live/searchText";
import { modelName, words } from "../format";
import { asApiError } from "../live/world";
import type { App } from "./app";
import { h, replace } from "./dom";

const REST_MS = 160;
const MOST_TWINS = 10;
/** The first so many found can also be opened as the middle of a graph. */
const MOST_GRAPHS = 3;

interface Option extends Action {
  group: string;
  key: string;
}

/** The one field for finding and doing: a combobox over twins and actions; text that starts with SELECT goes to the query view. */
export class Search {
  readonly element: HTMLElement;
  private readonly field = h("input", {
    type: "text", role: "combobox", autocomplete: "off", spellcheck: "false", placeholder: "Find a twin, do something, or SELECT …", "aria-label": "Search and commands",
    "aria-expanded": "false", "aria-controls": "search-list", "aria-autocomplete": "list", "data-test": "search",
  });
  private readonly list = h("div", { class: "search-list", id: "search-list", role: "listbox", "aria-label": "Found", "data-test": "search-list", hidden: true });
  private options: Option[] = [];
  private at = -1;
  private note = "";
  private timer: ReturnType<typeof setTimeout> | null = null;
  private cancel: AbortController | null = null;

  constructor(private readonly app: App, private readonly actions: () => Action[]) {
    this.element = h("div", { class: "search", role: "search" }, this.field, h("kbd", { "aria-hidden": "true" }, "/"), this.list);
    this.field.addEventListener("input", () => this.typed());
    this.field.addEventListener("focus", () => this.typed());
    this.field.addEventListener("blur", () => this.shut());
    this.field.addEventListener("keydown", (e) => this.key(e));
    addEventListener("keydown", (e) => {
      if ((e.ctrlKey || e.metaKey) && e.key.toLowerCase() === "k") {
        e.preventDefault();
        this.focus();
      }
    });
  }

  focus(): void {
    this.field.focus();
    this.field.select();
  }

  private typed(): void {
    if (this.timer) clearTimeout(this.timer);
    this.cancel?.abort();
    const ask = readAsk(this.field.value);
    const actions = this.actions().map((a) => ({ ...a, group: "Actions", key: `action-${a.title}` }));
    this.note = "";
    if (ask.kind === "query") return this.show([{ group: "Query", key: "ask", title: "Run this query", detail: "opens the query view", run: () => this.app.ask(ask.query) }], 0);
    if (ask.kind === "nothing") return this.show(actions, -1);
    const known = matching(actions, ask.text);
    const exact = this.app.world.table && this.app.world.table.rowOf(ask.text) >= 0 ? [this.twin(ask.text, this.app.world.nameOf(ask.text), this.app.world.modelOf(ask.text))] : [];
    this.note = "Searching…";
    this.show([...exact, ...known], exact.length + known.length > 0 ? 0 : -1);
    this.timer = setTimeout(() => void this.find(ask.text, known), REST_MS);
  }

  private async find(text: string, known: Option[]): Promise<void> {
    const cancel = (this.cancel = new AbortController());
    try {
      const { query, parameters } = prefixQuery(text, MOST_TWINS);
      const answer = await this.app.api.query(query, null, MOST_TWINS, parameters, cancel.signal);
      if (cancel.signal.aborted) return;
      const twins = answer.value.map((row) => this.twin(String(row["id"]), typeof row["name"] === "string" ? row["name"] : String(row["id"]), typeof row["model"] === "string" ? row["model"] : null));
      twins.sort((a, b) => Number(b.key === `twin-${text}`) - Number(a.key === `twin-${text}`));
      this.note = twins.length === 0 && known.length === 0 ? `Nothing starts with '${text}'. Ids and names are searched from their first letter.` : "";
      const chosen = this.options[this.at]?.key;
      const options = [...twins, ...twins.slice(0, MOST_GRAPHS).map((t) => this.graphOf(t)), ...known];
      const kept = options.findIndex((o) => o.key === chosen);
      this.show(options, this.at > 0 && kept >= 0 ? kept : options.length > 0 ? 0 : -1);
    } catch (error) {
      if (cancel.signal.aborted) return;
      this.note = asApiError(error).detail;
      this.show(known, known.length > 0 ? 0 : -1);
    }
  }

  private twin(id: string, name: string, model: string | null): Option {
    const kind = model ? words(modelName(model)).toLowerCase() : "";
    return { group: "Twins", key: `twin-${id}`, title: name, detail: name === id ? kind : `${id} · ${kind}`, run: () => (this.app.router.current.view === "graph" ? this.app.showGraph(id) : this.app.showOnMap(id)) };
  }

  private graphOf(twin: Option): Option {
    const id = twin.key.slice("twin-".length);
    return { group: "Graph", key: `graph-${id}`, title: `Around ${twin.title}`, detail: "who is related", run: () => this.app.showGraph(id) };
  }

  private show(options: Option[], at: number): void {
    this.options = options;
    this.at = at;
    const rows: HTMLElement[] = [];
    options.forEach((o, i) => {
      if (o.group !== options[i - 1]?.group) rows.push(h("div", { class: "group", role: "presentation" }, o.group));
      rows.push(h("div", { class: "option", role: "option", id: `option-${i}`, "aria-selected": String(i === at), "data-test": o.key, onmousedown: (e: MouseEvent) => this.click(e, i) }, h("span", {}, o.title), h("span", { class: "soft" }, o.detail)));
    });
    replace(this.list, rows, this.note ? h("div", { class: "group", role: "status" }, this.note) : null);
    this.list.hidden = false;
    this.field.setAttribute("aria-expanded", "true");
    this.mark();
  }

  private mark(): void {
    this.list.querySelectorAll(".option").forEach((o, i) => o.setAttribute("aria-selected", String(i === this.at)));
    if (this.at >= 0) {
      this.field.setAttribute("aria-activedescendant", `option-${this.at}`);
      document.getElementById(`option-${this.at}`)?.scrollIntoView({ block: "nearest" });
    } else this.field.removeAttribute("aria-activedescendant");
  }

  private key(e: KeyboardEvent): void {
    if (e.key === "Escape") {
      e.stopPropagation();
      this.field.value = "";
      this.field.blur();
    } else if (e.key === "ArrowDown" || e.key === "ArrowUp") {
      this.at = step(this.at, e.key === "ArrowDown" ? 1 : -1, this.options.length);
      this.mark();
    } else if (e.key === "Enter") this.choose(this.options[this.at]);
    else return;
    e.preventDefault();
  }

  private click(e: MouseEvent, i: number): void {
    e.preventDefault();
    this.choose(this.options[i]);
  }

  private choose(option: Option | undefined): void {
    if (!option) return;
    this.field.value = "";
    this.field.blur();
    option.run();
  }

  private shut(): void {
    if (this.timer) clearTimeout(this.timer);
    this.cancel?.abort();
    this.list.hidden = true;
    this.field.setAttribute("aria-expanded", "false");
    this.field.removeAttribute("aria-activedescendant");
  }
}
