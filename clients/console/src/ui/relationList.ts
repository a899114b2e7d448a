import type { IncomingRelationship, Relationship } from "../api/types";
import { asApiError } from "../live/world";
import { modelName, words } from "../format";
import type { App } from "./app";
import { h, replace } from "./dom";

/** Most neighbours of one kind shown before the rest is folded. */
const MOST_SHOWN = 12;

interface Neighbour {
  name: string;
  id: string;
}

/** Relationships in both directions, grouped by name; a click selects the neighbour. */
export class RelationList {
  readonly element = h("section", { class: "relations", "aria-label": "Relationships", "data-test": "relations" });
  private run = 0;
  private draw: (() => void) | null = null;

  constructor(private readonly app: App) {}

  async show(id: string): Promise<void> {
    const run = ++this.run;
    this.draw = null;
    replace(this.element, h("h2", {}, "Relationships"), h("p", { class: "soft", role: "status" }, "Reading…"));
    try {
      const [out, incoming] = await Promise.all([this.app.api.relationships(id), this.app.api.incoming(id)]);
      if (run !== this.run) return;
      this.draw = () => this.write(out, incoming);
      this.draw();
    } catch (error) {
      if (run !== this.run) return;
      this.draw = null;
      replace(this.element, h("h2", {}, "Relationships"), h("p", { role: "alert" }, `${asApiError(error).detail} `, h("button", { class: "link", onclick: () => void this.show(id) }, "Try again")));
    }
  }

  /** Writes the names again when more of them are known. */
  rename(): void {
    this.draw?.();
  }

  private write(out: readonly Relationship[], incoming: readonly IncomingRelationship[]): void {
    const groups = [
      ...this.groups(out.map((r) => ({ name: r.$relationshipName, id: r.$targetId ?? "" })), "→", "to"),
      ...this.groups(incoming.map((r) => ({ name: r.$relationshipName, id: r.$sourceId })), "←", "from"),
    ];
    replace(this.element, h("h2", {}, "Relationships"), groups.length > 0 ? groups : h("p", { class: "soft" }, "None in either direction."));
  }

  private groups(neighbours: Neighbour[], arrow: string, way: string): HTMLElement[] {
    const byName = new Map<string, string[]>();
    for (const n of neighbours) byName.set(n.name, [...(byName.get(n.name) ?? []), n.id]);
    return [...byName].map(([name, ids]) => this.group(name, ids, arrow, way));
  }

  private group(name: string, ids: string[], arrow: string, way: string): HTMLElement {
    const rest = ids.slice(MOST_SHOWN);
    const list = h("ul", {}, ids.slice(0, MOST_SHOWN).map((id) => this.link(id)));
    const more = h("button", { class: "link" }, `${rest.length} more`);
    more.addEventListener("click", () => {
      list.append(...rest.map((id) => this.link(id)));
      more.remove();
    });
    return h("div", { class: "relation" }, h("h3", { title: way === "to" ? "From this twin" : "To this twin" }, `${arrow} ${words(name)} `, h("span", { class: "soft tabular" }, String(ids.length))), list, rest.length > 0 ? more : null);
  }

  private link(id: string): HTMLElement {
    const { world } = this.app;
    const model = world.modelOf(id);
    const name = world.nameOf(id);
    return h("li", {}, h("button", { class: "link", onclick: () => this.app.select(id), "data-test": `relation-${id}`, title: id }, name), h("span", { class: "soft" }, name !== id ? ` ${id}` : model ? ` ${words(modelName(model)).toLowerCase()}` : ""));
  }
}
