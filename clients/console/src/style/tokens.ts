/** The console's colours. Each pair that is read as text meets WCAG AA; the test checks it. */
export interface Theme {
  /** The world's ground and the page. */
  ground: string;
  /** Panels on the ground. */
  surface: string;
  /** Rows under the pointer, fields. */
  raised: string;
  line: string;
  text: string;
  textSoft: string;
  accent: string;
  accentText: string;
  good: string;
  warning: string;
  alarm: string;
  stale: string;
  active: string;
  building: string;
  roof: string;
  road: string;
  water: string;
  park: string;
  floor: string;
  unknown: string;
  /** Queries and models as text. */
  codeWord: string;
  codeFunction: string;
  codeText: string;
  codeNumber: string;
}

export const DARK: Theme = {
  ground: "#14181d", surface: "#1a1f26", raised: "#252c35", line: "#343d48", text: "#e8ecf1", textSoft: "#a3afbc",
  accent: "#44b5f2", accentText: "#08151e", good: "#5cc98b", warning: "#f0b429", alarm: "#ff7a6b", stale: "#98a2ad", active: "#7cb5f5",
  building: "#353e49", roof: "#424c58", road: "#232a32", water: "#15293a", park: "#1b2d26", floor: "#1d232b", unknown: "#6d7884",
  codeWord: "#8ec5f4", codeFunction: "#d3b3ea", codeText: "#a8d59a", codeNumber: "#eec58b",
};

export const LIGHT: Theme = {
  ground: "#eef0f2", surface: "#ffffff", raised: "#eef2f5", line: "#cdd5dd", text: "#161c22", textSoft: "#4d5966",
  accent: "#0567a8", accentText: "#ffffff", good: "#14713f", warning: "#8a5a00", alarm: "#b3261e", stale: "#616b76", active: "#2a5fa8",
  building: "#d5dae0", roof: "#f4f6f8", road: "#ffffff", water: "#bfd9ea", park: "#cfe5d2", floor: "#e3e7eb", unknown: "#8b95a0",
  codeWord: "#0a5a94", codeFunction: "#74369c", codeText: "#1d6a2e", codeNumber: "#8a4d00",
};

/** Pairs of foreground and background that carry text, by name of token. */
export const TEXT_PAIRS: readonly (readonly [keyof Theme, keyof Theme])[] = [
  ["text", "ground"], ["text", "surface"], ["text", "raised"], ["textSoft", "ground"], ["textSoft", "surface"], ["textSoft", "raised"],
  ["accentText", "accent"], ["accent", "surface"], ["good", "surface"], ["warning", "surface"], ["alarm", "surface"], ["stale", "surface"], ["active", "surface"],
  ["warning", "raised"], ["alarm", "raised"], ["codeWord", "raised"], ["codeFunction", "raised"], ["codeText", "raised"], ["codeNumber", "raised"],
];

export function cssVariables(theme: Theme): string {
  return Object.entries(theme).map(([name, value]) => `--${name.replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`)}: ${value as string};`).join("\n");
}
