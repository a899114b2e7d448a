import "./policies.css";
import { ApiError } from "../api/client";
import type { JsonObject } from "../api/types";
import { asApiError } from "../live/world";
import type { App, View } from "../ui/app";
import { h, replace, setText } from "../ui/dom";
import { PolicyAudit } from "./policyAudit";
import { checkPolicy, readPolicy, writePolicy, type Policy } from "./policyDocument";
import { PolicyEffective } from "./policyEffective";
import { PolicyForm, twice } from "./policyForm";

export const view = (app: App): View => new PoliciesView(app);

type Part = "policies" | "effective" | "audit";
const PARTS: [Part, string][] = [["policies", "Policies"], ["effective", "Who can see what"], ["audit", "Audit log"]];

/** Who may do what: the policies as fields, what they come to for a subject and a twin, and the log of what was refused and changed. */
class PoliciesView implements View {
  private readonly tabs = h("div", { class: "shelf-tabs", role: "tablist" });
  private readonly body = h("div", { class: "policy-body" });
  readonly element = h("div", { class: "policies-view", "data-test": "policies" }, h("header", { class: "policy-head" }, this.tabs), this.body);
  private readonly list = h("ul", { class: "model-tree", "data-test": "policy-list" });
  private readonly pane = h("div", { class: "policy-pane" });
  private readonly off: (() => void)[] = [];
  private part: Part;
  private shown: { dispose(): void } | null = null;
  private ids: string[] = [];
  private opened: string | null = null;
  private run = 0;

  constructor(private readonly app: App) {
    const wanted = app.router.get("part");
    this.part = wanted === "effective" || wanted === "audit" ? wanted : "policies";
    this.off.push(app.router.onRoute.on((r) => r.view === "policies" && this.part === "policies" && r.settings["policy"] && r.settings["policy"] !== this.opened && void this.open(r.settings["policy"])));
    this.show(this.part);
  }

  dispose(): void {
    this.run++;
    this.shown?.dispose();
    for (const off of this.off) off();
  }

  private show(part: Part): void {
    this.part = part;
    this.app.router.set("part", part === "policies" ? null : part);
    this.shown?.dispose();
    this.shown = null;
    replace(this.tabs, PARTS.map(([p, title]) => h("button", { class: "plain", role: "tab", "aria-selected": String(p === part), "data-test": `policies-${p}`, onclick: () => this.show(p) }, title)));
    if (part === "policies") {
      const models = h("datalist", { id: "policy-resources" }, ["*", "twins:", "models:", "devices:", "admin:", ...this.app.world.book.all.map((m) => `model:${m.id}`)].map((value) => h("option", { value })));
      replace(this.body, h("div", { class: "policy-columns" }, h("div", { class: "models-side" }, h("div", { class: "models-bar" }, h("button", { "data-test": "policy-new", onclick: () => this.begin() }, "New policy")), this.list), this.pane, models));
      void this.readList();
      return;
    }
    const shown = part === "effective" ? new PolicyEffective(this.app) : new PolicyAudit(this.app);
    this.shown = shown;
    replace(this.body, shown.element);
  }

  private async readList(): Promise<void> {
    replace(this.list, h("li", { class: "soft nothing", role: "status" }, "Reading…"));
    try {
      const answer = (await (await this.app.api.send("GET", "/policies")).json()) as { value?: (JsonObject | string)[] };
      this.ids = (answer.value ?? []).map((p) => (typeof p === "string" ? p : String(p["id"] ?? ""))).filter((id) => id !== "").sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
      this.drawList();
      const wanted = this.app.router.get("policy") ?? this.opened;
      if (wanted && this.ids.includes(wanted)) void this.open(wanted);
      else this.explain();
    } catch (error) {
      const e = asApiError(error);
      replace(this.list);
      const isAway = e.status === 404;
      replace(this.pane, h("div", { class: "policy-none", role: "alert" }, h("h1", {}, isAway ? "This silo knows no policies" : e.status === 403 ? "Policies are not for you to see" : "The policies could not be read"), h("p", {}, isAway ? "It is of an older version: its callers have the rights of their keys alone." : e.detail),
        h("button", { class: "primary", onclick: () => void this.readList() }, "Try again")));
    }
  }

