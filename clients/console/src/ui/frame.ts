import type { KeyStore } from "../api/client";
import { CityView } from "../views/city";
import type { App, View } from "./app";
import { h, replace, svg } from "./dom";
import { askForKey } from "./keyDialog";
import { LoadCover } from "./loadCover";
import { TimeBar } from "./timeBar";

interface ViewEntry {
  name: string;
  title: string;
  key: string;
  icon: string;
  make: (app: App) => View;
}

const VIEWS: ViewEntry[] = [
  { name: "city", title: "City", key: "1", icon: "M3 17V8h4v9M7 17V4h6v13M13 17v-7h4v7M2 17h16", make: (app) => new CityView(app) },
];

/** The quiet frame around the world: rail, top field, inspector, time bar. */
export class Frame {
  private readonly main = h("main", { id: "main" });
  private readonly rail = h("nav", { class: "rail", "aria-label": "Views" });
  private view: View | null = null;
  private shown = "";

  constructor(host: HTMLElement, private readonly app: App, private readonly keys: KeyStore) {
    const top = h("header", { class: "topbar" }, h("div", { class: "brand" }, "Twin"));
    host.append(top, this.rail, this.main, new TimeBar(app).element);
    this.main.append(new LoadCover(app).element);
    this.drawRail();
    app.router.onRoute.on(() => this.show());
    app.api.onUnauthorised = () => askForKey(this.keys, () => void this.start());
    for (const v of VIEWS) app.keys.add(v.key, v.key, `Show ${v.title}`, () => app.router.go(v.name));
  }

  async start(): Promise<void> {
    this.show();
    await this.app.world.start();
  }

  private show(): void {
    const entry = VIEWS.find((v) => v.name === this.app.router.current.view) ?? VIEWS[0]!;
    this.drawRail(entry.name);
    if (entry.name === this.shown) return;
    this.view?.dispose();
    this.view?.element.remove();
    this.shown = entry.name;
    this.view = entry.make(this.app);
    this.main.prepend(this.view.element);
    document.title = `${entry.title} – Twin`;
  }

  private drawRail(current = ""): void {
    replace(this.rail, ...VIEWS.map((v) =>
      h("a", { href: `#/${v.name}`, "aria-current": v.name === current ? "page" : null, title: `${v.title} (${v.key})`, "data-test": `nav-${v.name}` }, svg("svg", { viewBox: "0 0 20 20" }, svg("path", { d: v.icon })), v.title)),
      h("div", { class: "spacer" }),
      h("button", { onclick: () => this.app.themes.toggle(), title: "Light or dark (t)" }, "Theme"));
  }
}
