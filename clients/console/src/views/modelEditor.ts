import type { TwinApi } from "../api/client";
import { h, replace } from "../ui/dom";
import { jsonPieces, placeFault, readModels, STARTER, type TextFault } from "./modelText";
import { upload } from "./modelUpload";

const CLASSES = { key: "code-word", text: "code-text", number: "code-number", word: "code-function" } as const;
const DRAFT = "twin-model-draft";

/** A model as text: coloured, numbered by line, with what is wrong beside the line. Kept as a draft in this tab until it is taken. */
export class ModelEditor {
  private readonly field = h("textarea", { class: "mono", spellcheck: "false", autocomplete: "off", autocapitalize: "off", "aria-label": "DTDL", wrap: "off", "data-test": "model-text" });
  private readonly mirror = h("pre", { class: "mono", "aria-hidden": "true" });
  private readonly lines = h("pre", { class: "mono model-lines", "aria-hidden": "true" });
  private readonly list = h("div", { class: "model-faults", role: "alert", "data-test": "model-faults" });
  private readonly add = h("button", { class: "primary", title: "Add (Ctrl+Enter)", "data-test": "model-add", onclick: () => void this.send() }, "Add");
  readonly element: HTMLElement;
  private faults: TextFault[] = [];
  private isSending = false;

  /** @param onTaken Called with the ids that are in. */
  constructor(private readonly api: Pick<TwinApi, "send">, private readonly onTaken: (ids: string[]) => Promise<void>, onClose: () => void) {
    this.element = h("div", { class: "model-editor", "data-test": "model-editor" },
      h("header", {}, h("h1", {}, "New model"), h("span", { class: "soft" }, "DTDL 2, 3 or 4: one interface, or several in a list. All are taken, or none."), h("span", { class: "grow" }), this.add, h("button", { onclick: onClose, "data-test": "model-editor-close" }, "Close")),
      this.list, h("div", { class: "model-text" }, this.lines, h("div", { class: "model-text-field" }, this.mirror, this.field)));
    this.field.value = sessionStorage.getItem(DRAFT) ?? STARTER;
    this.field.addEventListener("input", () => {
      sessionStorage.setItem(DRAFT, this.field.value);
      this.faults = [];
      this.draw();
    });
    this.field.addEventListener("scroll", () => this.follow());
    this.field.addEventListener("keydown", (e) => this.key(e));
    this.draw();
  }

  /** Begins with another text: a copy of a model under its next version, say. */
  begin(text: string): void {
    this.field.value = text;
    sessionStorage.setItem(DRAFT, text);
    this.faults = [];
    this.draw();
    this.field.focus();
  }

  private key(e: KeyboardEvent): void {
    if (e.key === "Enter" && (e.ctrlKey || e.metaKey)) void this.send();
    else if (e.key === "Tab" && !e.shiftKey && this.field.selectionStart === this.field.selectionEnd) {
      this.field.setRangeText("  ", this.field.selectionStart, this.field.selectionEnd, "end");
      this.field.dispatchEvent(new InputEvent("input"));
    } else return;
    e.preventDefault();
  }

  private async send(): Promise<void> {
    if (this.isSending) return;
    const text = this.field.value;
    const { models, faults } = readModels(text);
    if (faults.length > 0) return this.tell(faults);
    this.isSending = this.add.disabled = true;
    replace(this.list, h("span", { class: "soft", role: "status" }, "Sending…"));
    // The text as it was typed goes out, so that the silo's lines are those on the screen.
    const refused = await upload(this.api, models, text);
    this.isSending = this.add.disabled = false;
    if (refused.length > 0) return this.tell(refused.map((f) => placeFault(f.text, text)));
    sessionStorage.removeItem(DRAFT);
    await this.onTaken(models.map((m) => String((m as { "@id": string })["@id"])));
  }

  private tell(faults: TextFault[]): void {
    this.faults = faults;
    this.draw();
    const first = faults.find((f) => f.line !== null);
    if (first) this.goTo(first.line!);
  }

  private goTo(line: number): void {
    const lines = this.field.value.split("\n");
    const from = lines.slice(0, line - 1).reduce((sum, l) => sum + l.length + 1, 0);
    this.field.focus();
    this.field.setSelectionRange(from, from);
    this.field.scrollTop = Math.max(0, (line - 6) * 20);
    this.follow();
  }

  private draw(): void {
    const wrong = new Set(this.faults.map((f) => f.line));
    const parts: Node[] = [];
    let line: (Node | string)[] = [];
    let number = 1;
    const end = (): void => {
      parts.push(h("span", { class: wrong.has(number) ? "line wrong" : "line" }, [...line, "\n"]));
      line = [];
      number++;
    };
    for (const piece of jsonPieces(this.field.value)) {
      const pieces = piece.text.split("\n");
      pieces.forEach((text, i) => {
        if (i > 0) end();
        if (text !== "") line.push(piece.kind ? h("span", { class: CLASSES[piece.kind] }, text) : text);
      });
    }
    end();
    replace(this.mirror, parts);
    replace(this.lines, Array.from({ length: number - 1 }, (_, i) => h("span", { class: wrong.has(i + 1) ? "wrong" : "" }, `${i + 1}\n`)));
    replace(this.list, this.faults.length > 0 ? [h("b", { class: "alarm" }, "Nothing was taken."), h("ul", {}, this.faults.slice(0, 50).map((f) =>
      h("li", {}, f.line === null ? null : [h("button", { class: "link tabular", onclick: () => this.goTo(f.line!) }, `Line ${f.line}`), " "], f.text)))] : []);
    this.follow();
  }

  private follow(): void {
    this.mirror.scrollTop = this.lines.scrollTop = this.field.scrollTop;
    this.mirror.scrollLeft = this.field.scrollLeft;
  }
}
