import type { KeyStore } from "../api/client";
import { VIEWS, type ViewEntry } from "../views/registry";
import type { Action } from "../live/searchText";
import { AlarmDrawer } from "./alarmDrawer";
import type { App } from "./app";
import { Banner } from "./banner";
import { h, replace, svg } from "./dom";
import { HealthGlyph } from "./healthGlyph";
import { Inspector } from "./inspector";
import { askForKey } from "./keyDialog";
import { showKeys } from "./keyList";
import { LoadCover } from "./loadCover";
import { Search } from "./search";
import { StageHost } from "./stageHost";
import { TimeBar } from "./timeBar";

/** The quiet frame around the world: rail, top field, inspector, time bar. */
export class Frame {
  private readonly main = h("main", { id: "main" });
  private readonly rail = h("nav", { class: "rail", "aria-label": "Views" });
  private readonly cover: LoadCover;
  private readonly stage: StageHost;
  private readonly search: Search;
  private readonly alarms: AlarmDrawer;
  private readonly health: HealthGlyph;
  private readonly inspector: Inspector;

  constructor(host: HTMLElement, private readonly app: App, private readonly keys: KeyStore) {
    this.search = new Search(app, () => this.actions());
    this.alarms = new AlarmDrawer(app);
    this.health = new HealthGlyph(app);
    this.inspector = new Inspector(app);
    const top = h("header", { class: "topbar" }, h("div", { class: "brand" }, "Twin"), this.search.element, h("div", { class: "health" }, this.alarms.button, this.health.button, this.health.popover));
    this.cover = new LoadCover(app);
    this.stage = new StageHost(app, (entry) => this.shown(entry));
    this.main.append(this.stage.element, this.cover.element, this.alarms.element, new Banner(app).element);
    host.append(top, this.rail, this.main, this.inspector.element, new TimeBar(app).element);
    app.router.onRoute.on(() => this.stage.show());
    app.api.onUnauthorised = () => askForKey(this.keys, () => void this.start());
    this.bindKeys();
  }

  async start(): Promise<void> {
    this.stage.show();
    await this.app.world.start();
  }

  private bindKeys(): void {
    const { keys, router, themes, world } = this.app;
    keys.add("/", "/", "Search and commands", () => this.search.focus());
    for (const v of VIEWS) keys.add(v.key, v.key, `Show ${v.title}`, () => router.go(v.name));
    keys.add("a", "a", "Alarms", () => this.alarms.toggle());
    keys.add("h", "h", "How the silos are", () => this.health.toggle());
    keys.add("i", "i", "To the inspector", () => this.inspector.element.focus());
    keys.add("p", "p", "Pause or go on", () => world.setPaused(!world.isPaused));
    keys.add("t", "t", "Light or dark", () => themes.toggle());
    keys.add("?", "?", "These keys", () => showKeys(keys));
    keys.add("Escape", "Esc", "Close the alarms, then the inspector", () => (this.alarms.isOpen ? this.alarms.toggle(false) : this.app.select(null)));
  }

  private actions(): Action[] {
    const { router, themes, world, keys } = this.app;
    const id = this.app.selection.id;
    return [
      ...VIEWS.map((v) => ({ title: `Go to ${v.title}`, detail: v.key, run: () => router.go(v.name) })),
      { title: themes.dark ? "Theme light" : "Theme dark", detail: "t", run: () => themes.toggle() },
      { title: world.isPaused ? "Go on with time" : "Pause time", detail: "p", run: () => world.setPaused(!world.isPaused) },
      { title: "Copy link to this view", detail: "", run: () => void navigator.clipboard?.writeText(location.href).catch(() => {}) },
      { title: "Alarms", detail: "a", run: () => this.alarms.toggle(true) },
      ...(id ? [{ title: "Show selected on map", detail: id, run: () => this.app.showOnMap(id) }, { title: "Graph around selected", detail: id, run: () => this.app.showGraph(id) }] : []),
      { title: "Keys", detail: "?", run: () => showKeys(keys) },
    ];
  }

  private shown(entry: ViewEntry): void {
    document.title = `${entry.title} – Twin`;
    this.cover.setNeeded(entry.needsScene);
    replace(this.rail, ...VIEWS.map((v) =>
      h("a", { href: `#/${v.name}`, "aria-current": v === entry ? "page" : null, title: `${v.title} (${v.key})`, "data-test": `nav-${v.name}`, onclick: (e: MouseEvent) => this.follow(e, v) },
        svg("svg", { viewBox: "0 0 20 20", "aria-hidden": "true" }, svg("path", { d: v.icon })), v.title)),
      h("div", { class: "spacer" }),
      h("button", { onclick: () => this.app.themes.toggle(), title: "Light or dark (t)", "data-test": "theme" }, "Theme"));
  }

  /** A plain click keeps the selection; with a key held the browser opens the address as it is. */
  private follow(e: MouseEvent, entry: ViewEntry): void {
    if (e.ctrlKey || e.metaKey || e.shiftKey || e.button !== 0) return;
    e.preventDefault();
    this.app.router.go(entry.name);
  }
}
