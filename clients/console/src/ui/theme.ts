import { Signal } from "../live/events";
import { cssVariables, DARK, LIGHT, type Theme } from "../style/tokens";

const KEY = "twin-theme";

/** Dark by default, light by choice and always on paper. The choice is kept in the browser. */
export class ThemeChoice {
  readonly onChange = new Signal<Theme>();
  dark: boolean;

  constructor() {
    this.dark = localStorage.getItem(KEY) !== "light";
    const style = document.createElement("style");
    style.textContent = `:root { ${cssVariables(DARK)} color-scheme: dark; }
      :root[data-theme="light"] { ${cssVariables(LIGHT)} color-scheme: light; }
      @media print { :root, :root[data-theme] { ${cssVariables(LIGHT)} color-scheme: light; } }`;
    document.head.append(style);
    this.apply();
  }

  get theme(): Theme {
    return this.dark ? DARK : LIGHT;
  }

  toggle(): void {
    this.dark = !this.dark;
    localStorage.setItem(KEY, this.dark ? "dark" : "light");
    this.apply();
    this.onChange.emit(this.theme);
  }

  private apply(): void {
    document.documentElement.dataset["theme"] = this.dark ? "dark" : "light";
  }
}
