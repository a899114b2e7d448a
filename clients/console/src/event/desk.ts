import type { Crowd, SpaceConnection } from "twin-sdk";
import { asApiError } from "../live/world";
import { h, replace, setText } from "../ui/dom";
import { Rates } from "./rates";
import type { SpaceAnswer, SpacePersonRow, SpacesApi } from "./spaces";

/** The host's desk: how many are here, where they are, how the line is, and what a moderator may do. Hidden until the silo shows who is kept out, which it does to hosts, moderators and administrators only; read each two seconds from then on. */
export class Desk {
  readonly element = h("section", { class: "event-desk", "aria-label": "Host's desk", "data-test": "event-desk" });
  private readonly heat = h("canvas", { class: "event-heat", width: 240, height: 180, role: "img", "aria-label": "Where people are" });
  private readonly figures = h("dl", { class: "event-figures" });
  private readonly list = h("div", { class: "event-people", role: "list" });
  private readonly out = h("div", { class: "event-people", role: "list", "aria-label": "Kept out" });
  private readonly say = h("div", { class: "soft", role: "status" });
  private readonly fold = h("button", { class: "quiet", onclick: () => this.setFolded(!this.isFolded) }, "Less");
  private readonly freeze = h("button", { onclick: () => void this.act("freeze", "", this.space?.frozen ? 0 : 3600) }, "Freeze");
  private readonly slow = h("button", { onclick: () => void this.act("slowChat", "", this.space?.slowChatSeconds ? 0 : 10) }, "Slow chat");
  private timer = 0;
  private space: SpaceAnswer | null = null;
  private isFolded = false;
  private isGone = false;
  private mayList = true;
  private crowd: Crowd | null = null;
  private readonly rates = new Rates();
  quality = "everything at full rate";

  constructor(private readonly id: string, private readonly api: SpacesApi, private readonly connection: () => SpaceConnection | null, private readonly colour: () => string) {
    this.element.hidden = true;
    this.element.append(h("header", {}, h("h2", {}, "Host's desk"), this.fold), this.figures, this.heat, h("div", { class: "event-row" }, this.freeze, this.slow), this.say, this.list, this.out);
    this.setFolded(matchMedia("(max-width: 700px)").matches); // on a phone the world comes first
    void this.read();
  }

  dispose(): void {
    this.isGone = true;
    clearInterval(this.timer);
    this.element.remove();
  }

  take(crowd: Crowd): void {
    this.crowd = crowd;
    this.paint();
  }

  private async read(): Promise<void> {
    try {
      const space = await this.api.one(this.id);
      if (space.banned === undefined || this.isGone) return;
      if (this.timer === 0) this.timer = window.setInterval(() => void this.read(), 2000);
      [this.space, this.element.hidden] = [space, false];
      setText(this.freeze, space.frozen ? "Let go on" : "Freeze");
      setText(this.slow, space.slowChatSeconds ? "Chat freely" : "Slow chat");
      this.showKeptOut(space.banned);
      setText(this.say, "");
      if (this.mayList) this.show(await this.people());
    } catch (error) {
      setText(this.say, asApiError(error).detail);
    }
    this.measure();
  }

  /** Who is here; nobody once the silo has said that this is for administrators. */
  private async people(): Promise<SpacePersonRow[] | null> {
    try {
      return await this.api.people(this.id);
    } catch (error) {
      if (asApiError(error).status !== 403) throw error;
      this.mayList = false;
      return null;
    }
  }

  private setFolded(isFolded: boolean): void {
    this.isFolded = isFolded;
    this.element.classList.toggle("is-folded", isFolded);
    setText(this.fold, isFolded ? "More" : "Less");
    this.fold.setAttribute("aria-expanded", String(!isFolded));
  }

  private measure(): void {
    const c = this.connection();
    const rates = this.rates.of(c, performance.now());
    const inCrowd = this.crowd?.tiles.reduce((sum, t) => sum + t.count, 0) ?? 0;
    const rings = c ? c.view.slots.reduce((sum, s) => (s ? (s.ring === 0 ? [sum[0]! + 1, sum[1]!] : [sum[0]!, sum[1]! + 1]) : sum), [0, 0]) : [0, 0];
    const rows: [string, string][] = [
      ["In the space", `${inCrowd} of ${this.space?.definition.capacity ?? "–"}`], ["Near, full rate", String(rings[0])], ["Middle, quarter rate", String(rings[1])],
      ["Round trip", c?.roundTripMs === undefined ? "–" : `${c.roundTripMs.toFixed(1)} ms`], ["Frames", rates ? `${rates.frames.toFixed(1)} /s` : "–"], ["Received", rates ? `${(rates.bytes / 1000).toFixed(2)} kB/s` : "–"], ["Silo", this.quality],
    ];
    replace(this.figures, ...rows.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
  }

  private showKeptOut(banned: Record<string, string>): void {
    const rows = Object.entries(banned).filter(([, until]) => Date.parse(until) > Date.now()).sort(([a], [b]) => a.localeCompare(b)).slice(0, 60);
    replace(this.out, ...rows.map(([user, until]) => h("div", { class: "event-person", role: "listitem" },
      h("span", { class: "soft", title: new Date(until).toLocaleString() }, `${user}, kept out`), h("span", { class: "grow" }), h("button", { class: "quiet", onclick: () => void this.act("ban", user, 0) }, "Let in"))));
  }

  private show(people: SpacePersonRow[] | null): void {
    if (people === null) return replace(this.list, h("div", { class: "soft" }, "The list of people is for administrators."));
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
