import type {
  Alarm, Device, HistoryBucket, IncomingRelationship, Json, JsonObject, ModelListItem, Page, QueryAnswer, Relationship, Scene, Snapshot, SystemStatus,
} from "./types";

/** A refusal by the silo: what (code, detail), where (a position, path or id) and the HTTP status; status 0 when it could not be reached. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly detail: string,
    readonly where: string | null = null,
  ) {
    super(detail);
  }
}

export interface Fetcher {
  (url: string, init?: RequestInit): Promise<Response>;
}

/** Where the key or token is kept: sessionStorage in the browser, so that it ends with the tab. */
export interface KeyStore {
  get(): string | null;
  set(value: string | null): void;
}

/** A JWT has two dots; anything else is an API key. */
export function isJwt(key: string): boolean {
  return key.split(".").length === 3;
}

/** Reads a refusal from a response, whatever its body is. */
export async function refusalOf(response: Response): Promise<ApiError> {
  let code = `Http${response.status}`;
  let detail = response.statusText || `The silo answered ${response.status}.`;
  let where: string | null = null;
  try {
    const body = (await response.json()) as JsonObject;
    if (typeof body["code"] === "string") code = body["code"];
    if (typeof body["detail"] === "string") detail = body["detail"];
    else if (typeof body["title"] === "string") detail = body["title"];
    if (typeof body["where"] === "string" || typeof body["where"] === "number") where = String(body["where"]);
  } catch {
    // The body is not JSON; the status line says what there is to say.
  }
  return new ApiError(response.status, code, detail, where);
}

/** The HTTP door as functions. One instance for the page. */
export class TwinApi {
  /** Called at a 401, once per refused request. */
  onUnauthorised: () => void = () => {};

  constructor(
    private readonly base: string,
    private readonly key: KeyStore,
    private readonly fetcher: Fetcher = (u, i) => fetch(u, i),
  ) {}

  get token(): string | null {
    return this.key.get();
  }

  scene = (): Promise<Scene> => this.get("/scene");
  snapshot = (model: string, path: string): Promise<Snapshot> => this.get(`/snapshot?path=${enc(path)}&model=${enc(model)}`);
  alarms = (): Promise<Alarm[]> => this.get("/alarms");
  system = (): Promise<SystemStatus> => this.get("/system");
  history = async (id: string, path: string, from: Date, to: Date, width: string): Promise<HistoryBucket[]> =>
    (await this.get<{ buckets?: HistoryBucket[] }>(
      `/history/${enc(id)}/${path.split("/").map(enc).join("/")}?from=${enc(from.toISOString())}&to=${enc(to.toISOString())}&width=${width}`)).buckets ?? [];

  models = (): Promise<ModelListItem[]> => this.all<ModelListItem>("/models?includeModelDefinition=true", 10_000);
  relationships = (id: string): Promise<Relationship[]> => this.all(`/digitaltwins/${enc(id)}/relationships`, 500);
  incoming = (id: string): Promise<IncomingRelationship[]> => this.all(`/digitaltwins/${enc(id)}/incomingrelationships`, 500);

  async devices(filter: string): Promise<Device[]> {
    const answer = await this.get<Device[] | Page<Device>>(`/devices${filter ? `?filter=${enc(filter)}` : ""}`);
    return Array.isArray(answer) ? answer : answer.value;
  }

  async twin(id: string): Promise<{ twin: JsonObject; etag: string | null }> {
    const response = await this.send("GET", `/digitaltwins/${enc(id)}`);
    const twin = (await response.json()) as JsonObject;
    const inside = twin["$etag"];
    return { twin, etag: response.headers.get("ETag") ?? (typeof inside === "string" ? inside : null) };
  }

  /** Sets one property if the twin still has the ETag; throws ApiError 412 when somebody was faster. */
  async setProperty(id: string, path: string, value: Json, etag: string | null, exists: boolean): Promise<void> {
    const pointer = "/" + path.split("/").map((p) => p.replaceAll("~", "~0")).join("/");
    const headers: Record<string, string> = { "Content-Type": "application/json-patch+json" };
    if (etag) headers["If-Match"] = etag;
    await this.send("PATCH", `/digitaltwins/${enc(id)}`, JSON.stringify([{ op: exists ? "replace" : "add", path: pointer, value }]), headers);
  }

  async command(id: string, name: string, request: Json, idempotencyKey: string): Promise<Json> {
    const headers = { "Content-Type": "application/json", "Idempotency-Key": idempotencyKey };
    const response = await this.send("POST", `/devices/${enc(id)}/commands/${enc(name)}?timeout=5`, JSON.stringify(request), headers);
    const text = await response.text();
    return text ? (JSON.parse(text) as Json) : null;
  }

  /** One page of a query. Text a person typed belongs into parameters, never into the query. */
  async query(query: string, continuationToken: string | null, pageSize: number, parameters?: Record<string, Json>, cancel?: AbortSignal): Promise<QueryAnswer & { charge: string | null }> {
    const body = JSON.stringify({ query, pageSize, ...(continuationToken ? { continuationToken } : {}), ...(parameters ? { parameters } : {}) });
    const response = await this.send("POST", "/query", body, { "Content-Type": "application/json" }, cancel);
    const answer = (await response.json()) as QueryAnswer;
    return { ...answer, charge: response.headers.get("query-charge") };
  }

  private async get<T>(path: string): Promise<T> {
    return (await (await this.send("GET", path)).json()) as T;
  }

  /** Follows nextLink until the end or until the limit is reached. */
  private async all<T>(path: string, limit: number): Promise<T[]> {
    const rows: T[] = [];
    let next: string | null | undefined = path;
    while (next && rows.length < limit) {
      const page: Page<T> = await this.get(next.replace(/^https?:\/\/[^/]+/, ""));
      rows.push(...page.value);
      next = page.nextLink;
    }
    return rows;
  }

  /** One request with the key; throws ApiError for every refusal. A signal that is raised ends it with code Cancelled. */
  async send(method: string, path: string, body?: string, headers: Record<string, string> = {}, signal?: AbortSignal): Promise<Response> {
    const key = this.key.get();
    if (key) {
      if (isJwt(key)) headers["Authorization"] = `Bearer ${key}`;
      else headers["X-Api-Key"] = key;
    }
    let response: Response;
    try {
      response = await this.fetcher(this.base + path, { method, headers, ...(body === undefined ? {} : { body }), ...(signal ? { signal } : {}) });
    } catch {
      if (signal?.aborted) throw new ApiError(0, "Cancelled", "The request was cancelled.", path);
      throw new ApiError(0, "Unreachable", `The silo at ${this.base || location.origin} could not be reached.`, path);
    }
    if (response.status === 401) this.onUnauthorised();
    if (!response.ok) throw await refusalOf(response);
    return response;
  }
}

function enc(text: string): string {
  return encodeURIComponent(text);
}
