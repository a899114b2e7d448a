import type { Chat } from "twin-sdk";
import { h } from "../ui/dom";

const MOST_LINES = 200;

/** What people say, newest below; one line to say something. */
export class ChatPanel {
  readonly element = h("section", { class: "event-chat", "aria-label": "Chat" });
  onSay: (scope: 0 | 1 | 2, text: string) => void = () => {};
  private readonly lines = h("div", { class: "event-lines", role: "log", "aria-live": "polite", "data-test": "event-lines" });
  private readonly scope = h("select", { "aria-label": "Who hears it" }, h("option", { value: "0" }, "Near"), h("option", { value: "1" }, "All"));
  private readonly field = h("input", { type: "text", maxlength: 500, placeholder: "Say something (Enter)", "aria-label": "Say something", "data-test": "event-say" });

  constructor() {
    const form = h("form", { onsubmit: (e: Event) => this.submit(e) }, this.scope, this.field);
    this.element.append(this.lines, form);
  }

  get isTyping(): boolean {
    return document.activeElement === this.field;
  }

  focus(): void {
    this.field.focus();
  }

  add(from: string, chat: Chat): void {
    this.line(h("div", {}, h("b", {}, from), chat.scope === 2 ? " (to you)" : chat.scope === 0 ? " (near)" : "", ": ", chat.text));
  }

  notice(text: string): void {
    this.line(h("div", { class: "event-notice" }, text));
  }

  private line(element: HTMLElement): void {
    const isAtEnd = this.lines.scrollTop + this.lines.clientHeight >= this.lines.scrollHeight - 8;
    this.lines.append(element);
    while (this.lines.childElementCount > MOST_LINES) this.lines.firstElementChild!.remove();
    if (isAtEnd) this.lines.scrollTop = this.lines.scrollHeight;
  }

  private submit(e: Event): void {
    e.preventDefault();
    const text = this.field.value.trim();
    if (text) this.onSay(Number(this.scope.value) as 0 | 1, text);
    this.field.value = "";
    this.field.blur();
  }
}
