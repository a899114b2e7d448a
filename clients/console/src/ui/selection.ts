import { Signal } from "../live/events";
import type { Router } from "./router";

/** The selected twin, kept in the address. */
export class Selection {
  readonly onChange = new Signal<string | null>();
  id: string | null;

  constructor(private readonly router: Router) {
    this.id = router.get("sel");
    router.onRoute.on(() => {
      const id = router.get("sel");
      if (id === this.id) return;
      this.id = id;
      this.onChange.emit(id);
    });
  }

  select(id: string | null): void {
    if (id === this.id) return;
    this.id = id;
    this.router.set("sel", id, true);
    this.onChange.emit(id);
  }
}
