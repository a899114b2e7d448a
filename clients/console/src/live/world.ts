import { ApiError, type TwinApi } from "../api/client";
import { ChangeStream, type Socket, type StreamState } from "../api/stream";
import type { Alarm, Change, Scene, SystemStatus } from "../api/types";
import { Signal } from "./events";
import { ModelBook } from "./modelBook";
import { RateMeter } from "./rateMeter";
import { TwinTable } from "./twinTable";

export type LoadState = { kind: "loading"; what: string } | { kind: "ready" } | { kind: "failed"; error: ApiError };

/** Waits before a scene that is out of date (twins came or went) is read again. */
const SCENE_AGAIN_MS = 4000;
const SYSTEM_EVERY_MS = 2000;
const ALARMS_EVERY_MS = 3000;
/** Minutes of system readings that are kept for the charts. */
export const SYSTEM_KEPT = 300;

export interface SystemReading {
  at: number;
  status: SystemStatus;
}

/** What the console knows of the place: scene, models, connection, alarms, system readings. One for the page; views listen. */
export class World {
  scene: Scene | null = null;
  table: TwinTable | null = null;
  book = new ModelBook([]);
  names = new Map<string, string>();
  alarms: Alarm[] = [];
  connection: StreamState = "connecting";
  /** When the connection was lost, by the wall clock; null while it is live. */
  lostAt: number | null = null;
  load: LoadState = { kind: "loading", what: "the scene" };
  readonly readings: SystemReading[] = [];
  readonly rate = new RateMeter(120);

  readonly onLoad = new Signal<LoadState>();
  readonly onScene = new Signal<void>();
  readonly onChanges = new Signal<Change[]>();
  readonly onConnection = new Signal<StreamState>();
  readonly onAlarms = new Signal<void>();
  readonly onSystem = new Signal<SystemReading>();
  /** The state was read again after a gap: what a view holds may be old. */
  readonly onReread = new Signal<void>();
  /** Names were read; until then twins are called by their ids. */
  readonly onNames = new Signal<void>();
  readonly onPause = new Signal<boolean>();
  isPaused = false;

  private readonly stream: ChangeStream;
  private sceneTimer: ReturnType<typeof setTimeout> | null = null;
  private alarmsDue = false;
  private isPolling = false;

  constructor(readonly api: TwinApi, streamUrl: (cursor: string | null) => string) {
    this.stream = new ChangeStream({
      open: (cursor) => new WebSocket(streamUrl(cursor)) as unknown as Socket,
      after: (ms, callback) => {
        const timer = setTimeout(callback, ms);
        return () => clearTimeout(timer);
      },
      now: () => performance.now(),
      onChanges: (changes) => this.take(changes),
      onReset: () => this.reread(),
      onState: (state) => this.setConnection(state),
    });
    addEventListener("online", () => this.stream.retryNow());
  }

  /** Reads everything and starts to follow; after a failure call it again. The stream starts first, so that no change falls between. */
  async start(): Promise<void> {
    this.setLoad({ kind: "loading", what: "the scene" });
    try {
      this.stream.start();
      await this.readScene();
      this.setLoad({ kind: "ready" });
    } catch (error) {
      this.stream.stop();
      this.setLoad({ kind: "failed", error: asApiError(error) });
      return;
    }
    void this.readNames();
    if (this.isPolling) return; // Started again after a key was asked for: the polls of before go on.
    this.isPolling = true;
    void this.pollSystem();
    void this.pollAlarms();
  }

  retryNow(): void {
    this.stream.retryNow();
  }

  /** Holds the picture: changes are let go by, and the state is read again when time goes on. */
  setPaused(is: boolean): void {
    if (is === this.isPaused) return;
    this.isPaused = is;
    this.onPause.emit(is);
    if (!is) void this.reread().catch(() => this.sceneIsOld());
  }

  nameOf(id: string): string {
    return this.names.get(id) ?? id;
  }

  /** The model of a twin that has a place; null when it has none. */
  modelOf(id: string): string | null {
    const row = this.table?.rowOf(id) ?? -1;
    return row < 0 || !this.table ? null : this.table.modelOf(row);
  }

  private async readScene(): Promise<void> {
    const [scene, models] = await Promise.all([this.api.scene(), this.api.models()]);
    this.scene = scene;
    this.table = new TwinTable(scene);
    this.book = new ModelBook(models);
    this.onScene.emit();
  }

  private async reread(): Promise<void> {
    await this.readScene();
    this.onReread.emit();
  }

  /** Names are search material: models whose twins carry one, small models first, so that streets come before lamps. */
  private async readNames(): Promise<void> {
    for (const model of this.scene?.models ?? []) {
      if (!this.book.property(model.id, "name")) continue;
      try {
        const snapshot = await this.api.snapshot(model.id, "name");
        snapshot.id.forEach((id, i) => {
          const name = snapshot.v[i];
          if (typeof name === "string") this.names.set(id, name);
        });
        this.onNames.emit();
      } catch {
        return; // Search by id still works; the banner tells of the connection.
      }
    }
  }

  private take(changes: Change[]): void {
    this.rate.add(performance.now(), changes.length);
    if (this.isPaused) return;
    for (const change of changes) {
      if (change.kind === "twinCreated" || change.kind === "twinDeleted") this.sceneIsOld();
      if (change.path === "alarm") this.alarmsDue = true;
    }
    this.onChanges.emit(changes);
  }

  private sceneIsOld(): void {
    if (this.sceneTimer) return;
    this.sceneTimer = setTimeout(() => {
      this.sceneTimer = null;
      this.readScene().catch(() => this.sceneIsOld());
    }, SCENE_AGAIN_MS);
  }

  private async pollSystem(): Promise<void> {
    try {
      const reading = { at: Date.now(), status: await this.api.system() };
      this.readings.push(reading);
      if (this.readings.length > SYSTEM_KEPT) this.readings.shift();
      this.onSystem.emit(reading);
    } catch {
      // The connection banner already says so; the next poll tries again.
    }
    setTimeout(() => void this.pollSystem(), document.hidden ? SYSTEM_EVERY_MS * 5 : SYSTEM_EVERY_MS);
  }

  private async pollAlarms(everyTurn = 0): Promise<void> {
    if (this.alarmsDue || everyTurn % 5 === 0) {
      this.alarmsDue = false;
      try {
        this.alarms = await this.api.alarms();
        this.onAlarms.emit();
      } catch {
        this.alarmsDue = true;
      }
    }
    setTimeout(() => void this.pollAlarms(everyTurn + 1), ALARMS_EVERY_MS);
  }

  private setConnection(state: StreamState): void {
    if (state === "live") this.lostAt = null;
    else if (state === "offline" && this.lostAt === null) this.lostAt = Date.now();
    this.connection = state;
    this.onConnection.emit(state);
  }

  private setLoad(state: LoadState): void {
    this.load = state;
    this.onLoad.emit(state);
  }
}

export function asApiError(error: unknown): ApiError {
  return error instanceof ApiError ? error : new ApiError(0, "Unexpected", error instanceof Error ? error.message : String(error));
}
