/** One key and what it does; the list behind "?" is made of these. */
export interface KeyBinding {
  key: string;
  shown: string;
  what: string;
  run: () => void;
}

/** Keys of the frame. A key pressed while a field has the focus belongs to the field, except Escape. */
export class Keys {
  readonly bindings: KeyBinding[] = [];

  constructor() {
    addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const field = event.target instanceof HTMLElement && (event.target.matches("input, textarea, select") || event.target.isContentEditable);
      if (field && event.key !== "Escape") return;
      if (document.querySelector("dialog[open]")) return; // A dialog has its own keys.
      const binding = this.bindings.find((b) => b.key === event.key);
      if (!binding) return;
      event.preventDefault();
      binding.run();
    });
  }

  add(key: string, shown: string, what: string, run: () => void): void {
    this.bindings.push({ key, shown, what, run });
  }
}
