import "./event.css";
import { Arena } from "../event/arena";
import { ChatPanel } from "../event/chatPanel";
import { Desk } from "../event/desk";
import { GESTURES } from "../event/gestures";
import { HeldKeys, plain } from "../event/heldKeys";
import { PutBack } from "../event/notices";
import { ReplayBar } from "../event/replayBar";
import { SpacesApi, type Recording, type SpaceAnswer } from "../event/spaces";
import { Visit } from "../event/visit";
import { asApiError } from "../live/world";
import type { App, View } from "../ui/app";
import { copyable } from "../ui/copyable";
import { h, replace, setText } from "../ui/dom";
import type { State } from "twin-sdk";

export const view = (app: App): View => new EventView(app);

/** A place that people share: walk in it, see thousands, talk, and keep order in it. */
class EventView implements View {
  readonly element = h("div", { class: "event-view", "data-test": "event" });
  private readonly api: SpacesApi;
  private readonly off: (() => void)[] = [];
  private visit: Visit | null = null;
  private desk: Desk | null = null;
  private recordingsTimer = 0;
  private readonly held = new HeldKeys();

  constructor(private readonly app: App) {
    this.api = new SpacesApi(app.api);
    const down = (e: KeyboardEvent): void => this.key(e, true);
    const up = (e: KeyboardEvent): void => this.key(e, false);
    addEventListener("keydown", down, true);
    addEventListener("keyup", up, true);
    const away = (): void => this.stop();
    addEventListener("blur", away);
    addEventListener("focusin", this.inField);
    this.off.push(() => removeEventListener("keydown", down, true), () => removeEventListener("keyup", up, true), () => removeEventListener("blur", away), () => removeEventListener("focusin", this.inField), app.themes.onChange.on((theme) => this.visit?.setTheme(theme)));
    void this.choose();
  }

  dispose(): void {
    this.leave();
    for (const off of this.off) off();
  }

  /** Keys that are let go in a field or in another window are not heard of here. */
  private readonly inField = (e: FocusEvent): void => {
    if (e.target instanceof Element && e.target.matches("input, textarea, select")) this.stop();
  };

  private stop(): void {
    if (this.held.clear() && this.visit) this.visit.walker.push = [0, 0];
  }

  private leave(): void {
    clearInterval(this.recordingsTimer);
    this.desk?.dispose();
    this.visit?.dispose();
    [this.desk, this.visit] = [null, null];
    this.held.clear();
  }

  private async choose(): Promise<void> {
    this.leave();
    replace(this.element, h("div", { class: "event-join", role: "status" }, "Looking for spaces…"));
    try {
      const ids = await this.api.list();
      if (ids.length === 0) return this.offer();
      const spaces = await Promise.all(ids.slice(0, 50).map((id) => this.api.one(id)));
      const asked = this.app.router.get("space");
      const choice = h("select", { "data-test": "event-space" }, ...spaces.map((s) => h("option", { value: s.id, selected: s.id === asked }, s.definition.title ? `${s.definition.title} (${s.id})` : s.id)));
      const name = h("input", { type: "text", maxlength: 64, value: localStorage.getItem("twin-name") ?? "", placeholder: "Visitor", autocomplete: "nickname", "data-test": "event-name" });
      const form = h("form", {
        onsubmit: (e: Event) => {
          e.preventDefault();
          localStorage.setItem("twin-name", name.value);
          void this.enter(spaces.find((s) => s.id === choice.value)!, name.value.trim());
        },
      }, h("label", {}, "Space", choice), h("label", {}, "Your name", name), h("button", { class: "primary", type: "submit", "data-test": "event-enter" }, "Come in"));
      replace(this.element, h("div", { class: "event-join" }, h("h1", {}, "Come in"), form, h("div", { class: "event-keys" }, "Walk with W A S D or the arrows, run with Shift, turn by dragging, or click where to go. C talks; V, B and N wave, clap and cheer.")));
    } catch (error) {
      replace(this.element, h("div", { class: "event-join", role: "alert" }, h("h1", {}, "Spaces could not be read"), h("div", {}, asApiError(error).detail), h("button", { class: "primary", onclick: () => void this.choose() }, "Try again")));
    }
  }

  private offer(): void {
    const say = h("div", { class: "soft", role: "status" });
    const make = async (): Promise<void> => {
      try {
        await this.api.create("lobby", { title: "Lobby", width: 80, depth: 60, capacity: 2000, recording: "last30s" });
        await this.choose();
      } catch (error) {
        setText(say, asApiError(error).detail);
      }
    };
    replace(this.element, h("div", { class: "event-join" }, h("h1", {}, "No space yet"), h("div", {}, "A space is a place that people share. A concert with 500 guests comes with:"),
      copyable("dotnet run -c Release --project silos/Twin.Silo -- --scenario event"), h("button", { class: "primary", onclick: () => void make(), "data-test": "event-make" }, "Make an empty lobby"), say));
  }

