import type { TwinApi } from "../api/client";
import type { JsonObject } from "../api/types";
import { Signal } from "../live/events";
import type { World } from "../live/world";
import { placeOfModel } from "./places";
import type { Keys } from "./keys";
import type { Router } from "./router";
import type { Selection } from "./selection";
import type { ThemeChoice } from "./theme";

/** What every view is given: the doors of the silo, what is known of the place, and what views share. */
export class App {
  /** Asks the shown map to go to a twin. */
  readonly onTravel = new Signal<string>();
  /** Twins to be marked on the maps; null when nothing is. */
  readonly onFound = new Signal<readonly string[] | null>();
  found: readonly string[] | null = null;

  constructor(
    readonly api: TwinApi,
    readonly world: World,
    readonly router: Router,
    readonly selection: Selection,
    readonly themes: ThemeChoice,
    readonly keys: Keys,
  ) {}

  /** Opens the inspector on a twin, or closes it with null. From any view; the address carries it. */
  select(twinId: string | null): void {
    this.selection.select(twinId);
  }

  /** Marks twins on the maps until the next call; null takes the marks away. */
  highlight(ids: readonly string[] | null): void {
    this.found = ids && ids.length > 0 ? ids : null;
    this.onFound.emit(this.found);
  }

  /** Shows who is related to a twin. */
  showGraph(twinId: string): void {
    const hops = this.router.current.view === "graph" ? this.router.get("hops") : null;
    this.selection.select(twinId);
    this.router.go("graph", { root: twinId, sel: twinId, ...(hops ? { hops } : {}) });
  }

  /** Selects a twin and shows it where it stands: flies there on the map it belongs to, changing the view if need be. */
  showOnMap(twinId: string): void {
    const place = placeOfModel(this.world.modelOf(twinId));
    if (this.router.current.view === place) {
      this.selection.select(twinId);
      this.onTravel.emit(twinId);
    } else this.router.go(place, { sel: twinId });
  }

  /** Opens the query view with a text and lets it run. */
  ask(query: string): void {
    this.router.go("query", { q: query });
  }
}

/** A view: an element and how to end it. Made when shown, ended when left. */
export interface View {
  element: HTMLElement;
  dispose(): void;
}

export function idOf(row: JsonObject): string | null {
  const id = row["$dtId"];
  if (typeof id === "string") return id;
  for (const value of Object.values(row)) {
    if (value && typeof value === "object" && !Array.isArray(value) && typeof value["$dtId"] === "string") return value["$dtId"];
  }
  return null;
}
