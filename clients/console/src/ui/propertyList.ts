import type { App } from "./app";
import { ageText, unitText, valueText, words } from "../format";
import { isNumeric, stateOf, type Cadence, type PropertyReading, type TwinReading } from "../live/twinReading";
import { h, replace, setText } from "./dom";
import { PropertyEditor } from "./propertyEditor";

interface Row {
  element: HTMLElement;
  value: HTMLElement;
  age: HTMLElement;
  under: HTMLElement;
}

/** The properties of a twin, grouped by component; rows are made once and their numbers written in place. */
export class PropertyList {
  readonly element = h("div", { class: "properties", role: "list", "data-test": "properties" });
  private readonly rows = new Map<string, Row>();
  private chosen: string | null = null;

  constructor(private readonly app: App, private readonly cadence: Cadence, private readonly onChart: (reading: PropertyReading) => void) {}

  show(twin: TwinReading): void {
    this.rows.clear();
    replace(this.element);
    let group: string | null = null;
    this.element.classList.toggle("has-edits", [...twin.properties.values()].some((p) => p.entry?.writable));
    for (const reading of twin.properties.values()) {
      if (reading.component !== group) {
        group = reading.component;
        this.element.append(h("h3", { class: "component" }, words(group ?? "")));
      }
      this.add(twin, reading);
    }
    if (this.rows.size === 0) this.element.append(h("p", { class: "soft" }, "This twin has no properties."));
    this.refresh(twin);
  }

  choose(path: string | null): void {
    this.chosen = path;
    for (const [p, row] of this.rows) row.element.classList.toggle("is-chosen", p === path);
  }

  update(twin: TwinReading, reading: PropertyReading): void {
    if (!this.rows.has(reading.path)) this.show(twin);
    else this.write(reading, Date.now());
  }

  /** Ages and staleness move on even when nothing is said. */
  refresh(twin: TwinReading): void {
    const now = Date.now();
    for (const reading of twin.properties.values()) this.write(reading, now);
  }

  private add(twin: TwinReading, reading: PropertyReading): void {
    const name = words(reading.name);
    const entry = reading.entry;
    const value = h("b", { class: "value tabular", "data-test": `value-${reading.path}` });
    const age = h("span", { class: "age tabular soft" });
    const under = h("div", { class: "under" });
    const label = isNumeric(reading)
      ? h("button", { class: "name link", title: `History of ${name}`, onclick: () => this.onChart(reading), "data-test": `chart-${reading.path}` }, name)
      : h("span", { class: "name" }, name);
    const edit = entry?.writable
      ? h("button", { class: "plain edit-open", "aria-label": `Edit ${name}`, title: `Edit ${name}`, "data-test": `edit-${reading.path}`, onclick: () => this.edit(twin, reading.path) }, "Edit")
      : null;
    const element = h("div", { class: "property", role: "listitem" }, label, h("span", { class: "amount" }, value, " ", h("span", { class: "unit soft" }, unitText(entry?.unit))), edit ?? h("span", { class: "no-edit" }), age, under);
    element.classList.toggle("is-chosen", reading.path === this.chosen);
    this.rows.set(reading.path, { element, value, age, under });
    this.element.append(element);
  }

  private edit(twin: TwinReading, path: string): void {
    const row = this.rows.get(path);
    const reading = twin.properties.get(path);
    if (!row || !reading?.entry) return;
    const editor = new PropertyEditor(this.app.api, twin.id, reading, reading.entry, () => {
      editor.element.remove();
      row.element.querySelector<HTMLButtonElement>(".edit-open")?.focus();
    });
    replace(row.under, editor.element);
    editor.focus();
  }

  private write(reading: PropertyReading, now: number): void {
    const row = this.rows.get(reading.path);
    if (!row) return;
    const isStale = this.app.world.lostAt !== null || this.cadence.isSilent(reading.path, now);
    const state = stateOf(reading, isStale);
    setText(row.value, valueText(reading.value));
    setText(row.age, reading.at === null ? "" : ageText(now - reading.at));
    row.element.dataset["state"] = state;
    row.element.title = state === "unknown" ? "No value yet" : state === "stale" ? "Silent for longer than it used to be" : "";
  }
}
