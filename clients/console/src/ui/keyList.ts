import { h } from "./dom";
import type { Keys } from "./keys";

/** Keys that belong to the map's canvas or to the field; listed with the frame's own. */
const OTHERS: [string, string][] = [
  ["Ctrl K", "Search and commands"], ["↑ ↓ Enter", "Choose in the search list"], ["Arrow keys", "Move the map"], ["+ −", "Nearer, farther"], ["Q E", "Turn the map"], ["Home", "The whole city"],
  ["Graph: arrows, Enter", "Walk, open"], ["Graph: Backspace, c", "Fold, centre"], ["Query: Ctrl Enter", "Run; with Shift, explain"], ["Query: Ctrl S", "Keep under a name"], ["Models: n", "Write a model"],
  ["Event: W A S D, Shift", "Walk, run"], ["Event: c; v, b, n", "Talk; wave, clap, cheer"],
];

/** The list behind "?". */
export function showKeys(keys: Keys): void {
  if (document.querySelector("[data-test=keys]")) return;
  const rows = [...keys.bindings.map((b): [string, string] => [b.shown, b.what]), ...OTHERS];
  const dialog = h("dialog", { "data-test": "keys", "aria-label": "Keys" }, h("form", { method: "dialog" }, h("h1", {}, "Keys"),
    h("dl", {}, rows.flatMap(([key, what]) => [h("dt", {}, h("kbd", {}, key)), h("dd", {}, what)])),
    h("p", { class: "dialog-end" }, h("button", { class: "primary", autofocus: true }, "Close"))));
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}
