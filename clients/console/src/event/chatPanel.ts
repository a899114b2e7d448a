import type { Chat } from "twin-sdk";
import { h, replace } from "../ui/dom";
import { GESTURES } from "./gestures";

const MOST_LINES = 200;

/** Whom one can whisper to. */
export interface Hearer { avatar: number; name: string }

const MOST_HEARERS = 50;

/** What people say, newest below; one line to say something to all, to those near or to one, and what else one can do. */
export class ChatPanel {
  readonly element = h("section", { class: "event-chat", "aria-label": "Chat" });
  onSay: (scope: 0 | 1 | 2, text: string, to: number) => void = () => {};
  onGesture: (number: number) => void = () => {};
  /** Answers whether the hand is up now. */
  onHand: () => boolean = () => false;
  /** Who could hear a whisper, the nearest first; asked when the choice is opened. */
  near: () => Hearer[] = () => [];
  private readonly lines = h("div", { class: "event-lines", role: "log", "aria-live": "polite", "data-test": "event-lines" });
  private readonly scope = h("select", { "aria-label": "Who hears it" }, h("option", { value: "0" }, "Near"), h("option", { value: "1" }, "All"));
  private readonly whispers = h("optgroup", { label: "Only" });
  private readonly hand = h("button", { class: "quiet", type: "button", "aria-pressed": "false", onclick: () => this.hand.setAttribute("aria-pressed", String(this.onHand())) }, "Hand");
  private readonly field = h("input", { type: "text", maxlength: 500, placeholder: "Say something (Enter)", "aria-label": "Say something", "data-test": "event-say" });

  constructor() {
    const form = h("form", { onsubmit: (e: Event) => this.submit(e) }, this.scope, this.field);
    this.scope.append(this.whispers);
    for (const opening of ["focus", "pointerdown"]) this.scope.addEventListener(opening, () => this.fill());
    const row = h("div", { class: "event-row" }, ...GESTURES.map((g) => h("button", { class: "quiet", type: "button", title: `Key ${g.key}`, onclick: () => this.onGesture(g.number) }, g.verb)), this.hand);
    this.element.append(this.lines, form, row);
  }

  get isTyping(): boolean {
    return document.activeElement === this.field;
  }

  focus(): void {
    this.field.focus();
  }

  /** A saying; `to` names who else hears a whisper. */
  add(from: string, chat: Chat, to = "you"): void {
    this.line(h("div", {}, h("b", {}, from), chat.scope === 2 ? ` (only ${to})` : chat.scope === 0 ? " (near)" : "", ": ", chat.text));
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

  /** The choice of one keeps who was chosen, though somebody else is nearer now. */
  private fill(): void {
    const chosen = this.scope.selectedOptions[0];
    const hearers = this.near().slice(0, MOST_HEARERS).map((one) => ({ value: `2:${one.avatar}`, name: one.name }));
    if (chosen?.value.startsWith("2:") && !hearers.some((one) => one.value === chosen.value)) hearers.push({ value: chosen.value, name: chosen.text });
    const value = this.scope.value;
    replace(this.whispers, ...hearers.map((one) => h("option", { value: one.value }, one.name)));
    this.scope.value = value;
  }

  private submit(e: Event): void {
    e.preventDefault();
    const text = this.field.value.trim();
    const [scope, to] = this.scope.value.split(":").map(Number);
    if (text) this.onSay(scope as 0 | 1 | 2, text, to ?? 0);
    this.field.value = "";
    this.field.blur();
  }
}
