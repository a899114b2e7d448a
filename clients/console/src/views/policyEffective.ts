import type { Json, JsonObject } from "../api/types";
import { asApiError } from "../live/world";
import type { App } from "../ui/app";
import { h, replace } from "../ui/dom";
import { PERMISSIONS, type Permission } from "./policyDocument";

export interface Decision {
  isAllowed: boolean;
  /** The entry that decided; empty when only the subject's own rights speak. */
  by: string;
}

export interface PathRow {
  path: string;
  decisions: Partial<Record<Permission, Decision>>;
}

/** Reads who-can-see-what: rows with a path, and for each permission a yes or no with the entry that decided. */
export function effectiveOf(answer: Json): PathRow[] {
  const rows = Array.isArray(answer) ? answer : Object.values(objectOf(answer)).find((v): v is Json[] => Array.isArray(v) && v.every((r) => typeof r === "object"));
  return (rows ?? []).map((item) => {
    const row = objectOf(item);
    const inside = row["permissions"];
    const decisions: PathRow["decisions"] = {};
    for (const p of PERMISSIONS) {
      const said = row[p] ?? objectOf(inside)[p] ?? (Array.isArray(inside) ? inside.includes(p) : undefined);
      if (said === undefined || said === null) continue;
      const about = objectOf(said);
      decisions[p] = { isAllowed: said === true || about["allowed"] === true || about["isAllowed"] === true, by: entryText(about["by"] ?? objectOf(row["by"])[p] ?? row["by"]) };
    }
    return { path: typeof row["path"] === "string" ? row["path"] : "", decisions };
  });
}

function entryText(by: Json | undefined): string {
  if (typeof by === "string") return by;
  const b = objectOf(by);
  const parts = [[b["policy"], b["entry"] ?? b["label"]].filter((v) => typeof v === "string").join("/"), b["resource"]].filter((v) => typeof v === "string" && v !== "");
  return parts.join(" · ");
}

function objectOf(value: Json | undefined): JsonObject {
  return value && typeof value === "object" && !Array.isArray(value) ? value : {};
}

/** Who can see what: a subject and a twin, answered as a matrix of paths and permissions with the entry that decided each. */
export class PolicyEffective {
  private readonly subject = h("input", { placeholder: "key:alice, jwt:sub or role:guard", "aria-label": "Subject", "data-test": "effective-subject" });
  private readonly twin = h("input", { placeholder: "Twin's id", "aria-label": "Twin", "data-test": "effective-twin" });
  private readonly result = h("div", { class: "policy-scroll", "data-test": "effective" });
  readonly element = h("div", { class: "policy-part" },
    h("div", { class: "policy-bar" }, h("span", { class: "soft" }, "What may"), this.subject, h("span", { class: "soft" }, "do with"), this.twin, h("button", { class: "primary", "data-test": "effective-ask", onclick: () => void this.ask() }, "Show")), this.result);
  private run = 0;

  constructor(private readonly app: App) {
    this.subject.value = app.router.get("subject") ?? "";
    this.twin.value = app.router.get("twin") ?? app.selection.id ?? "";
    for (const field of [this.subject, this.twin]) field.addEventListener("keydown", (e) => e.key === "Enter" && void this.ask());
    if (this.subject.value && this.twin.value) void this.ask();
    else this.tell("Name a subject and a twin: each path of the twin is then listed with what the subject may do, and which entry decides it.");
  }

  dispose(): void {
    this.run++;
  }

  private tell(text: string, isAlert = false): void {
    replace(this.result, h("p", { class: isAlert ? "" : "soft", role: isAlert ? "alert" : "status" }, text));
  }

  private async ask(): Promise<void> {
    const [subject, twin] = [this.subject.value.trim(), this.twin.value.trim()];
    if (subject === "" || twin === "") return this.tell("A subject and a twin are needed.", true);
    const run = ++this.run;
    this.app.router.set("subject", subject);
    this.app.router.set("twin", twin);
    this.tell("Asking…");
    try {
      const answer = (await (await this.app.api.send("GET", `/policies/effective?subject=${encodeURIComponent(subject)}&twin=${encodeURIComponent(twin)}`)).json()) as Json;
      if (run === this.run) this.draw(effectiveOf(answer));
    } catch (error) {
      if (run === this.run) this.tell(asApiError(error).detail, true);
    }
  }

  private draw(rows: PathRow[]): void {
    if (rows.length === 0) return this.tell("The twin has no path this could be said of.");
    replace(this.result, h("table", { class: "policy-matrix" },
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "path"), PERMISSIONS.map((p) => h("th", { scope: "col" }, p)))),
      h("tbody", {}, rows.map((row) => h("tr", { "data-path": row.path }, h("th", { scope: "row", class: "mono" }, row.path === "" ? "the whole twin" : row.path), PERMISSIONS.map((p) => this.cell(row.decisions[p])))))));
  }

  private cell(decision: Decision | undefined): HTMLElement {
    if (!decision) return h("td", { class: "soft" }, "–");
    return h("td", { "data-allowed": String(decision.isAllowed) }, h("b", { class: decision.isAllowed ? "good" : decision.by ? "alarm" : "soft" }, decision.isAllowed ? "yes" : "no"), h("span", { class: "soft" }, ` ${decision.by || "own rights"}`));
  }
}
