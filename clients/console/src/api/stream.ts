import type { Change, StreamMessage } from "./types";

/** The part of WebSocket that is used; tests pass a fake. */
export interface Socket {
  onopen: (() => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: (() => void) | null;
  close(): void;
}

export type StreamState = "connecting" | "live" | "offline";

export interface StreamOptions {
  /** Opens a socket that resumes after the cursor; null means from now. */
  open(cursor: string | null): Socket;
  /** Calls back after milliseconds; answers how to cancel. */
  after(milliseconds: number, callback: () => void): () => void;
  /** Milliseconds of any steady clock. */
  now(): number;
  onChanges(changes: Change[]): void;
  /** The silo no longer has what was missed: read the state again, then resolve; changes wait meanwhile. */
  onReset(): Promise<void>;
  onState(state: StreamState): void;
}

/** Waits between attempts: doubling to eight seconds. A console that lost its silo should be back within a breath of it. */
export const BACKOFF_MS = [250, 500, 1000, 2000, 4000, 8000];
/** A socket that says nothing for so long is taken for dead: the silo beats at least every 15 seconds while idle or busy. */
export const SILENCE_MS = 45_000;
/** Most batches held while the state is read again; beyond it the reading starts over. */
export const MOST_HELD = 2_000;

/**
 * Follows the silo's change feed without gap and without repeat. The cursor of the last batch is kept and sent when the
 * socket is opened again; what a resumed feed repeats is recognised by the change's sequence, which grows per twin.
 */
export class ChangeStream {
  private socket: Socket | null = null;
  private cancelTimer: (() => void) | null = null;
  private attempt = 0;
  private resetting = false;
  private resetRun = 0;
  private stopped = true;
  private lastHeard = 0;
  private held: Change[][] = [];
  private readonly lastSeq = new Map<string, number>();
  cursor: string | null = null;
  /** How many repeated changes were dropped. */
  repeats = 0;

  constructor(private readonly options: StreamOptions) {}

  start(): void {
    this.stopped = false;
    this.connect();
  }

  stop(): void {
    this.stopped = true;
    this.cancelTimer?.();
    this.cancelTimer = null;
    this.drop();
  }

  /** Tries at once, as when the browser says the network is back. */
  retryNow(): void {
    if (this.stopped || this.socket) return;
    this.cancelTimer?.();
    this.attempt = 0;
    this.connect();
  }

  private connect(): void {
    this.cancelTimer = null;
    this.options.onState("connecting");
    const socket = this.options.open(this.cursor);
    this.socket = socket;
    this.lastHeard = this.options.now();
    socket.onopen = () => {
      if (this.socket !== socket) return;
      this.attempt = 0;
      this.options.onState("live");
      this.watchSilence(socket);
    };
    socket.onmessage = (event) => {
      if (this.socket === socket) this.receive(event.data);
    };
    socket.onclose = () => {
      if (this.socket === socket) this.lost();
    };
  }

  private watchSilence(socket: Socket): void {
    this.cancelTimer = this.options.after(SILENCE_MS, () => {
      if (this.socket !== socket) return;
      if (this.options.now() - this.lastHeard >= SILENCE_MS) this.lost();
      else this.watchSilence(socket);
    });
  }

  private lost(): void {
    this.drop();
    if (this.stopped) return;
    this.options.onState("offline");
    const wait = BACKOFF_MS[Math.min(this.attempt++, BACKOFF_MS.length - 1)] ?? 8000;
    this.cancelTimer?.();
    this.cancelTimer = this.options.after(wait, () => this.connect());
  }

  private drop(): void {
    const socket = this.socket;
    this.socket = null;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  }

  private receive(data: unknown): void {
    this.lastHeard = this.options.now();
    if (typeof data !== "string" || data.length === 0) return;
    let message: StreamMessage;
    try {
      message = JSON.parse(data) as StreamMessage;
    } catch {
      return; // Not ours: a proxy's greeting, a comment.
    }
    if ("reset" in message) {
      this.cursor = message.cursor;
      this.beginReset();
      return;
    }
    if (!Array.isArray(message.changes)) return;
    this.cursor = message.cursor;
    if (!this.resetting) {
      this.deliver(message.changes);
      return;
    }
    this.held.push(message.changes);
    if (this.held.length > MOST_HELD) this.beginReset();
  }

  private beginReset(): void {
    const run = ++this.resetRun;
    this.resetting = true;
    this.held = [];
    this.lastSeq.clear();
    void this.options.onReset().then(
      () => {
        if (run !== this.resetRun) return;
        this.resetting = false;
        const held = this.held;
        this.held = [];
        for (const changes of held) this.deliver(changes);
      },
      () => {
        // The state could not be read: without it the held changes mean nothing, so ask for another reset by a fresh start.
        if (run !== this.resetRun || this.stopped) return;
        this.cancelTimer?.();
        this.cancelTimer = this.options.after(1000, () => {
          if (run === this.resetRun && !this.stopped) this.beginReset();
        });
      },
    );
  }

  private deliver(changes: Change[]): void {
    const fresh: Change[] = [];
    for (const change of changes) {
      const last = this.lastSeq.get(change.id);
      if (last !== undefined && change.seq <= last) {
        this.repeats++;
        continue;
      }
      this.lastSeq.set(change.id, change.seq);
      fresh.push(change);
    }
    if (fresh.length > 0) this.options.onChanges(fresh);
  }
}
