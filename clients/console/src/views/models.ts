import "./models.css";
import type { JsonObject } from "../api/types";
import { numberText } from "../format";
import { ModelBook } from "../live/modelBook";
import { asApiError } from "../live/world";
import type { App, View } from "../ui/app";
import { copyable } from "../ui/copyable";
import { h, replace, setText } from "../ui/dom";
import { ModelDetail, underText } from "./modelDetail";
import { ModelEditor } from "./modelEditor";
import { countUnder, treeOf } from "./modelTree";
import { gather, upload, uploadedText, type UploadFault } from "./modelUpload";

export const view = (app: App): View => new ModelsView(app);

/** What kinds of twins there are: the models by inheritance, what each says, and how many twins are of it. */
class ModelsView implements View {
  readonly element: HTMLElement;
  private readonly search = h("input", { type: "search", placeholder: "Find…", "aria-label": "Search models", "data-test": "model-search" });
  private readonly tree = h("ul", { class: "model-tree", role: "tree", "data-test": "model-tree" });
  private readonly detail: ModelDetail;
  private readonly pane = h("div", { class: "models-pane" });
  private readonly file = h("input", { type: "file", accept: ".json,application/json", multiple: true, hidden: true, "data-test": "model-file" });
  private readonly note = h("div", { class: "model-note", role: "status", "data-test": "model-note", hidden: true });
  private readonly closed = new Set<string>();
  private readonly off: (() => void)[] = [];
  private book: ModelBook;
  private shown: string | null = null;
  private editor: ModelEditor | null = null;

  constructor(private readonly app: App) {
    const { world, router } = app;
    this.book = world.book;
    this.search.value = router.get("find") ?? "";
    this.search.addEventListener("input", () => {
      router.set("find", this.search.value.trim());
      this.drawTree();
    });
    this.file.addEventListener("change", () => void this.take([...(this.file.files ?? [])]));
    this.detail = new ModelDetail(app, (id) => this.open(id), (text) => this.write(text));
    this.element = h("div", { class: "models-view", "data-test": "models" },
      h("div", { class: "models-side" }, h("div", { class: "models-bar" }, this.search, this.file, h("button", { onclick: () => this.write(null), title: "Write a model (n)", "data-test": "model-new" }, "New…"), h("button", { onclick: () => this.file.click(), "data-test": "model-upload" }, "Upload…")), this.note, this.tree), this.pane);
    replace(this.pane, this.detail.element);
    this.element.addEventListener("keydown", (e) => {
      if (e.key !== "n" || e.ctrlKey || e.metaKey || e.altKey || (e.target instanceof HTMLElement && e.target.matches("input, textarea"))) return;
      e.preventDefault();
      this.write(null);
    });
    this.element.addEventListener("dragover", (e) => e.preventDefault());
    this.element.addEventListener("drop", (e) => {
      e.preventDefault();
      void this.take([...(e.dataTransfer?.files ?? [])]);
    });
    this.tree.addEventListener("keydown", (e) => this.walk(e));
    this.off.push(
      world.onScene.on(() => this.setBook(world.book)),
      world.onSystem.on(() => this.drawCounts()),
      world.onLoad.on(() => this.drawTree()),
      router.onRoute.on((r) => r.view === "models" && this.open(r.settings["model"] ?? null)),
    );
    this.setBook(world.book);
  }

  dispose(): void {
    this.detail.dispose();
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
    if (lines.length === 0) this.drawNothing();
  }

  private drawNothing(): void {
    const { load } = this.app.world;
    const hasModels = this.book.all.length > 0;
    if (!hasModels && load.kind === "failed") replace(this.tree, h("li", { class: "nothing", role: "alert" }, `${load.error.detail} `, h("button", { class: "link", onclick: () => void this.app.world.start() }, "Try again")));
    else replace(this.tree, h("li", { class: "soft nothing" }, hasModels ? "No model and no property is called that." : load.kind === "loading" ? "Reading the models…" : "No models yet: write one, upload DTDL, or start with a scenario."));
  }

  private drawCounts(): void {
    const counts = this.counts();
    for (const line of this.tree.querySelectorAll<HTMLElement>("li[data-model]")) setText(line.querySelector(".count")!, countText(countUnder(this.book, line.dataset["model"]!, counts)));
    for (const under of this.detail.element.querySelectorAll<HTMLElement>("[data-under]")) setText(under, underText(countUnder(this.book, under.dataset["under"]!, counts)));
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
    if (id === this.shown && id !== null) {
      replace(this.pane, this.detail.element); // Back from the editor.
      return;
    }
    this.shown = id;
    this.app.router.set("model", id);
    for (const line of this.tree.querySelectorAll<HTMLElement>("li[data-model]")) {
      line.setAttribute("aria-selected", String(line.dataset["model"] === id));
      line.tabIndex = line.dataset["model"] === id ? 0 : -1;
    }
    const model = id === null ? undefined : this.book.get(id);
    if (model) {
      replace(this.pane, this.detail.element);
      this.detail.show(model, this.book, this.counts());
    } else this.detail.clear();
  }

  /** Opens the editor; null goes on with the draft of before. */
  private write(text: string | null): void {
    this.editor ??= new ModelEditor(this.app.api, (ids) => this.taken(ids), () => replace(this.pane, this.detail.element));
    replace(this.pane, this.editor.element);
    if (text !== null) this.editor.begin(text);
    else this.editor.element.querySelector("textarea")?.focus();
  }

  private async taken(ids: string[]): Promise<void> {
    this.editor = null;
    this.note.hidden = false;
    replace(this.note, h("span", { class: "good" }, uploadedText(ids.length)));
    try {
      this.app.world.book = new ModelBook(await this.app.api.models());
    } catch (error) {
      replace(this.note, h("span", { class: "warning" }, `${uploadedText(ids.length)} The list could not be read again: ${asApiError(error).detail}`));
      return;
    }
    if (ids[0]) this.app.router.set("model", ids[0]);
    this.setBook(this.app.world.book);
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
    await this.taken(models.map((m) => String((m as JsonObject)["@id"])));
  }

  private tell(faults: readonly UploadFault[]): void {
    this.note.hidden = false;
    replace(this.note, h("b", { class: "alarm" }, "Nothing was taken."), h("ul", {}, faults.slice(0, 50).map((f) => h("li", {}, f.where ? h("span", { class: "mono" }, `${f.where}: `) : null, f.text))),
      h("div", { class: "soft" }, "Check files before sending them:"), copyable("twin model check FOLDER"));
  }
}

function countText(count: number): string {
  return count === 0 ? "" : numberText(count);
}
