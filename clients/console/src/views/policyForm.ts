import { h, replace, setText } from "../ui/dom";
import { checkPolicy, faultsAt, namesIn, PERMISSIONS, turn, type Permission, type Policy, type PolicyEntry, type PolicyFault, type PolicyRule } from "./policyDocument";

interface Slot {
  /** The place as the silo names it now: labels and resources are edited too. */
  where: () => string;
  field: HTMLElement;
  box: HTMLElement;
}

/** A policy as fields: entries with subjects, imports and a row for each resource. What is wrong stands beside its field. */
export class PolicyForm {
  readonly element = h("div", { class: "policy-form", "data-test": "policy-form" });
  private readonly loose = h("div", { class: "edit-message", role: "alert" });
  private slots: Slot[] = [];

  /** @param onChange Called at each edit. */
  constructor(readonly policy: Policy, private readonly isNew: boolean, private readonly onChange: () => void) {
    this.draw();
  }

  /** Shows what is wrong, each at its field; what has no field stands on top. */
  tell(faults: readonly PolicyFault[]): void {
    this.mark(faults);
    this.element.querySelector<HTMLElement>("[aria-invalid=true]")?.focus();
  }

  /** Written into the places that are there, so that neither the focus nor a click under way is lost. */
  private mark(faults: readonly PolicyFault[]): void {
    const fields = this.slots.map((s) => s.where());
    this.slots.forEach(({ field, box }, i) => {
      const mine = faultsAt(faults, fields[i]!, fields);
      if (mine.length > 0) field.setAttribute("aria-invalid", "true");
      else field.removeAttribute("aria-invalid");
      setText(box, mine.map((f) => f.text).join(" "));
    });
    const loose = faults.filter((f) => !fields.some((w) => f.where === w || f.where.startsWith(`${w}/`)));
    setText(this.loose, loose.map((f) => `${f.where && f.where !== "entries" ? `${f.where}: ` : ""}${f.text}`).join(" "));
  }

  private draw(): void {
    this.slots = [];
    const id = (): HTMLElement[] => {
      const [field, box] = this.field(this.policy.id, "Policy's id", () => "id", (v) => (this.policy.id = v.trim()), { test: "policy-id" });
      return [h("label", { class: "policy-id" }, h("span", { class: "soft" }, "Id"), field), box];
    };
    replace(this.element, this.isNew ? id() : h("h1", {}, this.policy.id), this.loose, this.policy.entries.map((e) => this.entry(e)), h("button", { "data-test": "policy-add-entry", onclick: () => this.addEntry() }, "Add an entry"));
  }

  private redrawn(): void {
    this.draw();
    this.mark(checkPolicy(this.policy));
    this.onChange();
  }

  private entry(e: PolicyEntry): HTMLElement {
    const where = (): string => `entries/${e.label}`;
    const [label, labelBox] = this.field(e.label, "Entry's label", where, (v) => (e.label = v.trim()), {});
    const [subjects, subjectsBox] = this.field(e.subjects.join(", "), `Subjects of ${e.label}`, () => `${where()}/subjects`, (v) => (e.subjects = namesIn(v)), { placeholder: "key:alice, role:guard, *", test: "policy-subjects" });
    const [imports, importsBox] = this.field(e.imports.join(", "), `Imports of ${e.label}`, () => `${where()}/imports`, (v) => (e.imports = namesIn(v)), { placeholder: "policy or policy/entry" });
    return h("section", { class: "policy-entry", "data-entry": e.label },
      h("header", {}, label, h("span", { class: "grow" }), h("button", { class: "plain", "aria-label": `Remove entry ${e.label}`, onclick: () => this.remove(e) }, "Remove")), labelBox,
      h("label", {}, h("span", { class: "soft" }, "Subjects"), subjects), subjectsBox, h("label", {}, h("span", { class: "soft" }, "Imports"), imports), importsBox,
      h("table", {}, h("thead", {}, h("tr", {}, h("th", {}, "resource"), PERMISSIONS.map((p) => h("th", {}, p)), h("th", {}))), h("tbody", {}, e.rules.map((r) => this.rule(e, r)))),
      h("button", { class: "plain", "data-test": "policy-add-rule", onclick: () => this.addRule(e) }, "Add a resource"));
  }

  private rule(e: PolicyEntry, r: PolicyRule): HTMLElement {
    const [field, box] = this.field(r.resource, "Resource", () => `entries/${e.label}/resources/${r.resource}`, (v) => (r.resource = v.trim()), { placeholder: "twins:/power", list: "policy-resources" });
    return h("tr", { "data-resource": r.resource }, h("td", {}, field, box), PERMISSIONS.map((p) => h("td", {}, this.cell(r, p))),
      h("td", {}, h("button", { class: "plain", "aria-label": `Remove ${r.resource}`, onclick: () => {
        e.rules = e.rules.filter((x) => x !== r);
        this.redrawn();
      } }, "✕")));
  }

  private cell(r: PolicyRule, p: Permission): HTMLElement {
    const button = h("button", { class: "policy-cell", "data-permission": p, title: "Not said, granted, revoked", onclick: () => {
      Object.assign(r, turn(r, p));
      say();
      this.onChange();
    } });
    const say = (): void => {
      const said = r.grant.includes(p) ? "granted" : r.revoke.includes(p) ? "revoked" : "not said";
      button.dataset["said"] = said;
      button.setAttribute("aria-label", `${p} of ${r.resource}: ${said}`);
      setText(button, said === "granted" ? "grant" : said === "revoked" ? "revoke" : "–");
    };
    say();
    return button;
  }

  private field(value: string, label: string, where: () => string, take: (value: string) => void, more: { test?: string; placeholder?: string; list?: string }): [HTMLInputElement, HTMLElement] {
    const field = h("input", { value, "aria-label": label, spellcheck: "false", autocomplete: "off", "data-test": more.test, placeholder: more.placeholder, list: more.list });
    const box = h("div", { class: "edit-message", role: "alert" });
    field.addEventListener("input", () => {
      take(field.value);
      this.onChange();
    });
    field.addEventListener("change", () => this.mark(checkPolicy(this.policy)));
    this.slots.push({ where, field, box });
    return [field, box];
  }

  private addEntry(): void {
    let n = this.policy.entries.length + 1;
    while (this.policy.entries.some((e) => e.label === `entry-${n}`)) n++;
    this.policy.entries.push({ label: `entry-${n}`, subjects: [], imports: [], rules: [{ resource: "twins:", grant: ["read"], revoke: [] }] });
    this.redrawn();
  }

  private addRule(e: PolicyEntry): void {
    e.rules.push({ resource: "", grant: ["read"], revoke: [] });
    this.draw();
    this.onChange();
    [...this.element.querySelectorAll<HTMLElement>('[data-resource=""] input')].at(-1)?.focus();
  }

  private remove(e: PolicyEntry): void {
    this.policy.entries = this.policy.entries.filter((x) => x !== e);
    this.redrawn();
  }
}

/** A button that asks once more before it does what cannot be undone. */
export function twice(title: string, run: () => void): HTMLButtonElement {
  let isSure = false;
  const button = h("button", { "data-test": "policy-delete", onclick: () => {
    if (isSure) return run();
    isSure = true;
    setText(button, `${title}? Press again`);
    setTimeout(() => {
      isSure = false;
      setText(button, title);
    }, 4000);
  } }, title);
  return button;
}
