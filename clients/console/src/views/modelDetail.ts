import type { JsonObject } from "../api/types";
import { modelName, numberText, timeText, unitText, words } from "../format";
import type { ModelBook, ModelEntry, PropertyEntry } from "../live/modelBook";
import { asApiError } from "../live/world";
import type { App } from "../ui/app";
import { h, replace, setText, type Child } from "../ui/dom";
import { countUnder } from "./modelTree";

/** Under-models named before the rest is counted. */
const MOST_UNDER = 12;

/** One model in full: where it stands among the others, what it says, and how many twins are of it. */
export class ModelDetail {
  readonly element = h("div", { class: "model-detail", "data-test": "model-detail" });
  private run = 0;

  /** @param onCopy Opens the editor with a text. */
  constructor(private readonly app: App, private readonly onOpen: (id: string) => void, private readonly onCopy: (text: string) => void) {}

  dispose(): void {
    this.run++;
  }

  clear(): void {
    this.run++;
    replace(this.element);
  }

  show(model: ModelEntry, book: ModelBook, counts: Readonly<Record<string, number>>): void {
    const run = ++this.run;
    const count = h("div", { class: "tabular", "data-test": "model-count" }, "Counting…");
    const raw = h("div", { class: "soft" }, "Reading…");
    const copy = h("button", { class: "link", disabled: true, "data-test": "model-copy", title: "Models are never changed: a changed one has the next version" }, "Next version…");
    const named = (id: string): HTMLElement => (book.get(id) ? h("button", { class: "link", onclick: () => this.onOpen(id) }, book.get(id)!.displayName) : h("span", { class: "mono", title: "No model of that id is here" }, id));
    const own = (p: { from: string }): Child => (p.from === model.id ? "" : named(p.from));
    replace(this.element,
      h("h1", {}, model.displayName), h("div", { class: "mono soft" }, model.id, model.decommissioned ? h("b", { class: "warning" }, " decommissioned") : null),
      model.description ? h("p", { class: "model-about" }, model.description) : null,
      this.lineage(model, book, counts, named),
      h("div", { class: "model-counts" }, count, h("button", { class: "link", "data-test": "model-twins", onclick: () => this.app.ask(`SELECT * FROM DIGITALTWINS T WHERE IS_OF_MODEL(T, '${model.id}')`) }, "Show its twins"), copy),
      section("Properties", ["name", "schema", "unit", "quantity", "", "from"], propertyRows(model.properties, own), "property"),
      section("Telemetry", ["name", "schema", "unit", "quantity", "", "from"], propertyRows(model.telemetry, own), "telemetry"),
      section("Relationships", ["name", "to", "how many", "with", "from"], model.relationships.map((r) => h("tr", {}, h("td", { class: "mono" }, r.name), h("td", {}, r.target === null ? h("span", { class: "soft" }, "any") : named(r.target)),
        h("td", { class: "tabular" }, multiplicity(r.least, r.most)), h("td", {}, r.properties.join(", ")), h("td", {}, own(r)))), "relationship"),
      section("Pointed at by", ["model", "relationship"], book.pointingAt(model.id).map((p) => h("tr", {}, h("td", {}, named(p.model.id)), h("td", { class: "mono" }, p.name))), "incoming"),
      section("Commands", ["name", "request", "response", "from"], model.commands.map((c) => h("tr", {}, h("td", { class: "mono" }, c.name), h("td", {}, payloadText(c.request)), h("td", {}, payloadText(c.response)), h("td", {}, own(c)))), "command"),
      section("Components", ["name", "model", "from"], model.components.map((c) => h("tr", {}, h("td", { class: "mono" }, c.name), h("td", {}, c.model ? named(c.model) : c.schema), h("td", {}, own(c)))), "component"),
      h("details", {}, h("summary", {}, "DTDL"), raw));
    void this.count(model.id, count, run);
    void this.raw(model.id, raw, copy, run);
  }

  /** Above it and under it, each a step to go. */
  private lineage(model: ModelEntry, book: ModelBook, counts: Readonly<Record<string, number>>, named: (id: string) => HTMLElement): HTMLElement | null {
    const above = book.above(model.id);
    const missing = model.bases.filter((b) => !book.get(b));
    const under = (book.children.get(model.id) ?? []).map((id) => book.get(id)).filter((m) => m !== undefined).sort((a, b) => a.displayName.localeCompare(b.displayName));
    if (above.length + missing.length + under.length === 0) return null;
    const list = (items: HTMLElement[]): Child[] => items.flatMap((item, i): Child[] => (i > 0 ? [", ", item] : [item]));
    return h("dl", { class: "model-lineage", "data-test": "model-lineage" },
      above.length + missing.length > 0 ? [h("dt", {}, "is a"), h("dd", {}, list([...above.map((m) => named(m.id)), ...missing.map(named)]))] : [],
      under.length > 0 ? [h("dt", {}, "under it"), h("dd", {}, list(under.slice(0, MOST_UNDER).map((m) => h("span", {}, named(m.id), h("span", { class: "soft tabular", "data-under": m.id }, underText(countUnder(book, m.id, counts)))))), under.length > MOST_UNDER ? ` and ${under.length - MOST_UNDER} more in the tree` : null)] : []);
  }

