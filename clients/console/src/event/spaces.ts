import type { TwinApi } from "../api/client";

export interface SpaceDefinition {
  title?: string; width: number; depth: number; capacity: number; maxSpeed: number; tickHz: number; cellsAcross: number; nearRadius: number; middleRadius: number; entrance?: number[]; entranceSpread: number;
  walkable?: number[][][]; closed?: number[][][]; hosts?: string[]; moderators?: string[]; recording?: string;
}
export interface SpaceAnswer { id: string; definition: SpaceDefinition; frozen: boolean; frozenCells: number[]; slowChatSeconds: number; seated: number; waiting: number; banned?: Record<string, string>; muted?: Record<string, string> }
export interface SpacePersonRow { avatar: number; user: string; name: string; connected: boolean; x: number; z: number; refused: number; muted: boolean }
export interface Recording { recording: string; from: string; until: string; firstTick: number; lastTick: number; ticks: number; tickHz: number; bytes: number; live: boolean }
export interface RecordingView { view: string; socket: string; sessionToken: string; firstTick: number; lastTick: number; tickHz: number }

const json = { "Content-Type": "application/json" };
const enc = encodeURIComponent;

/** The doors of spaces. */
export class SpacesApi {
  constructor(private readonly api: TwinApi) {}

  list = async (): Promise<string[]> => ((await this.get("/spaces")) as { value: string[] }).value;
  one = (id: string): Promise<SpaceAnswer> => this.get(`/spaces/${enc(id)}`) as Promise<SpaceAnswer>;
  people = async (id: string): Promise<SpacePersonRow[]> => ((await this.get(`/spaces/${enc(id)}/people`)) as { value: SpacePersonRow[] }).value;
  recordings = async (id: string): Promise<Recording[]> => ((await this.get(`/spaces/${enc(id)}/recordings`)) as { value: Recording[] }).value;
  moderate = (id: string, act: string, user: string, seconds: number, cell?: number): Promise<unknown> => this.api.send("POST", `/spaces/${enc(id)}/moderation`, JSON.stringify({ act, user, seconds, cell }), { ...json });
  create = (id: string, definition: Partial<SpaceDefinition>): Promise<unknown> => this.api.send("PUT", `/spaces/${enc(id)}`, JSON.stringify(definition), { ...json });

  async watch(id: string, recording: string, at: number, speed: number): Promise<RecordingView> {
    return (await (await this.api.send("POST", `/spaces/${enc(id)}/recordings/${enc(recording)}/views`, JSON.stringify({ at, speed }), { ...json })).json()) as RecordingView;
  }

  private async get(path: string): Promise<unknown> {
    return (await this.api.send("GET", path)).json();
  }
}