  private async enter(space: SpaceAnswer, name: string): Promise<void> {
    this.app.router.set("space", space.id);
    const { theme } = this.app.themes;
    const [dot, what] = [h("span", { class: "dot" }), h("span", { class: "soft", role: "status", "data-test": "event-state" })];
    const again = h("button", { hidden: true, onclick: () => void this.choose() }, "Other space");
    const arena = new Arena(theme);
    arena.show(space.definition, theme);
    const [chat, bar] = [new ChatPanel(), new ReplayBar()];
    const nameOf = (avatar: number): string => (avatar === visit.connection?.welcome?.avatar ? "You" : visit.connection?.people.get(avatar)?.name || `Avatar ${avatar}`);
    const putBack = new PutBack();
    const visit = new Visit(space.id, space.definition, arena, {
      chat: (c) => chat.add(nameOf(c.from), c, c.to === visit.connection?.welcome?.avatar ? "you" : nameOf(c.to)),
      refused: (_, text) => chat.notice(text),
      moderation: (_, text) => chat.notice(text),
      quality: (_, text) => {
        if (this.desk) this.desk.quality = text;
      },
      corrected: ({ cause }) => {
        const words = putBack.words(cause, performance.now());
        if (words) chat.notice(words);
      },
      replay: (first, last, tick, speed) => bar.at(first, last, tick, speed),
    });
    this.visit = visit;
    const desk = (this.desk = new Desk(space.id, this.api, () => visit.connection, () => this.app.themes.theme.accent));
    visit.onCrowd = (crowd) => desk.take(crowd);
    visit.onState = (state) => {
      dot.dataset["state"] = state.kind;
      setText(what, visit.isReplay && state.kind === "here" ? "watching a recording" : wordsOf(state));
      again.hidden = state.kind !== "ended";
    };
    chat.onSay = (scope, text, to) => {
      if (!visit.connection?.chat(scope, text, to)) chat.notice("Nobody heard this: there is no connection for the moment.");
    };
    chat.onGesture = (number) => visit.gesture.start(number, performance.now());
    chat.onHand = () => visit.gesture.toggleHand();
    chat.near = () => visit.near();
    bar.onWatch = (r) => void this.watch(space, r, bar, chat);
    bar.onSeek = (tick, speed) => visit.connection?.seek(tick, speed);
    bar.onLive = () => {
      bar.end();
      void this.come(visit, name, chat);
      void this.recordings(space.id, bar);
    };
    for (const [part, extra] of [[chat.element, ""], [bar.element, ""], [desk.element, ""]] as const) part.classList.add("event-panel", ...(extra ? [extra] : []));
    replace(this.element, arena.element, h("div", { class: "event-panel event-state" }, dot, h("h1", {}, space.definition.title ?? space.id), what, again, h("button", { class: "quiet", onclick: () => void this.choose() }, "Leave")), desk.element, chat.element, bar.element, this.stick(visit));
    arena.canvas.focus();
    this.recordingsTimer = window.setInterval(() => void this.recordings(space.id, bar), 5000);
    void this.recordings(space.id, bar);
    await this.come(visit, name, chat);
  }

  private async come(visit: Visit, name: string, chat: ChatPanel): Promise<void> {
    try {
      await visit.enter(this.app.api.token, name);
    } catch (error) {
      if (this.visit !== visit) return;
      visit.onState({ kind: "ended", code: 0, why: error instanceof Error ? error.message : String(error) });
      chat.notice(error instanceof Error ? error.message : String(error));
    }
  }

  private async recordings(id: string, bar: ReplayBar): Promise<void> {
    try {
      bar.list(await this.api.recordings(id));
    } catch {
      bar.list([]); // not for this caller, or nothing is recorded
    }
  }

  private async watch(space: SpaceAnswer, recording: Recording, bar: ReplayBar, chat: ChatPanel): Promise<void> {
    try {
      this.visit?.watch(await this.api.watch(space.id, recording.recording, recording.firstTick, 1));
      bar.watch(recording);
    } catch (error) {
      chat.notice(asApiError(error).detail);
    }
  }

  private key(e: KeyboardEvent, isDown: boolean): void {
    const { visit } = this;
    if (!isDown && this.held.set(e.key, false) && visit) visit.walker.push = this.held.push; // wherever the focus is by now
    const target = e.target as HTMLElement;
    if (!visit || ["INPUT", "TEXTAREA", "SELECT"].includes(target.tagName) || e.ctrlKey || e.metaKey || e.altKey) return;
    visit.walker.isRunning = e.shiftKey;
    const key = plain(e.key);
    if (key === "c" && isDown) {
      e.preventDefault();
      this.element.querySelector<HTMLInputElement>(".event-chat input")?.focus();
    }
    const gesture = GESTURES.find((g) => g.key === key);
    if (gesture && isDown && !e.repeat) visit.gesture.start(gesture.number, performance.now());
    if (!HeldKeys.walks(key)) return;
    e.preventDefault();
    e.stopImmediatePropagation(); // walking is not a command of the console
    if (isDown && this.held.set(key, true)) visit.walker.push = this.held.push;
  }

  /** A stick for thumbs. */
  private stick(visit: Visit): HTMLElement {
    const knob = h("span", {});
    const pad = h("div", { class: "event-stick", "aria-hidden": "true" }, knob);
    const move = (e: PointerEvent): void => {
      const box = pad.getBoundingClientRect();
      let [x, y] = [(e.clientX - box.left) / box.width * 2 - 1, (e.clientY - box.top) / box.height * 2 - 1];
      const size = Math.max(1, Math.hypot(x, y));
      [x, y] = [x / size, y / size];
      knob.style.transform = `translate(${x * 34}px, ${y * 34}px)`;
      visit.walker.push = [-y, x];
    };
    const end = (): void => {
      knob.style.transform = "";
      visit.walker.push = [0, 0];
    };
    pad.addEventListener("pointerdown", (e) => {
      pad.setPointerCapture(e.pointerId);
      move(e);
    });
    pad.addEventListener("pointermove", (e) => {
      if (e.buttons > 0) move(e);
    });
    pad.addEventListener("pointerup", end);
    pad.addEventListener("pointercancel", end);
    return pad;
  }
}

function wordsOf(state: State): string {
  switch (state.kind) {
    case "joining": return "coming in…";
    case "waiting": return `in the line, place ${state.position}`;
    case "opening": return "opening the line…";
    case "here": return "you are here";
    case "lost": return `the line is cut, trying again (${state.tries})`;
    case "ended": return state.why;
  }
}