  private async count(id: string, into: HTMLElement, run: number): Promise<void> {
    const ask = async (exact: string): Promise<number> => {
      const { value } = await this.app.api.query(`SELECT COUNT() FROM DIGITALTWINS T WHERE IS_OF_MODEL(T, '${id}'${exact})`, null, 1);
      return Number(value[0]?.["COUNT"] ?? 0);
    };
    try {
      const [all, exact] = await Promise.all([ask(""), ask(", exact")]);
      if (run !== this.run) return;
      into.dataset["count"] = String(all);
      setText(into, `${numberText(all)} ${all === 1 ? "twin" : "twins"}${all === exact ? "" : exact === 0 ? ", all of models under it" : `, ${numberText(exact)} of exactly this model`}`);
    } catch (error) {
      if (run === this.run) setText(into, `The twins could not be counted: ${asApiError(error).detail}`);
    }
  }

  private async raw(id: string, into: HTMLElement, copy: HTMLButtonElement, run: number): Promise<void> {
    try {
      const item = (await (await this.app.api.send("GET", `/models/${encodeURIComponent(id)}?includeModelDefinition=true`)).json()) as JsonObject;
      if (run !== this.run) return;
      into.className = "";
      const time = item["uploadTime"];
      const text = JSON.stringify(item["model"] ?? item, null, 2);
      replace(into, typeof time === "string" ? h("div", { class: "soft" }, `in since ${timeText(time)}`) : null, h("pre", { class: "mono", "data-test": "model-raw" }, text));
      copy.disabled = false;
      copy.addEventListener("click", () => this.onCopy(text.replace(`"@id": "${id}"`, `"@id": "${nextVersion(id)}"`)));
    } catch (error) {
      if (run === this.run) setText(into, asApiError(error).detail);
    }
  }
}

/** dtmi:a:B;1 is followed by dtmi:a:B;2, and ;1.4 by ;1.5. */
export function nextVersion(id: string): string {
  const at = /^(.*[;.])(\d+)$/.exec(id);
  return at ? `${at[1]}${Number(at[2]) + 1}` : `${id};1`;
}

function propertyRows(list: readonly PropertyEntry[], own: (p: { from: string }) => Child): HTMLElement[] {
  return list.map((p) => h("tr", {}, h("td", { class: "mono" }, p.name), h("td", {}, schemaText(p)), h("td", {}, unitText(p.unit)), h("td", {}, p.semantic ? words(p.semantic.charAt(0).toLowerCase() + p.semantic.slice(1)) : ""),
    h("td", {}, [p.writable ? "writable" : null, p.isIndexed ? "indexed" : null].filter(Boolean).join(", ")), h("td", {}, own(p))));
}

/** A table; a column with nothing in it is left out. */
function section(title: string, heads: string[], rows: HTMLElement[], kind: string): HTMLElement | null {
  if (rows.length === 0) return null;
  const empty = heads.map((_, i) => i > 0 && rows.every((r) => r.children[i]?.textContent === ""));
  for (const row of rows) [...row.children].forEach((cell, i) => empty[i] && cell.remove());
  return h("section", { "data-kind": kind }, h("h2", {}, title), h("table", {}, h("thead", {}, h("tr", {}, heads.filter((_, i) => !empty[i]).map((t) => h("th", {}, t)))), h("tbody", {}, rows)));
}

/** The twins of a model under another, behind its name. */
export function underText(count: number): string {
  return count === 0 ? "" : ` ${numberText(count)}`;
}

function schemaText(p: PropertyEntry): string {
  return p.enumValues ? p.enumValues.map(words).join(" | ") : modelName(p.schema);
}

function payloadText(p: { name: string; schema: string } | null): Child {
  return p ? `${p.name}: ${p.schema}` : h("span", { class: "soft" }, "none");
}

function multiplicity(least: number | null, most: number | null): string {
  if (least === null && most === null) return "";
  return most === null ? `${least} or more` : least === null || least === most ? (least === most ? String(most) : `at most ${most}`) : `${least} to ${most}`;
}
