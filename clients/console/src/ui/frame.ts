import type { KeyStore } from "../api/client";
import { VIEWS, type ViewEntry } from "../views/registry";
import type { App } from "./app";
import { h, replace, svg } from "./dom";
import { askForKey } from "./keyDialog";
import { LoadCover } from "./loadCover";
import { StageHost } from "./stageHost";
import { TimeBar } from "./timeBar";

/** The quiet frame around the world: rail, top field, inspector, time bar. */
export class Frame {
  private readonly main = h("main", { id: "main" });
  private readonly rail = h("nav", { class: "rail", "aria-label": "Views" });
  private readonly cover: LoadCover;
  private readonly stage: StageHost;

  constructor(host: HTMLElement, private readonly app: App, private readonly keys: KeyStore) {
    const top = h("header", { class: "topbar" }, h("div", { class: "brand" }, "Twin"));
    this.cover = new LoadCover(app);
    this.stage = new StageHost(app, (entry) => this.shown(entry));
    this.main.append(this.stage.element, this.cover.element);
    host.append(top, this.rail, this.main, new TimeBar(app).element);
    app.router.onRoute.on(() => this.stage.show());
    app.api.onUnauthorised = () => askForKey(this.keys, () => void this.start());
    for (const v of VIEWS) app.keys.add(v.key, v.key, `Show ${v.title}`, () => app.router.go(v.name));
    app.keys.add("t", "t", "Light or dark", () => app.themes.toggle());
  }

  async start(): Promise<void> {
    this.stage.show();
    await this.app.world.start();
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
