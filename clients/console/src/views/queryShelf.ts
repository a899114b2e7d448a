/** A query kept under a name. */
export interface SavedQuery {
  name: string;
  text: string;
}

/** A query that was run, and how it went. */
export interface PastRun {
  text: string;
  /** Milliseconds since 1970. */
  at: number;
  rows: number;
  ms: number;
  outcome: "done" | "cancelled" | "failed";
}

export interface Store {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
}

const SAVED = "twin-queries";
const PAST = "twin-query-history";
export const MOST_SAVED = 200;
export const MOST_PAST = 50;
const LONGEST_NAME = 80;

/** The queries of this browser: kept under names, and the last ones run. What another tab saved is seen when it is read again. */
export class QueryShelf {
  constructor(private readonly store: Store) {}

  /** By name. */
  get saved(): SavedQuery[] {
    return this.read(SAVED, (x) => typeof x.name === "string" && typeof x.text === "string");
  }

  /** Newest first. */
  get past(): PastRun[] {
    return this.read(PAST, (x) => typeof x.text === "string" && typeof x.at === "number" && typeof x.rows === "number" && typeof x.ms === "number" && typeof x.outcome === "string");
  }

  /** Keeps a query, in place of one of that name. Answers what is wrong, or null. */
  save(name: string, text: string): string | null {
    const called = name.trim();
    if (called === "") return "A name was expected.";
    if (called.length > LONGEST_NAME) return `A name has at most ${LONGEST_NAME} characters.`;
    if (text.trim() === "") return "There is no query to save.";
    const others = this.saved.filter((s) => s.name !== called);
    if (others.length >= MOST_SAVED) return `At most ${MOST_SAVED} queries are kept; remove one first.`;
    return this.write(SAVED, [...others, { name: called, text: text.trim() }].sort((a, b) => a.name.localeCompare(b.name, "en", { numeric: true })));
  }

  remove(name: string): void {
    this.write(SAVED, this.saved.filter((s) => s.name !== name));
  }

  /** Notes a run; the same text run again moves to the top. */
  note(run: PastRun): void {
    this.write(PAST, [run, ...this.past.filter((p) => p.text !== run.text)].slice(0, MOST_PAST));
  }

  forget(): void {
    this.write(PAST, []);
  }

  private read<T>(key: string, is: (x: Record<string, unknown>) => boolean): T[] {
    try {
      const kept: unknown = JSON.parse(this.store.getItem(key) ?? "[]");
      return Array.isArray(kept) ? (kept.filter((x) => x !== null && typeof x === "object" && is(x as Record<string, unknown>)) as T[]) : [];
    } catch {
      return []; // Written by something else; the next save puts it right.
    }
  }

  private write(key: string, value: unknown): string | null {
    try {
      this.store.setItem(key, JSON.stringify(value));
      return null;
    } catch {
      return "This browser keeps no more: its storage is full or forbidden.";
    }
  }
}
