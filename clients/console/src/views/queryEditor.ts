import type { Completion } from "./queryComplete";
import { h, replace } from "../ui/dom";
import { errorSpan } from "./queryRun";
import { isFunction, isKeyword, tokensOf } from "./queryTokens";

export interface EditorOptions {
  complete(text: string, cursor: number): Completion;
  /** @param isExplained Not the answer is wanted but how it would be found. */
  onRun(isExplained: boolean): void;
  onSave(): void;
  onInput(text: string): void;
}

/** A text field for queries: keywords stand out, completions open while typing or by Ctrl+Space, an error underlines its place. */
export class QueryEditor {
  readonly field = h("textarea", {
    class: "mono", rows: 5, spellcheck: "false", autocomplete: "off", autocapitalize: "off", "aria-label": "Query", "aria-autocomplete": "list", "data-test": "query-text",
    placeholder: "SELECT * FROM DIGITALTWINS T WHERE …",
  });
  private readonly mirror = h("pre", { class: "mono", "aria-hidden": "true" });
  private readonly list = h("ul", { class: "query-options", role: "listbox", "data-test": "query-options", hidden: true });
  readonly element = h("div", { class: "query-editor" }, this.mirror, this.field, this.list);
  private completion: Completion | null = null;
  private chosen = 0;
  private errorAt: number | null = null;

  constructor(private readonly options: EditorOptions) {
    this.field.addEventListener("input", (e) => {
      this.errorAt = null;
      this.draw();
      this.options.onInput(this.field.value);
      const typed = (e as InputEvent).data;
      if (typed !== null && /^[\w$.'(:, ]$/.test(typed)) this.open(typed === " " || typed === ",");
      else if (this.completion) this.open();
    });
    this.field.addEventListener("keydown", (e) => this.key(e));
    this.field.addEventListener("scroll", () => (this.mirror.scrollTop = this.field.scrollTop));
    this.field.addEventListener("blur", () => this.close());
    this.field.addEventListener("click", () => this.close());
    this.list.addEventListener("mousedown", (e) => {
      e.preventDefault(); // The field keeps the focus.
      const at = (e.target as Element).closest("li")?.dataset["at"];
      if (at !== undefined) this.take(Number(at));
    });
  }

  get text(): string {
    return this.field.value;
  }

  set text(text: string) {
    this.field.value = text;
    this.errorAt = null;
    this.close();
    this.draw();
  }

  /** Underlines the place of an error, offset from 0; null takes the line away. */
  showError(offset: number | null): void {
    this.errorAt = offset;
    this.draw();
  }

  /** Puts the cursor there. */
  goTo(offset: number): void {
    this.field.focus();
    this.field.setSelectionRange(offset, offset);
  }

  private key(e: KeyboardEvent): void {
    if (e.key === "Enter" && (e.ctrlKey || e.metaKey)) {
      e.preventDefault();
      this.close();
      this.options.onRun(e.shiftKey);
    } else if (e.key.toLowerCase() === "s" && (e.ctrlKey || e.metaKey)) {
      e.preventDefault();
      this.options.onSave();
    } else if (e.key === " " && e.ctrlKey) {
      e.preventDefault();
      this.open();
    } else if (this.completion) this.keyInList(e);
  }

  private keyInList(e: KeyboardEvent): void {
    const count = this.completion!.options.length;
    if (e.key === "ArrowDown" || e.key === "ArrowUp") {
      this.chosen = (this.chosen + (e.key === "ArrowDown" ? 1 : count - 1)) % count;
      this.drawList();
    } else if (e.key === "Enter" || e.key === "Tab") this.take(this.chosen);
    else if (e.key === "Escape") {
      this.close();
      e.stopPropagation();
    } else return;
    e.preventDefault();
  }

  /** @param quiet After a space or comma only a list that says something new is shown, not every property there is. */
  private open(quiet = false): void {
    const cursor = this.field.selectionStart;
    const completion = this.options.complete(this.text, cursor);
    const typed = this.text.slice(completion.from, cursor);
    const isDone = completion.options.length === 1 && completion.options[0]!.insert.trim() === typed;
    if (completion.options.length === 0 || isDone || (quiet && completion.options.length > 12)) return this.close();
    this.completion = completion;
    this.chosen = 0;
    this.drawList();
    this.list.hidden = false;
    this.field.setAttribute("aria-expanded", "true");
    this.place(completion.from);
  }

  private close(): void {
    this.completion = null;
    this.list.hidden = true;
    this.field.setAttribute("aria-expanded", "false");
  }

  private take(index: number): void {
    const option = this.completion?.options[index];
    if (!option || !this.completion) return;
    const { from, to } = this.completion;
    const after = this.text.slice(to);
    const insert = option.insert.endsWith(" ") && after.startsWith(" ") ? option.insert.trimEnd() : option.insert;
    this.field.setRangeText(insert, from, to, "end");
    this.close();
    this.errorAt = null;
    this.draw();
    this.options.onInput(this.text);
    if (insert.endsWith("(") || insert.endsWith("[")) this.open();
  }

  private draw(): void {
    const { text } = this;
    const wrong = this.errorAt === null ? null : errorSpan(text, this.errorAt);
    const parts: (Node | string)[] = [];
    let at = 0;
    const plain = (to: number): void => {
      if (to > at) parts.push(text.slice(at, to));
      at = Math.max(at, to);
    };
    for (const token of tokensOf(text)) {
      plain(token.from);
      const isWrong = wrong !== null && token.from < wrong.to && token.to > wrong.from;
      const kind = token.kind === "word" ? (isFunction(token.text) && text[token.to] === "(" ? "function" : isKeyword(token.text) ? "word" : null) : token.kind === "open" ? "text" : token.kind === "text" || token.kind === "number" || token.kind === "system" ? token.kind : null;
      const piece = kind === null ? token.text : h("span", { class: `code-${kind}` }, token.text);
      parts.push(isWrong ? h("mark", {}, piece) : piece);
      at = token.to;
    }
    plain(text.length);
    parts.push(wrong && text.length === 0 ? h("mark", {}, " ") : "\n");
    replace(this.mirror, parts);
    this.mirror.scrollTop = this.field.scrollTop;
  }

  private drawList(): void {
    replace(this.list, (this.completion?.options ?? []).map((o, i) =>
      h("li", { role: "option", "data-at": i, "data-kind": o.kind, "aria-selected": i === this.chosen ? "true" : "false" }, h("span", { class: "mono" }, o.shown), h("span", { class: "soft" }, o.detail))));
    const chosen = this.list.children[this.chosen] as HTMLElement | undefined;
    chosen?.scrollIntoView({ block: "nearest" });
  }

  /** Lays the list under the character at the offset, measured in a copy of the text. */
  private place(offset: number): void {
    const range = document.createRange();
    const walker = document.createTreeWalker(this.mirror, NodeFilter.SHOW_TEXT);
    let left = offset;
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      const length = node.textContent?.length ?? 0;
      if (left <= length) {
        range.setStart(node, left);
        range.setEnd(node, left);
        break;
      }
      left -= length;
    }
    const at = range.getBoundingClientRect();
    const box = this.element.getBoundingClientRect();
    const x = at.height > 0 ? at.left - box.left : 8;
    const y = at.height > 0 ? at.bottom - box.top : 24;
    this.list.style.left = `${Math.max(0, Math.min(x - 8, box.width - 380))}px`;
    this.list.style.top = `${y + 2}px`;
  }
}
