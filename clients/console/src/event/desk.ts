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
  private readonly freeze = h("button", { onclick: () => void this.act("freeze", "", this.isFrozenAt(this.cell) ? 0 : 3600, this.cell ?? undefined) }, "Freeze");
  private readonly where = h("select", { "aria-label": "Which cell to freeze", title: "A part of the space: choose it here or on the map", onchange: () => this.choose(this.where.value === "" ? null : Number(this.where.value)) });
  private readonly slow = h("button", { onclick: () => void this.act("slowChat", "", this.space?.slowChatSeconds ? 0 : 10) }, "Slow chat");
  private timer = 0;
  private space: SpaceAnswer | null = null;
  private isFolded = false;
  private isGone = false;
  private mayList = true;
  private cell: number | null = null;
  private crowd: Crowd | null = null;
  private readonly rates = new Rates();
  quality = "everything at full rate";

  constructor(private readonly id: string, private readonly api: SpacesApi, private readonly connection: () => SpaceConnection | null, private readonly colour: () => string) {
    this.element.hidden = true;
    this.element.append(h("header", {}, h("h2", {}, "Host's desk"), this.fold), this.figures, this.heat, h("div", { class: "event-row" }, this.where, this.freeze, this.slow), this.say, this.list, this.out);
    this.setFolded(matchMedia("(max-width: 700px)").matches); // on a phone the world comes first
    this.heat.addEventListener("click", (e) => this.choose(this.cellAt(e)));
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
      this.showCells();
      setText(this.slow, space.slowChatSeconds ? "Chat freely" : "Slow chat");
      this.showKeptOut(space.banned);
      setText(this.say, "");
      if (this.mayList) this.show(await this.people());
    } catch (error) {
      setText(this.say, asApiError(error).detail);
    }
    this.measure();
  }

  /** Who is here; nobody once the silo has said that this is not for us. */
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
      ["In the space", `${inCrowd} of ${this.space?.definition.capacity ?? "–"}`], ["Waiting in the line", String(this.space?.waiting ?? "–")], ["Near, full rate", String(rings[0])], ["Middle, quarter rate", String(rings[1])],
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
    if (people === null) return replace(this.list, h("div", { class: "soft" }, "The list of people is for hosts, moderators and administrators."));
    const rows = [...people].sort((a, b) => b.refused - a.refused || a.name.localeCompare(b.name)).slice(0, 60);
    replace(this.list, ...(rows.length === 0 ? [h("div", { class: "soft" }, "Nobody is connected here.")] : rows.map((p) => h("div", { class: "event-person", role: "listitem" },
      h("span", { class: p.connected ? "" : "soft", title: p.user }, p.name), p.refused > 0 ? h("span", { class: "event-refused", title: "Inputs refused: against the rules of movement" }, String(p.refused)) : null,
      h("span", { class: "grow" }),
      h("button", { class: "quiet", onclick: () => void this.act("mute", p.user, p.muted ? 0 : 600) }, p.muted ? "Unmute" : "Mute"),
      h("button", { class: "quiet", onclick: () => void this.act("kick", p.user, 0) }, "Send out"),
      h("button", { class: "quiet", onclick: () => void this.act("ban", p.user, 86_400), title: "For a day" }, "Keep out")))));
  }

  private async act(act: string, user: string, seconds: number, cell?: number): Promise<void> {
    try {
      await this.api.moderate(this.id, act, user, seconds, cell);
    } catch (error) {
      return setText(this.say, asApiError(error).detail);
    }
    await this.read();
  }

  private isFrozenAt(cell: number | null): boolean {
    return this.space !== null && (cell === null ? this.space.frozen : this.space.frozen || this.space.frozenCells.includes(cell));
  }

  private choose(cell: number | null): void {
    this.cell = cell;
    this.showCells();
  }

  /** What can be frozen: the space, or one of its cells where it has several. */
  private showCells(): void {
    const { space } = this;
    if (!space) return;
    const across = space.definition.cellsAcross;
    this.where.hidden = across === 1;
    if (this.where.options.length !== across * across + 1) {
      replace(this.where, h("option", { value: "" }, "Everywhere"), ...Array.from({ length: across * across }, (_, i) => h("option", { value: String(i) }, `Row ${Math.floor(i / across) + 1}, column ${(i % across) + 1}`)));
    }
    this.where.value = this.cell === null ? "" : String(this.cell);
    setText(this.freeze, this.isFrozenAt(this.cell) ? "Let go on" : "Freeze");
    this.freeze.toggleAttribute("disabled", this.cell !== null && space.frozen);
    this.paint();
  }

  /** The cell under the pointer; null for the whole where there is one only, or when it was chosen already. */
  private cellAt(at: MouseEvent): number | null {
    const size = this.mapSize();
    const across = this.space?.definition.cellsAcross ?? 1;
    if (!size || across === 1) return null;
    const scale = this.heat.width / this.heat.clientWidth;
    const x = Math.floor((at.offsetX * scale * across) / size.width);
    const z = Math.floor(((this.heat.height - at.offsetY * scale) * across) / size.depth);
    const cell = z * across + x;
    return x < 0 || z < 0 || x >= across || z >= across || cell === this.cell ? null : cell;
  }

  /** How large the space is on the map, in its pixels. */
  private mapSize(): { width: number; depth: number; tile: number } | null {
    const { crowd, space } = this;
    if (!crowd || !space) return null;
    const tile = Math.min(this.heat.width / crowd.columns, this.heat.height / crowd.rows);
    const perMetre = Math.min((crowd.columns * tile) / space.definition.width, (crowd.rows * tile) / space.definition.depth);
    return { width: space.definition.width * perMetre, depth: space.definition.depth * perMetre, tile };
  }

  private paintCells(pen: CanvasRenderingContext2D): void {
    const size = this.mapSize();
    const across = this.space?.definition.cellsAcross ?? 1;
    if (!size || across === 1) return;
    const [w, d] = [size.width / across, size.depth / across];
    pen.strokeStyle = pen.fillStyle = this.colour();
    for (let i = 0; i < across * across; i++) {
      const [x, y] = [(i % across) * w, this.heat.height - (Math.floor(i / across) + 1) * d];
      [pen.globalAlpha, pen.lineWidth] = [i === this.cell ? 1 : 0.25, i === this.cell ? 2 : 1];
      pen.strokeRect(x + 0.5, y + 0.5, w - 1, d - 1);
      if (!this.isFrozenAt(i)) continue;
      pen.globalAlpha = 0.6; // hatched
      pen.lineWidth = 1;
      pen.save();
      pen.beginPath();
      pen.rect(x, y, w, d);
      pen.clip();
      pen.beginPath();
      for (let s = -d; s < w; s += 6) {
        pen.moveTo(x + s, y + d);
        pen.lineTo(x + s + d, y);
      }
      pen.stroke();
      pen.restore();
    }
    pen.globalAlpha = 1;
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
    this.paintCells(pen);
  }
}
