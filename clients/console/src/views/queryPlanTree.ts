import type { JsonObject } from "../api/types";
import { h } from "../ui/dom";
import { largestOf, planOf, type PlanNode } from "./queryPlan";

/** A plan as a tree one can fold; bars show how much each step looks at. */
export function planTree(row: JsonObject): HTMLElement {
  const plan = planOf(row);
  const most = Math.max(1, ...plan.children.map(largestOf));
  return h("div", { class: "plan", "data-test": "query-plan" },
    h("ul", { class: "plan-tree", "aria-label": "Plan" }, item(plan, most, true)),
    h("details", {}, h("summary", {}, "As JSON"), h("pre", { class: "mono" }, JSON.stringify(row, null, 2))));
}

function item(node: PlanNode, most: number, isRoot: boolean): HTMLElement {
  const facts = node.facts.map((f) => h("span", { class: "plan-fact" }, h("span", { class: "soft" }, `${f.name} `), h("span", { class: /condition|problem/.test(f.name) ? "mono" : "" }, f.text)));
  const bar = node.size === null || node.isIdle || isRoot ? null : h("span", { class: "plan-bar", "aria-hidden": "true" }, h("i", { style: `width:${Math.max(node.size > 0 ? 1 : 0, Math.round((node.size / most) * 100))}%` }));
  const line = [h("b", {}, node.title), bar, h("span", { class: "plan-facts" }, facts)];
  if (node.children.length === 0) return h("li", { class: node.isIdle ? "plan-node soft" : "plan-node" }, h("div", { class: "plan-line" }, line));
  return h("li", { class: node.isIdle ? "plan-node soft" : "plan-node" },
    h("details", { open: !node.isIdle }, h("summary", { class: "plan-line" }, line), h("ul", {}, node.children.map((c) => item(c, most, false)))));
}
