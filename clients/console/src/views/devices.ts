import "./devices.css";
import { ageText, numberText } from "../format";
import { asApiError } from "../live/world";
import { compareValues } from "../table/columns";
import { DataTable } from "../table/dataTable";
import type { App, View } from "../ui/app";
import { copyable } from "../ui/copyable";
import { h, replace, setText } from "../ui/dom";
import { DEVICE_STATES, readDevices, standingOf, type DeviceRow } from "./deviceList";
import { DevicePanel } from "./devicePanel";

export const view = (app: App): View => new DevicesView(app);

const PAGE = 200;
const MOST = 1000;
const AGAIN_MS = 5000;

/** The devices behind the twins: who is connected, who is silent, what is wished of them, and commands. */
class DevicesView implements View {
  readonly element: HTMLElement;
  private readonly search = h("input", { type: "search", placeholder: "Id begins with…", "aria-label": "Id begins with", "data-test": "device-search" });
  private readonly state = h("select", { "aria-label": "Standing", "data-test": "device-filter" }, h("option", { value: "" }, "any standing"), DEVICE_STATES.map((s) => h("option", { value: s }, s)));
  private readonly status = h("span", { class: "soft tabular", role: "status", "data-test": "device-count" });
  private readonly more = h("button", { hidden: true, onclick: () => void this.readMore() }, `Show ${PAGE} more`);
  private readonly empty = h("div", { class: "devices-empty", hidden: true });
  private readonly table: DataTable<DeviceRow>;
  private readonly panel: DevicePanel;
  private readonly off: (() => void)[] = [];
  private rows: DeviceRow[] = [];
  private next: string | null = null;
  private run = 0;
  private timer: ReturnType<typeof setTimeout> | null = null;

  constructor(private readonly app: App) {
    const { router, world } = app;
    this.table = new DataTable<DeviceRow>({ label: "Devices", keyOf: (d) => d.id, onSelect: (id) => this.open(id) });
    this.panel = new DevicePanel(app, () => this.open(null));
    this.search.value = router.get("prefix") ?? "";
    this.state.value = router.get("state") ?? "";
    this.search.addEventListener("input", () => {
      router.set("prefix", this.search.value.trim());
      void this.read();
    });
    this.state.addEventListener("change", () => {
      router.set("state", this.state.value);
      void this.read();
    });
    this.element = h("div", { class: "devices-view", "data-test": "devices" },
      h("div", { class: "devices-bar" }, this.search, this.state, this.status, this.more), h("div", { class: "devices-list" }, this.empty, this.table.element), this.panel.element);
    this.off.push(router.onRoute.on((r) => r.view === "devices" && this.open(r.settings["device"] ?? null)), world.onScene.on(() => {
      this.panel.knowModels();
      void this.read();
    }));
    this.open(router.get("device"));
    void this.read();
  }

  dispose(): void {
    this.run++;
    if (this.timer) clearTimeout(this.timer);
    this.panel.end();
    for (const off of this.off) off();
  }

  private open(id: string | null): void {
    this.app.router.set("device", id);
    this.panel.show(id);
    this.table.setSelected(id);
    this.element.classList.toggle("has-panel", id !== null);
  }

  private async read(): Promise<void> {
    const run = ++this.run;
    if (this.timer) clearTimeout(this.timer);
    const prefix = this.search.value.trim();
    try {
      let page = await readDevices(this.app.api, prefix, this.state.value, null, Math.min(MOST, Math.max(PAGE, this.rows.length)));
      // With a filter a page may be empty while there are more: go on until there is something to show.
      while (page.rows.length === 0 && page.next !== null && run === this.run) page = await readDevices(this.app.api, prefix, this.state.value, page.next, PAGE);
      if (run !== this.run) return;
      if (!page.isListed) return this.showTwins(prefix);
      this.rows = page.rows;
      this.next = page.next;
      this.draw(prefix);
    } catch (error) {
      if (run !== this.run) return;
      setText(this.status, asApiError(error).detail);
    }
    if (run === this.run) this.timer = setTimeout(() => void this.read(), AGAIN_MS);
  }

  private async readMore(): Promise<void> {
    const run = this.run;
    if (this.next === null) return;
    const page = await readDevices(this.app.api, this.search.value.trim(), this.state.value, this.next, PAGE);
    if (run !== this.run) return;
    this.rows = [...this.rows, ...page.rows];
    this.next = page.next;
    this.draw(this.search.value.trim());
  }

  /** A silo without a list of devices: the twins with a place, whose standing is read when one is chosen. */
  private showTwins(prefix: string): void {
    const rows: DeviceRow[] = [];
    const nothing = { registered: null, connected: null, stale: null, disabled: null, lastSeen: null, connection: null, behindEdge: null, desiredVersion: null };
    for (const id of [...(this.app.world.table?.ids ?? [])].sort()) {
      if (id.startsWith(prefix)) rows.push({ id, ...nothing });
      if (rows.length >= MOST) break;
    }
    this.rows = rows;
    this.next = null;
    this.draw(prefix);
    setText(this.status, `${numberText(rows.length)} twins; this silo does not list its devices, choose one to read its standing`);
  }

  private draw(prefix: string): void {
    const now = Date.now();
    const text = (title: string, characters: number, of: (d: DeviceRow) => string | null, cell?: (d: DeviceRow) => string | Node): { title: string; isNumber: boolean; characters: number; cell: (d: DeviceRow) => string | Node; compare: (a: DeviceRow, b: DeviceRow, descending: boolean) => number } =>
      ({ title, isNumber: false, characters, cell: cell ?? ((d) => of(d) ?? "–"), compare: (a, b, descending) => compareValues(of(a), of(b), descending) });
    this.table.setColumns([
      text("device", Math.max(14, ...this.rows.slice(0, 300).map((d) => d.id.length)), (d) => d.id),
      text("standing", 14, (d) => standingOf(d).word, (d) => h("span", { class: standingOf(d).tone }, standingOf(d).word)),
      { title: "last seen", isNumber: true, characters: 12, cell: (d) => (d.lastSeen === null ? "–" : `${ageText(now - Date.parse(d.lastSeen))} ago`), compare: (a, b, descending) => compareValues(a.lastSeen, b.lastSeen, !descending) },
      text("stale", 5, (d) => (d.stale === null ? null : d.stale ? "yes" : "no")),
      { title: "desired version", isNumber: true, characters: 8, cell: (d) => (d.desiredVersion === null ? "–" : String(d.desiredVersion)), compare: (a, b, descending) => compareValues(a.desiredVersion, b.desiredVersion, descending) },
      text("connection", 24, (d) => d.connection),
    ]);
    this.table.setRows(this.rows, true);
    this.table.setSelected(this.app.router.get("device"));
    this.more.hidden = this.next === null;
    setText(this.status, `${numberText(this.rows.length)} ${this.rows.length === 1 ? "device" : "devices"}${this.next === null ? "" : ", more exist"}`);
    this.empty.hidden = this.rows.length > 0;
    this.table.element.hidden = this.rows.length === 0;
    if (this.rows.length === 0) this.drawEmpty(prefix);
  }

  private drawEmpty(prefix: string): void {
    replace(this.empty, h("h1", {}, prefix || this.state.value ? "No device is like that" : "No device yet"),
      h("div", {}, "A device is registered once; the answer has its secret, with which it connects to the broker:"), copyable(`curl -X PUT ${location.origin}/devices/${prefix || "lamp-00001"}`),
      prefix ? h("button", { class: "link", onclick: () => this.open(prefix) }, `Look at ${prefix} all the same`) : null);
  }
}
