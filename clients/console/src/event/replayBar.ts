import { h, replace, setText } from "../ui/dom";
import type { Recording } from "./spaces";

/** What was recorded, and where in it one is: a list, a slider over its ticks, speeds. */
export class ReplayBar {
  readonly element = h("div", { class: "event-replay", "data-test": "event-replay" });
  onWatch: (recording: Recording) => void = () => {};
  onSeek: (tick: number, speed: number) => void = () => {};
  onLive: () => void = () => {};
  private readonly slider = h("input", { type: "range", min: 0, max: 1, value: 0, "aria-label": "Time in the recording" });
  private readonly clock = h("span", { class: "event-clock" });
  private readonly play = h("button", { onclick: () => this.go(this.tick, this.speed === 0 ? 1 : 0) }, "Pause");
  private watched: Recording | null = null;
  private tick = 0;
  private speed = 1;
  private isHeld = false;

  constructor() {
    this.slider.addEventListener("pointerdown", () => (this.isHeld = true));
    this.slider.addEventListener("change", () => {
      this.isHeld = false;
      this.go(Number(this.slider.value), this.speed);
    });
    this.slider.addEventListener("input", () => setText(this.clock, this.text(Number(this.slider.value))));
  }

  /** What there is; hidden when there is nothing. */
  list(recordings: Recording[]): void {
    this.element.hidden = recordings.length === 0 && !this.watched;
    if (this.watched) return;
    replace(this.element, h("span", { class: "soft" }, "Recorded"), ...recordings.slice(0, 6).map((r) => h("button", { onclick: () => this.onWatch(r), title: `${r.ticks} ticks, ${(r.bytes / 1e6).toFixed(1)} MB` },
      r.live && r.recording === "live" ? "Last half minute" : new Date(r.from).toLocaleString())));
  }

  watch(recording: Recording): void {
    [this.watched, this.speed] = [recording, 1];
    Object.assign(this.slider, { min: String(recording.firstTick), max: String(recording.lastTick) });
    replace(this.element, h("button", { class: "primary", onclick: () => this.onLive(), "data-test": "event-live" }, "Back to now"), this.play, this.slider, this.clock,
      ...[0.5, 1, 4, 16].map((s) => h("button", { class: "quiet", onclick: () => this.go(this.tick, s) }, `${s}×`)));
    this.at(recording.firstTick, recording.lastTick, recording.firstTick, 1);
  }

  end(): void {
    this.watched = null;
  }

  at(first: number, last: number, tick: number, speed: number): void {
    [this.tick, this.speed] = [tick, speed];
    Object.assign(this.slider, { min: String(first), max: String(last) });
    if (!this.isHeld) {
      this.slider.value = String(tick);
      setText(this.clock, this.text(tick));
    }
    setText(this.play, speed === 0 ? "Play" : "Pause");
  }

  private go(tick: number, speed: number): void {
    this.speed = speed;
    this.onSeek(tick, speed);
  }

  private text(tick: number): string {
    const r = this.watched;
    return r ? new Date(Date.parse(r.from) + ((tick - r.firstTick) / r.tickHz) * 1000).toLocaleTimeString() : "";
  }
}
