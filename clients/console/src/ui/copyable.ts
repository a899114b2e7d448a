import { h, setText } from "./dom";

/** A command with a button that copies it. */
export function copyable(command: string): HTMLElement {
  const button = h("button", { "aria-label": `Copy ${command}` }, "Copy");
  button.addEventListener("click", () => {
    navigator.clipboard.writeText(command).then(
      () => setText(button, "Copied"),
      () => setText(button, "Select it to copy"),
    );
  });
  return h("div", { class: "copy" }, h("code", { class: "mono" }, command), button);
}
