import type { TwinApi } from "../api/client";
import type { JsonObject } from "../api/types";
import { Signal } from "../live/events";
import type { World } from "../live/world";
import type { Keys } from "./keys";
import type { Router } from "./router";
import type { Selection } from "./selection";
import type { ThemeChoice } from "./theme";

/** What every view is given. */
export interface App {
  api: TwinApi;
  world: World;
  router: Router;
  selection: Selection;
  themes: ThemeChoice;
  keys: Keys;
  /** Asks the map to go to a twin. */
  onTravel: Signal<string>;
  /** The ids a query found; null when there is no result. */
  onFound: Signal<string[] | null>;
  found: string[] | null;
  /** Opens the query panel with a text and runs it. */
  ask: (query: string) => void;
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
