import type { KeyStore } from "../api/client";
import { h } from "./dom";

let open = false;

/** Asks once for a key or token, keeps it for this tab and calls back. */
export function askForKey(keys: KeyStore, then: () => void): void {
  if (open) return;
  open = true;
  const field = h("input", { type: "password", name: "key", autocomplete: "off", required: true, style: "width:100%", "aria-label": "Key or token", "data-test": "key-field" });
  const had = keys.get() !== null;
  const form = h("form", { method: "dialog" },
    h("h1", {}, "This silo asks who you are"),
    h("p", { class: "soft" }, had ? "The key or token was refused: it may have run out, or be for another silo." : "Give an API key or a JWT. It is kept until this tab is closed."),
    field,
    h("p", { style: "text-align:right;margin-bottom:0" }, h("button", { class: "primary" }, "Continue")));
  const dialog = h("dialog", { "data-test": "key-dialog" }, form);
  form.addEventListener("submit", () => {
    keys.set(field.value.trim());
    open = false;
    dialog.remove();
    then();
  });
  dialog.addEventListener("cancel", () => {
    open = false;
    dialog.remove();
  });
  document.body.append(dialog);
  dialog.showModal();
}
