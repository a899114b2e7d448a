import type { Crowd, SpaceConnection } from "twin-sdk";
import { asApiError } from "../live/world";
import { h, replace, setText } from "../ui/dom";
import type { SpaceAnswer, SpacePersonRow, SpacesApi } from "./spaces";

/** The host's desk: how many are here, where they are, how the line is, and what a moderator may do. Read each two seconds while open. */
export class Desk {
  readonly element = h("section", { class: "event-desk", "aria-label": "Host's desk", "data-test": "event-desk" });
  private readonly heat = h("canvas", { class: "event-heat", width: 240, height: 180, role: "img", "aria-label": "Where people are" });
  private readonly figures = h("dl", { class: "event-figures" });
  private readonly list = h("div", { class: "event-people", role: "list" });
  private readonly say = h("div", { class: "soft", role: "status" });
  private readonly freeze = h("button", { onclick: () => void this.act("freeze", "", this.space?.frozen ? 0 : 3600) }, "Freeze");
  private readonly slow = h("button", { onclick: () => void this.act("slowChat", "", this.space?.slowChatSeconds ? 0 : 10) }, "Slow chat");
  private timer = 0;
  private space: SpaceAnswer | null = null;
  private crowd: Crowd | null = null;
  private last = { at: 0, bytes: 0, frames: 0 };
  quality = "everything at full rate";

  constructor(private readonly id: string, private readonly api: SpacesApi, private readonly connection: () => SpaceConnection | null, private readonly colour: () => string) {
    this.element.append(h("h2", {}, "Host's desk"), this.figures, this.heat, h("div", { class: "event-row" }, this.freeze, this.slow), this.say, this.list);
    this.timer = window.setInterval(() => void this.read(), 2000);
    void this.read();
  }

  dispose(): void {
    clearInterval(this.timer);
    this.element.remove();
  }

  take(crowd: Crowd): void {
    this.crowd = crowd;
    this.paint();
  }

  private async read(): Promise<void> {
    try {
      const [space, people] = await Promise.all([this.api.one(this.id), this.api.people(this.id)]);
      this.space = space;
      setText(this.freeze, space.frozen ? "Let go on" : "Freeze");
      setText(this.slow, space.slowChatSeconds ? "Chat freely" : "Slow chat");
      this.show(people);
      setText(this.say, "");
    } catch (error) {
      setText(this.say, asApiError(error).detail);
    }
    this.measure();
  }

  private measure(): void {
    const c = this.connection();
    const now = performance.now();
    const seconds = (now - this.last.at) / 1000;
    const [frames, bytes] = c && this.last.at ? [(c.frames - this.last.frames) / seconds, (c.bytesIn - this.last.bytes) / seconds] : [0, 0];
    this.last = { at: now, bytes: c?.bytesIn ?? 0, frames: c?.frames ?? 0 };
    const inCrowd = this.crowd?.tiles.reduce((sum, t) => sum + t.count, 0) ?? 0;
    const rings = c ? c.view.slots.reduce((sum, s) => (s ? (s.ring === 0 ? [sum[0]! + 1, sum[1]!] : [sum[0]!, sum[1]! + 1]) : sum), [0, 0]) : [0, 0];
    const rows: [string, string][] = [
      ["In the space", `${inCrowd} of ${this.space?.definition.capacity ?? "–"}`], ["Near, full rate", String(rings[0])], ["Middle, quarter rate", String(rings[1])],
      ["Round trip", c?.roundTripMs === undefined ? "–" : `${c.roundTripMs.toFixed(1)} ms`], ["Frames", `${frames.toFixed(1)} /s`], ["Received", `${(bytes / 1000).toFixed(2)} kB/s`], ["Silo", this.quality],
    ];
    replace(this.figures, ...rows.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
  }

  private show(people: SpacePersonRow[]): void {
    const rows = [...people].sort((a, b) => b.refused - a.refused || a.name.localeCompare(b.name)).slice(0, 60);
    replace(this.list, ...(rows.length === 0 ? [h("div", { class: "soft" }, "Nobody is connected here.")] : rows.map((p) => h("div", { class: "event-person", role: "listitem" },
      h("span", { class: p.connected ? "" : "soft", title: p.user }, p.name), p.refused > 0 ? h("span", { class: "event-refused", title: "Inputs refused: against the rules of movement" }, String(p.refused)) : null,
      h("span", { class: "grow" }),
      h("button", { class: "quiet", onclick: () => void this.act("mute", p.user, p.muted ? 0 : 600) }, p.muted ? "Unmute" : "Mute"),
      h("button", { class: "quiet", onclick: () => void this.act("kick", p.user, 0) }, "Send out"),
      h("button", { class: "quiet", onclick: () => void this.act("ban", p.user, 86_400), title: "For a day" }, "Keep out")))));
  }

  private async act(act: string, user: string, seconds: number): Promise<void> {
    try {
      await this.api.moderate(this.id, act, user, seconds);
    } catch (error) {
      return setText(this.say, asApiError(error).detail);
    }
    await this.read();
  }

  private paint(): void {
    const { crowd } = this;
    const pen = this.heat.getContext("2d");
    if (!crowd || !pen) return;
    const { width, height } = this.heat;
    pen.clearRect(0, 0, width, height);
    const size = Math.min(width / crowd.columns, height / crowd.rows);
    const most = Math.max(4, ...crowd.tiles.map((t) => t.count));
    pen.fillStyle = this.colour();
    for (const tile of crowd.tiles) {
      pen.globalAlpha = 0.15 + 0.85 * Math.sqrt(tile.count / most);
      pen.fillRect((tile.index % crowd.columns) * size, height - (Math.floor(tile.index / crowd.columns) + 1) * size, size - 1, size - 1);
    }
    pen.globalAlpha = 1;
  }
}
