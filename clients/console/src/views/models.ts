import "./models.css";
import type { JsonObject } from "../api/types";
import { modelName, numberText, timeText, unitText, words } from "../format";
import { ModelBook, type ModelEntry, type PropertyEntry } from "../live/modelBook";
import { asApiError } from "../live/world";
import type { App, View } from "../ui/app";
import { copyable } from "../ui/copyable";
import { h, replace, setText, type Child } from "../ui/dom";
import { countUnder, treeOf } from "./modelTree";
import { gather, upload, uploadedText, type UploadFault } from "./modelUpload";

export const view = (app: App): View => new ModelsView(app);

/** What kinds of twins there are: the models by inheritance, what each says, and how many twins are of it. */
class ModelsView implements View {
  readonly element: HTMLElement;
  private readonly search = h("input", { type: "search", placeholder: "Model or property…", "aria-label": "Search models", "data-test": "model-search" });
  private readonly tree = h("ul", { class: "model-tree", role: "tree", "data-test": "model-tree" });
  private readonly detail = h("div", { class: "model-detail", "data-test": "model-detail" });
  private readonly file = h("input", { type: "file", accept: ".json,application/json", multiple: true, hidden: true, "data-test": "model-file" });
  private readonly note = h("div", { class: "model-note", role: "status", "data-test": "model-note", hidden: true });
  private readonly closed = new Set<string>();
  private readonly off: (() => void)[] = [];
  private book: ModelBook;
  private shown: string | null = null;
  private run = 0;

  constructor(private readonly app: App) {
    const { world, router } = app;
    this.book = world.book;
    this.search.value = router.get("find") ?? "";
    this.search.addEventListener("input", () => {
      router.set("find", this.search.value.trim());
      this.drawTree();
    });
    this.file.addEventListener("change", () => void this.take([...(this.file.files ?? [])]));
    this.element = h("div", { class: "models-view", "data-test": "models" },
      h("div", { class: "models-side" }, h("div", { class: "models-bar" }, this.search, this.file, h("button", { onclick: () => this.file.click(), "data-test": "model-upload" }, "Upload DTDL…")), this.note, this.tree), this.detail);
    this.element.addEventListener("dragover", (e) => e.preventDefault());
    this.element.addEventListener("drop", (e) => {
      e.preventDefault();
      void this.take([...(e.dataTransfer?.files ?? [])]);
    });
    this.tree.addEventListener("keydown", (e) => this.walk(e));
    this.off.push(
      world.onScene.on(() => this.setBook(world.book)),
      world.onSystem.on(() => this.drawCounts()),
      router.onRoute.on((r) => r.view === "models" && this.open(r.settings["model"] ?? null)),
    );
    this.setBook(world.book);
  }

  dispose(): void {
    this.run++;
    for (const off of this.off) off();
  }

  private setBook(book: ModelBook): void {
    this.book = book;
    this.drawTree();
    if (book.all.length === 0) return; // Not read yet: the model the address names is not to be forgotten.
    const wanted = this.app.router.get("model");
    this.shown = null;
    this.open(wanted && book.get(wanted) ? wanted : this.firstWithTwins());
  }

  private firstWithTwins(): string | null {
    const counts = this.counts();
    return this.book.all.filter((m) => (counts[m.id] ?? 0) > 0).sort((a, b) => counts[b.id]! - counts[a.id]!)[0]?.id ?? this.book.roots()[0]?.id ?? null;
  }

  private counts(): Record<string, number> {
    return this.app.world.readings.at(-1)?.status.twinsByModel ?? {};
  }

  private drawTree(): void {
    const lines = treeOf(this.book, this.search.value, this.closed);
    const counts = this.counts();
    replace(this.tree, lines.map(({ model, depth, hasChildren, isOpen, isMatch }) => {
      const fold = h("button", { class: "plain fold", tabindex: -1, "aria-label": isOpen ? "Fold" : "Unfold", style: hasChildren ? "" : "visibility:hidden", onclick: (e: MouseEvent) => this.fold(e, model.id) }, isOpen ? "▾" : "▸");
      return h("li", { role: "treeitem", "data-model": model.id, "aria-level": depth + 1, "aria-expanded": hasChildren ? String(isOpen) : null, "aria-selected": String(model.id === this.shown), tabindex: model.id === this.shown ? 0 : -1,
        style: `padding-left:${8 + depth * 16}px`, class: isMatch ? "" : "soft", onclick: () => this.open(model.id) },
        fold, h("span", { class: "name" }, model.displayName), h("span", { class: "count soft tabular" }, countText(countUnder(this.book, model.id, counts))));
    }));
    if (lines.length === 0) replace(this.tree, h("li", { class: "soft nothing" }, this.book.all.length === 0 ? "No models yet: upload DTDL, or start with a scenario." : "No model and no property is called that."));
  }

