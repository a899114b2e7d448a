import { viewNamed, type ViewEntry } from "../views/registry";
import type { App, View } from "./app";
import { h, replace } from "./dom";

/** Holds the view of the address: loads its file when first shown, ends the one before, and says so when a file cannot be loaded. */
export class StageHost {
  readonly element = h("div", { class: "stage-host" });
  entry: ViewEntry;
  private view: View | null = null;
  private run = 0;

  constructor(private readonly app: App, private readonly onShown: (entry: ViewEntry) => void) {
    this.entry = viewNamed(app.router.current.view);
  }

  /** Shows the view of the present address; does nothing when it is shown already. */
  show(): void {
    const entry = viewNamed(this.app.router.current.view);
    if (this.view && entry === this.entry) return;
    this.entry = entry;
    this.onShown(entry);
    void this.load(entry);
  }

  private async load(entry: ViewEntry): Promise<void> {
    const run = ++this.run;
    this.view?.dispose();
    this.view = null;
    replace(this.element);
    try {
      const { view } = await entry.load();
      if (run !== this.run) return;
      this.view = view(this.app);
      replace(this.element, this.view.element);
    } catch (error) {
      if (run === this.run) this.fail(entry, error);
    }
  }

  private fail(entry: ViewEntry, error: unknown): void {
    replace(this.element, h("div", { class: "cover", role: "alert", "data-test": "view-failed" },
      h("h1", {}, `${entry.title} could not be opened`),
      h("div", { class: "soft" }, error instanceof Error ? error.message : String(error)),
      h("button", { class: "primary", onclick: () => void this.load(entry) }, "Try again")));
  }
}
