import type { App, View } from "../ui/app";

/** What a file of a view exports: export const view: MakeView = (app) => new FactoryView(app). */
export interface ViewModule {
  view: MakeView;
}
export type MakeView = (app: App) => View;

export interface ViewEntry {
  /** Its address (#/name) and its file (src/views/name.ts). */
  name: string;
  title: string;
  key: string;
  /** An SVG path in a box of 20 by 20, drawn as a line. */
  icon: string;
  /** Shows places of twins: while there is no scene the frame lays its loading, empty and error states over it. */
  needsScene: boolean;
  load: () => Promise<ViewModule>;
}

type Described = Omit<ViewEntry, "load">;

/** In the order of the rail. */
const DESCRIBED: Described[] = [
  { name: "city", title: "City", key: "1", needsScene: true, icon: "M3 17V8h4v9M7 17V4h6v13M13 17v-7h4v7M2 17h16" },
  { name: "factory", title: "Factory", key: "2", needsScene: true, icon: "M3 17V9l5 3V9l5 3V4h4v13M2 17h16" },
  { name: "event", title: "Event", key: "9", needsScene: false, icon: "M7 8a2.2 2.2 0 1 0 0-4.4 2.2 2.2 0 0 0 0 4.4M14 9a1.8 1.8 0 1 0 0-3.6 1.8 1.8 0 0 0 0 3.6M2.5 17c0-4 2-6.2 4.5-6.2s4.5 2.2 4.5 6.2M11.5 12.5c.7-.7 1.5-1 2.5-1 2.2 0 3.5 2 3.5 5.5" },
  { name: "graph", title: "Graph", key: "3", needsScene: false, icon: "M10 10 4 5M10 10l6-4M10 10l5 6M10 10l-5 5M10 12.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5M3.5 6.5a1.5 1.5 0 1 0 0-3 1.5 1.5 0 0 0 0 3M16.5 7.5a1.5 1.5 0 1 0 0-3 1.5 1.5 0 0 0 0 3M15.5 17.5a1.5 1.5 0 1 0 0-3 1.5 1.5 0 0 0 0 3M4.5 16.5a1.5 1.5 0 1 0 0-3 1.5 1.5 0 0 0 0 3" },
  { name: "query", title: "Query", key: "4", needsScene: false, icon: "M3 4h14M3 8h14M3 12h7M3 16h5M13 14a2.5 2.5 0 1 0 0-.01M15 16l2.5 2.5" },
  { name: "models", title: "Models", key: "5", needsScene: false, icon: "M7 3h6v4H7zM2 13h6v4H2zM12 13h6v4h-6zM10 7v3M5 13v-3h10v3" },
  { name: "policies", title: "Policies", key: "6", needsScene: false, icon: "M10 2.5 16 5v4.5c0 4-2.5 6.5-6 8-3.5-1.5-6-4-6-8V5zM7.5 9.8l1.9 1.9 3.3-3.6" },
  { name: "devices", title: "Devices", key: "7", needsScene: false, icon: "M5 5h10v10H5zM8 2v3M12 2v3M8 15v3M12 15v3M2 8h3M2 12h3M15 8h3M15 12h3" },
  { name: "system", title: "System", key: "8", needsScene: false, icon: "M3 3h14v5H3zM3 12h14v5H3zM6 5.5h.01M6 14.5h.01" },
];

const FILES = import.meta.glob<ViewModule>(["./city.ts", "./factory.ts", "./event.ts", "./graph.ts", "./query.ts", "./models.ts", "./policies.ts", "./devices.ts", "./system.ts"]);

/** The views this build has: each loaded when it is first shown. */
export const VIEWS: readonly ViewEntry[] = DESCRIBED.flatMap((d) => {
  const load = FILES[`./${d.name}.ts`];
  return load ? [{ ...d, load }] : [];
});

/** The view of an address; the first one when there is none of that name. */
export function viewNamed(name: string): ViewEntry {
  return VIEWS.find((v) => v.name === name) ?? VIEWS[0]!;
}