  private drawCounts(): void {
    const counts = this.counts();
    for (const line of this.tree.querySelectorAll<HTMLElement>("li[data-model]")) setText(line.querySelector(".count")!, countText(countUnder(this.book, line.dataset["model"]!, counts)));
  }

  private fold(e: MouseEvent, id: string): void {
    e.stopPropagation();
    if (!this.closed.delete(id)) this.closed.add(id);
    this.drawTree();
  }

  private walk(e: KeyboardEvent): void {
    const lines = [...this.tree.querySelectorAll<HTMLElement>("li[data-model]")];
    const now = lines.findIndex((l) => l.dataset["model"] === this.shown);
    const next = e.key === "ArrowDown" ? lines[now + 1] : e.key === "ArrowUp" ? lines[now - 1] : undefined;
    const id = this.shown;
    if (id !== null && ((e.key === "ArrowLeft" && !this.closed.has(id)) || (e.key === "ArrowRight" && this.closed.has(id)))) {
      if (e.key === "ArrowLeft") this.closed.add(id);
      else this.closed.delete(id);
      this.drawTree();
    } else if (next) this.open(next.dataset["model"]!);
    else return;
    e.preventDefault();
    this.tree.querySelector<HTMLElement>("li[aria-selected=true]")?.focus();
  }

  private open(id: string | null): void {
    if (id === this.shown && id !== null) return;
    this.shown = id;
    this.app.router.set("model", id);
    for (const line of this.tree.querySelectorAll<HTMLElement>("li[data-model]")) {
      line.setAttribute("aria-selected", String(line.dataset["model"] === id));
      line.tabIndex = line.dataset["model"] === id ? 0 : -1;
    }
    const model = id === null ? undefined : this.book.get(id);
    if (model) this.drawDetail(model);
    else replace(this.detail);
  }

  private drawDetail(model: ModelEntry): void {
    const run = ++this.run;
    const count = h("div", { class: "tabular", "data-test": "model-count" }, "Counting…");
    const raw = h("div", { class: "soft" }, "Reading…");
    const base = (id: string): HTMLElement => h("button", { class: "link", onclick: () => this.open(id) }, this.book.get(id)?.displayName ?? id);
    const own = (p: { from: string }): Child => (p.from === model.id ? h("span", { class: "soft" }, "") : base(p.from));
    const properties = (list: PropertyEntry[]): HTMLElement[] => list.map((p) => h("tr", {}, h("td", { class: "mono" }, p.name), h("td", {}, schemaText(p)), h("td", {}, unitText(p.unit)), h("td", {}, p.writable ? "writable" : ""), h("td", {}, own(p))));
    const target = (id: string | null): Child => (id === null ? h("span", { class: "soft" }, "any") : base(id));
    replace(this.detail,
      h("h1", {}, model.displayName), h("div", { class: "mono soft" }, model.id, model.decommissioned ? h("b", { class: "warning" }, " decommissioned") : null),
      model.bases.length > 0 ? h("div", {}, h("span", { class: "soft" }, "is a "), model.bases.flatMap((b, i) => [i > 0 ? ", " : null, base(b)])) : null,
      h("div", { class: "model-counts" }, count, h("button", { class: "link", onclick: () => this.app.ask(`SELECT * FROM DIGITALTWINS T WHERE IS_OF_MODEL(T, '${model.id}')`) }, "Query them")),
      section("Properties", ["name", "schema", "unit", "", "from"], properties(model.properties), "property"),
      section("Telemetry", ["name", "schema", "unit", "", "from"], properties(model.telemetry), "telemetry"),
      section("Relationships", ["name", "to", "from"], model.relationships.map((r) => h("tr", {}, h("td", { class: "mono" }, r.name), h("td", {}, target(r.target)), h("td", {}, own(r)))), "relationship"),
      section("Commands", ["name", "request", "from"], model.commands.map((c) => h("tr", {}, h("td", { class: "mono" }, c.name), h("td", {}, c.request ? `${c.request.name}: ${c.request.schema}` : h("span", { class: "soft" }, "none")), h("td", {}, own(c)))), "command"),
      section("Components", ["name", "model"], model.components.map((c) => h("tr", {}, h("td", { class: "mono" }, c.name), h("td", {}, c.schema))), "component"),
      h("details", {}, h("summary", {}, "DTDL"), raw));
    void this.count(model.id, count, run);
    void this.raw(model.id, raw, run);
  }

