import type { TwinApi } from "../api/client";
import type { Value } from "../api/types";
import { ageText, valueText, words } from "../format";
import { editProperty } from "../live/edit";
import { inputText, parseInput } from "../live/propertyInput";
import type { PropertyReading } from "../live/twinReading";
import type { PropertyEntry } from "../live/modelBook";
import { h, replace } from "./dom";

/** A form for one writable property. Closes itself when the silo has taken the value; otherwise it says why not. */
export class PropertyEditor {
  readonly element: HTMLFormElement;
  private readonly field: HTMLInputElement | HTMLSelectElement;
  private readonly message = h("div", { class: "edit-message", role: "alert", "data-test": "edit-message" });
  private readonly save = h("button", { class: "primary", type: "submit", "data-test": "edit-save" }, "Save");
  private before: Value | undefined;

  constructor(private readonly api: TwinApi, private readonly id: string, reading: PropertyReading, private readonly entry: PropertyEntry, private readonly close: () => void) {
    this.before = reading.value;
    this.field = fieldOf(entry, reading.value);
    this.element = h("form", { class: "edit", novalidate: true, "data-test": "edit" }, this.field, this.save, h("button", { type: "button", class: "plain", onclick: close }, "Cancel"), this.message);
    this.element.addEventListener("submit", (e) => {
      e.preventDefault();
      void this.submit(reading.path);
    });
    this.element.addEventListener("keydown", (e) => {
      if (e.key !== "Escape") return;
      e.stopPropagation();
      close();
    });
  }

  focus(): void {
    this.field.focus();
    if (this.field instanceof HTMLInputElement) this.field.select();
  }

  private async submit(path: string): Promise<void> {
    const parsed = parseInput(this.field.value, this.entry);
    this.field.setAttribute("aria-invalid", String(!parsed.ok));
    if (!parsed.ok) return this.say(parsed.why);
    this.save.disabled = true;
    this.say("");
    const result = await editProperty(this.api, this.id, path, this.before, parsed.value);
    this.save.disabled = false;
    if (result.kind === "done") return this.close();
    if (result.kind === "refused") {
      this.field.setAttribute("aria-invalid", "true");
      return this.say(`${result.error.detail}${result.error.where ? ` (${result.error.where})` : ""}`);
    }
    const age = result.at ? `${ageText(Date.now() - Date.parse(result.at))} ago` : "meanwhile";
    replace(this.message, `Someone else set ${words(this.entry.name)} to ${valueText(result.theirs)} ${age}. `,
      h("button", { type: "button", class: "link", "data-test": "edit-theirs", onclick: () => this.close() }, "Keep theirs"), " · ",
      h("button", { type: "button", class: "link", "data-test": "edit-mine", onclick: () => this.keepMine(path, result.theirs) }, "Save mine"));
  }

  private keepMine(path: string, theirs: Value | undefined): void {
    this.before = theirs;
    void this.submit(path);
  }

  private say(text: string): void {
    this.message.textContent = text;
  }
}

function fieldOf(entry: PropertyEntry, value: Value | undefined): HTMLInputElement | HTMLSelectElement {
  const label = { "aria-label": `New value of ${words(entry.name)}`, "data-test": "edit-field" };
  const values = entry.enumValues ?? (entry.schema === "boolean" ? ["true", "false"] : null);
  if (values) return h("select", label, values.map((v) => h("option", { value: v, selected: v === String(value) }, v)));
  return h("input", { ...label, autocomplete: "off", inputmode: /^(double|float|integer|long)$/.test(entry.schema) ? "decimal" : "text", value: inputText(value) });
}
