import { ApiError, type TwinApi } from "../api/client";
import type { JsonObject, QueryAnswer } from "../api/types";
import { asApiError } from "../live/world";

/** Rows asked for at a time. */
export const PAGE = 500;
/** Most rows held in the page; a larger answer is better counted, ordered or limited by the query. */
export const MOST_ROWS = 20_000;

export type RunState =
  | { kind: "idle" }
  | { kind: "running" }
  | { kind: "done" }
  | { kind: "cancelled" }
  | { kind: "failed"; error: ApiError };

/** One query being asked: its rows so far, its charge, and how long the silo took, all pages together. */
export class QueryRun {
  readonly rows: JsonObject[] = [];
  state: RunState = { kind: "idle" };
  /** Sum of the pages' charges; null while no page told one. */
  charge: number | null = null;
  elapsedMs = 0;
  pages = 0;
  private next: string | null = null;
  private abort: AbortController | null = null;

  constructor(
    private readonly api: Pick<TwinApi, "send">,
    readonly query: string,
    private readonly now: () => number,
  ) {}

  get hasMore(): boolean {
    return this.next !== null && this.rows.length < MOST_ROWS;
  }

  /** True when the silo has more rows than this page may hold. */
  get isCutOff(): boolean {
    return this.next !== null && this.rows.length >= MOST_ROWS;
  }

  get isRunning(): boolean {
    return this.state.kind === "running";
  }

  /** Reads pages until there are that many rows more, the answer ends, or it is cancelled; calls back after each page. */
  async read(rows: number, onPage: () => void): Promise<void> {
    if (this.isRunning) return;
    const goal = Math.min(MOST_ROWS, this.rows.length + rows);
    const abort = (this.abort = new AbortController());
    this.state = { kind: "running" };
    try {
      do {
        await this.page(Math.min(PAGE, goal - this.rows.length), abort.signal);
        onPage();
      } while (this.next !== null && this.rows.length < goal && !abort.signal.aborted);
      this.state = { kind: abort.signal.aborted ? "cancelled" : "done" };
    } catch (error) {
      const refusal = asApiError(error);
      this.state = abort.signal.aborted || refusal.code === "Cancelled" ? { kind: "cancelled" } : { kind: "failed", error: refusal };
    }
    onPage();
  }

  cancel(): void {
    this.abort?.abort();
  }

  private async page(size: number, signal: AbortSignal): Promise<void> {
    const began = this.now();
    const body = { query: this.query, pageSize: size, ...(this.next ? { continuationToken: this.next } : {}) };
    try {
      const response = await this.api.send("POST", "/query", JSON.stringify(body), { "Content-Type": "application/json" }, signal);
      const answer = (await response.json()) as QueryAnswer;
      const charge = Number(response.headers.get("query-charge") ?? Number.NaN);
      if (Number.isFinite(charge)) this.charge = (this.charge ?? 0) + charge;
      this.rows.push(...answer.value);
      this.next = answer.continuationToken ?? null;
      this.pages++;
    } finally {
      this.elapsedMs += this.now() - began;
    }
  }
}

/** Where a refused query is wrong: offset from 0 in its text; null when the refusal is about something else. */
export function errorOffset(error: ApiError, text: string): number | null {
  if (error.code !== "QuerySyntax" || error.where === null) return null;
  const position = Number(error.where);
  return Number.isInteger(position) && position >= 1 && position <= text.length + 1 ? position - 1 : null;
}

/** The piece of text to underline: the word at the offset, or one character; beyond the end, the last character. */
export function errorSpan(text: string, offset: number): { from: number; to: number } {
  if (offset >= text.length) return { from: Math.max(0, text.length - 1), to: text.length };
  const word = /^(\$?\w+|'[^']*'?|.)/s.exec(text.slice(offset))?.[0] ?? "";
  return { from: offset, to: offset + Math.max(1, word.length) };
}
