import { Signal } from "../live/events";

/** What the address says: the view and its settings, as #/city?sel=lamp-00001&colour=... */
export interface Route {
  view: string;
  settings: Record<string, string>;
}

export function parseRoute(hash: string): Route {
  const [path = "", query = ""] = hash.replace(/^#\/?/, "").split("?", 2);
  return { view: path || "city", settings: Object.fromEntries(new URLSearchParams(query)) };
}

export function routeText(route: Route): string {
  const query = new URLSearchParams(Object.entries(route.settings).filter(([, v]) => v !== "")).toString();
  return `#/${route.view}${query ? `?${query}` : ""}`;
}

/** The address of the page. Changing the view makes history; changing a setting does not, or Back would walk through camera moves. */
export class Router {
  readonly onRoute = new Signal<Route>();
  current: Route = parseRoute(location.hash);

  constructor() {
    addEventListener("hashchange", () => {
      this.current = parseRoute(location.hash);
      this.onRoute.emit(this.current);
    });
  }

  go(view: string, settings: Record<string, string> = {}): void {
    const kept = this.current.settings["sel"];
    const route = { view, settings: { ...(kept ? { sel: kept } : {}), ...settings } };
    if (routeText(route) !== location.hash) location.hash = routeText(route);
  }

  /** Sets or, with null, removes a setting of the present view. */
  set(name: string, value: string | null, push = false): void {
    const settings = { ...this.current.settings };
    if (value === null || value === "") delete settings[name];
    else settings[name] = value;
    this.current = { ...this.current, settings };
    const url = routeText(this.current);
    if (push) history.pushState(null, "", url);
    else history.replaceState(null, "", url);
    this.onSetting.emit(name);
  }

  readonly onSetting = new Signal<string>();

  get(name: string): string | null {
    return this.current.settings[name] ?? null;
  }
}
