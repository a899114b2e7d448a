import type { ModelBook, ModelEntry } from "../live/modelBook";

/** A line of the tree: a model under one of its bases. */
export interface TreeLine {
  model: ModelEntry;
  depth: number;
  hasChildren: boolean;
  isOpen: boolean;
  /** False for an ancestor that is shown only because something under it matches. */
  isMatch: boolean;
}

/** The models by inheritance, roots by name. A model with two bases stands under both. With a search only matches and their ancestors show, opened. */
export function treeOf(book: ModelBook, search: string, closed: ReadonlySet<string>): TreeLine[] {
  const lines: TreeLine[] = [];
  const wanted = search.trim().toLowerCase();
  const holds = new Map<string, boolean>();
  const under = (model: ModelEntry): boolean => {
    const known = holds.get(model.id);
    if (known !== undefined) return known;
    holds.set(model.id, false);
    const answer = isMatch(model, wanted) || childrenOf(book, model).some(under);
    holds.set(model.id, answer);
    return answer;
  };
  const walk = (model: ModelEntry, depth: number, path: readonly string[]): void => {
    if (path.includes(model.id) || (wanted !== "" && !under(model))) return;
    const children = childrenOf(book, model);
    const isOpen = wanted !== "" || !closed.has(model.id);
    lines.push({ model, depth, hasChildren: children.length > 0, isOpen, isMatch: wanted === "" || isMatch(model, wanted) });
    if (isOpen) for (const child of children) walk(child, depth + 1, [...path, model.id]);
  };
  for (const root of book.roots().sort(byName)) walk(root, 0, []);
  return lines;
}

/** Twins of a model and of all that inherit from it; each model counted once, however many ways lead to it. */
export function countUnder(book: ModelBook, id: string, counts: Readonly<Record<string, number>>): number {
  const seen = new Set<string>();
  const walk = (model: string): number => {
    if (seen.has(model)) return 0;
    seen.add(model);
    return (counts[model] ?? 0) + (book.children.get(model) ?? []).reduce((sum, child) => sum + walk(child), 0);
  };
  return walk(id);
}

function childrenOf(book: ModelBook, model: ModelEntry): ModelEntry[] {
  return (book.children.get(model.id) ?? []).map((id) => book.get(id)).filter((m) => m !== undefined).sort(byName);
}

/** By name, id, or the name of something the model itself adds. */
function isMatch(model: ModelEntry, wanted: string): boolean {
  if (wanted === "") return true;
  const own = [...model.properties, ...model.telemetry, ...model.relationships, ...model.commands].filter((c) => c.from === model.id).map((c) => c.name);
  return [model.id, model.displayName, ...own].some((text) => text.toLowerCase().includes(wanted));
}

function byName(a: ModelEntry, b: ModelEntry): number {
  return a.displayName.localeCompare(b.displayName, "en", { numeric: true });
}