  private async count(id: string, into: HTMLElement, run: number): Promise<void> {
    const ask = async (exact: string): Promise<number> => {
      const { value } = await this.app.api.query(`SELECT COUNT() FROM DIGITALTWINS T WHERE IS_OF_MODEL(T, '${id}'${exact})`, null, 1);
      return Number(value[0]?.["COUNT"] ?? 0);
    };
    try {
      const [all, exact] = await Promise.all([ask(""), ask(", exact")]);
      if (run !== this.run) return;
      into.dataset["count"] = String(all);
      setText(into, `${numberText(all)} ${all === 1 ? "twin" : "twins"}${all === exact ? "" : exact === 0 ? ", all of models under it" : `, ${numberText(exact)} of exactly this model`}`);
    } catch (error) {
      if (run === this.run) setText(into, `The twins could not be counted: ${asApiError(error).detail}`);
    }
  }

  private async raw(id: string, into: HTMLElement, run: number): Promise<void> {
    try {
      const item = (await (await this.app.api.send("GET", `/models/${encodeURIComponent(id)}?includeModelDefinition=true`)).json()) as JsonObject;
      if (run !== this.run) return;
      into.className = "";
      const time = item["uploadTime"];
      replace(into, typeof time === "string" ? h("div", { class: "soft" }, `in since ${timeText(time)}`) : null, h("pre", { class: "mono", "data-test": "model-raw" }, JSON.stringify(item["model"] ?? item, null, 2)));
    } catch (error) {
      if (run === this.run) setText(into, asApiError(error).detail);
    }
  }

  private async take(files: File[]): Promise<void> {
    if (files.length === 0) return;
    this.file.value = "";
    const { models, faults } = gather(await Promise.all(files.map(async (f) => ({ name: f.name, text: await f.text() }))));
    if (faults.length > 0) return this.tell(faults);
    this.note.hidden = false;
    setText(this.note, `Sending ${models.length}…`);
    const refused = await upload(this.app.api, models);
    if (refused.length > 0) return this.tell(refused);
    this.app.world.book = new ModelBook(await this.app.api.models());
    const first = models[0] as JsonObject;
    this.app.router.set("model", String(first["@id"]));
    this.setBook(this.app.world.book);
    replace(this.note, h("span", { class: "good" }, uploadedText(models.length)));
  }

  private tell(faults: readonly UploadFault[]): void {
    this.note.hidden = false;
    replace(this.note, h("b", { class: "alarm" }, "Nothing was taken."), h("ul", {}, faults.slice(0, 50).map((f) => h("li", {}, f.where ? h("span", { class: "mono" }, `${f.where}: `) : null, f.text))),
      h("div", { class: "soft" }, "Check files before sending them:"), copyable("twin model check FOLDER"));
  }
}

function section(title: string, heads: string[], rows: HTMLElement[], kind: string): HTMLElement | null {
  if (rows.length === 0) return null;
  return h("section", { "data-kind": kind }, h("h2", {}, title), h("table", {}, h("thead", {}, h("tr", {}, heads.map((t) => h("th", {}, t)))), h("tbody", {}, rows)));
}

function schemaText(p: PropertyEntry): string {
  return p.enumValues ? p.enumValues.map(words).join(" | ") : modelName(p.schema);
}

function countText(count: number): string {
  return count === 0 ? "" : numberText(count);
}