  private drawList(): void {
    replace(this.list, this.ids.length === 0 ? h("li", { class: "soft nothing" }, "None yet.") : this.ids.map((id) => h("li", { "data-policy": id, "aria-selected": String(id === this.opened), tabindex: 0, onclick: () => void this.open(id), onkeydown: (e: KeyboardEvent) => e.key === "Enter" && void this.open(id) }, h("span", { class: "name" }, id))));
  }

  private explain(): void {
    replace(this.pane, h("div", { class: "policy-none" }, h("h1", {}, this.ids.length === 0 ? "No policies yet" : "Choose a policy"),
      h("p", {}, "Without policies each caller may do what its key allows. An entry names subjects, and for each resource what they are granted or what is taken from them. The longest path decides; at the same place what is taken beats what is granted."),
      h("button", { class: "primary", onclick: () => this.begin() }, "New policy")));
  }

  private begin(): void {
    this.opened = null;
    this.drawList();
    this.edit({ id: "", entries: [{ label: "readers", subjects: [], imports: [], rules: [{ resource: "twins:", grant: ["read"], revoke: [] }] }] }, null);
  }

  private async open(id: string): Promise<void> {
    const run = ++this.run;
    this.opened = id;
    this.app.router.set("policy", id);
    this.drawList();
    try {
      const response = await this.app.api.send("GET", `/policies/${encodeURIComponent(id)}`);
      const document = (await response.json()) as JsonObject;
      if (run === this.run) this.edit(readPolicy(id, document), response.headers.get("ETag") ?? "*");
    } catch (error) {
      if (run === this.run) replace(this.pane, h("p", { role: "alert" }, asApiError(error).detail));
    }
  }

  /** @param etag Of what is edited; null for a policy that is not there yet. */
  private edit(policy: Policy, etag: string | null): void {
    const note = h("span", { class: "soft", role: "status", "data-test": "policy-note" });
    const save = h("button", { class: "primary", "data-test": "policy-save", disabled: etag !== null }, "Save");
    const form = new PolicyForm(policy, etag === null, () => {
      save.disabled = false;
      setText(note, "Changed, not saved");
    });
    save.addEventListener("click", () => void this.save(form, etag, note));
    replace(this.pane, h("div", { class: "policy-bar" }, save, etag === null ? null : twice("Delete", () => void this.remove(policy.id, note)), note), h("div", { class: "policy-scroll" }, form.element));
  }

  private async save(form: PolicyForm, etag: string | null, note: HTMLElement): Promise<void> {
    const faults = checkPolicy(form.policy);
    form.tell(faults);
    if (faults.length > 0) return setText(note, "Nothing was saved: mend what is marked.");
    setText(note, "Saving…");
    const { id } = form.policy;
    try {
      await this.app.api.send("PUT", `/policies/${encodeURIComponent(id)}`, JSON.stringify(writePolicy(form.policy)), { "Content-Type": "application/json", ...(etag === null ? { "If-None-Match": "*" } : { "If-Match": etag }) });
      this.opened = id;
      this.app.router.set("policy", id);
      await this.readList();
    } catch (error) {
      const e = asApiError(error);
      setText(note, e.status === 412 ? (etag === null ? "There is a policy of that id already." : "Somebody else changed it meanwhile; open it again to see how.") : "Nothing was saved.");
      if (e.status !== 412) form.tell([{ where: e.where ?? "", text: e.detail }]);
    }
  }

  private async remove(id: string, note: HTMLElement): Promise<void> {
    try {
      await this.app.api.send("DELETE", `/policies/${encodeURIComponent(id)}`);
    } catch (error) {
      const e = asApiError(error);
      if (!(e instanceof ApiError) || e.status !== 404) return setText(note, e.detail);
    }
    this.opened = null;
    this.app.router.set("policy", null);
    await this.readList();
  }
}
