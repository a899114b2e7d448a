import { fromServer, toServer, type ServerMessage } from './messages.js';
import { ClientView, poseOf, type Correction } from './view.js';
import { SpaceWireError } from './bits.js';
import { readCrowd, type Crowd, type Pose } from './pose.js';

/** Who an avatar is. */
export interface Person { avatar: number; name: string; appearance: string; roles: string[] }
export interface Rules { extent: [number, number]; nearRadius: number; nearLimit: number; middleRadius: number; middleLimit: number; maxSpeed: number; frozen: boolean; slowChat: number }
export interface Welcome { space: string; avatar: number; tick: number; tickHz: number; epoch: number; isResumed: boolean; place: Pose; rules: Rules; graceMs: number }
export interface Chat { from: number; scope: 0 | 1 | 2; text: string; tick: number; to: number }
export interface Session { sessionToken: string; socket: string; roles?: number; avatar?: number; user?: string }

/** Where the connection stands. `why` is for people. */
export type State =
  | { kind: 'joining' } | { kind: 'waiting'; position: number } | { kind: 'opening' } | { kind: 'here' }
  | { kind: 'lost'; tries: number } | { kind: 'ended'; code: number; why: string };

/** What a connection tells; each is called on the page's thread. */
export interface Listener {
  state?(state: State): void;
  welcome?(welcome: Welcome): void;
  /** The view has advanced to a tick. */
  frame?(view: ClientView, at: number): void;
  corrected?(correction: Correction): void;
  people?(people: Person[]): void;
  crowd?(crowd: Crowd): void;
  chat?(chat: Chat): void;
  avatarState?(avatar: number, channel: number, payload: Uint8Array): void;
  refused?(code: string, text: string): void;
  moderation?(kind: string, text: string, seconds: number): void;
  quality?(level: number, text: string): void;
  replay?(firstTick: number, lastTick: number, atTick: number, speed: number): void;
}

export interface Options {
  /** The silo, as http://localhost:5080; empty for the page's own. */
  base?: string;
  /** API key or token for HTTP; the socket has its own. */
  key?: string | null;
  clientName?: string;
  adaptive?: boolean;
  byteBudgetPerS?: number;
  fetch?: typeof fetch;
  open?: (url: string) => WebSocket;
  /** Milliseconds, monotonic. */
  now?: () => number;
  random?: () => number;
}

const LEAST_WAIT_MS = 100;
const MOST_WAIT_MS = 2000;
/** A silo answers each of these, and tells the crowd each second besides. */
const PING_MS = 2000;
/** So many unanswered mean that the line is dead. Counted in pings and not in time: a page that was frozen has not listened. */
const MOST_UNANSWERED = 3;
const OPEN_MS = 8000;
/** How long one asks a silo that cannot say yes or no for the moment, where the space has not told its grace yet. */
const PATIENCE_MS = 30_000;
/** What is asked for after the first loss for slowness, and the least that the wire allows (SPEC-spaces, clause 9). */
const MODEST_BYTES_PER_S = 8000;
const LEAST_BYTES_PER_S = 500;
/** Codes after which coming back makes no sense. */
const FINAL: Record<number, string> = {
  4000: 'You have left.', 4001: 'You have come in elsewhere.', 4003: 'A moderator has sent you out.', 4004: 'A moderator keeps you out.', 4029: 'Too many messages.', 4400: 'The connection broke the rules of the wire.',
};

/** A refusal over HTTP. */
export class SpaceRefusal extends Error {
  constructor(readonly status: number, readonly code: string, detail: string) {
    super(detail);
  }
}

/** One person's connection to a space: comes in, says where it is, hears, and comes back when the line is cut. Bounded: it keeps the view, names of at most 4,096 avatars, and nothing else. */
export class SpaceConnection {
  view = new ClientView();
  readonly people = new Map<number, Person>();
  welcome: Welcome | undefined;
  state: State = { kind: 'joining' };
  /** Round trip in milliseconds, smoothed; undefined until known. */
  roundTripMs: number | undefined;
  bytesIn = 0;
  frames = 0;
  private socket: WebSocket | undefined;
  private session: Session | undefined;
  private who: { user?: string; name?: string; appearance?: string; age?: number; consents?: string[] } | undefined;
  private sequence = 0;
  private tries = 0;
  private lostAt = 0;
  private isOver = false;
  private readonly pauses = new Map<ReturnType<typeof setTimeout>, () => void>();
  private unanswered = 0;
  private pinger: ReturnType<typeof setInterval> | undefined;
  private readonly options: Required<Omit<Options, 'key'>> & { key: string | null };

  constructor(private readonly space: string, private readonly listener: Listener, options: Options = {}) {
    this.options = {
      base: '', clientName: 'twin-sdk-ts', adaptive: true, byteBudgetPerS: 0, fetch: (...a) => fetch(...a), open: url => new WebSocket(url), now: () => performance.now(), random: Math.random, ...options, key: options.key ?? null,
    };
  }

  /** Comes in; waits in the line where there is one, and half a minute for a silo that is not ready. Resolves when it may come in and the socket is being opened. Throws SpaceRefusal: of the silo, with status 0 where none answered, with code Left where one has left meanwhile. */
  async join(who: { user?: string; name?: string; appearance?: string; age?: number; consents?: string[] } = {}): Promise<Session> {
    this.who = who;
    this.tell({ kind: 'joining' });
    const since = this.options.now();
    for (let tries = 0; !this.isOver; ) {
      const { status, body } = await this.ask(who);
      if (this.isOver) break;
      if (status === 202) {
        tries = 0;
        this.tell({ kind: 'waiting', position: body.position ?? 0 });
        await this.pause(Math.max(500, body.retryAfterMs ?? 2000));
      } else if (status >= 200 && status < 300 && body.sessionToken && body.socket) {
        this.watch(body as Session);
        return body as Session;
      } else {
        const isForNow = (status === 0 || status === 429 || (status >= 502 && status <= 504)) && body.code !== 'LineFull';
        if (!isForNow || this.options.now() - since > PATIENCE_MS) throw new SpaceRefusal(status, body.code ?? (status === 0 ? 'Unreachable' : `Http${status}`), body.detail ?? (status === 0 ? 'The silo could not be reached.' : `The silo answered ${status}.`));
        await this.pause(this.backOff(++tries));
      }
    }
    throw new SpaceRefusal(0, 'Left', 'You have left.');
  }

  private async ask(who: object): Promise<{ status: number; body: Partial<Session> & { position?: number; retryAfterMs?: number; code?: string; detail?: string } }> {
    try {
      const answer = await this.options.fetch(`${this.options.base}/spaces/${encodeURIComponent(this.space)}/sessions`, {
        method: 'POST', body: JSON.stringify(who), headers: { 'content-type': 'application/json', ...(this.options.key ? { authorization: `Bearer ${this.options.key}` } : {}) },
      });
      return { status: answer.status, body: await answer.json().catch(() => ({})) };
    } catch {
      return { status: 0, body: {} };
    }
  }

  /** Opens the socket of a session that is known: one's own, or a view of a recording. */
  watch(session: Session): void {
    this.session = session;
    this.openSocket();
  }

  /** Says where one is. Call it at the space's tick rate. Answers false when there is no connection. */
  move(pose: Pose, velocity: [number, number, number] = [0, 0, 0]): boolean {
    if (this.state.kind !== 'here') return false;
    this.sequence = (this.sequence + 1) & 0xffff;
    return this.send(toServer.input({ sequence: this.sequence, pose, velocity }));
  }

  chat(scope: 0 | 1 | 2, text: string, to = 0): boolean {
    return this.send(toServer.chat(scope, text.slice(0, 500), to));
  }

  setState(channel: number, payload: Uint8Array): boolean {
    return this.send(toServer.state(channel, payload));
  }

  report(avatar: number, reason: string): boolean {
    return this.send(toServer.report(avatar, reason.slice(0, 500)));
  }

  /** In a view of a recording: goes to a tick and on at a speed. */
  seek(tick: number, speed: number): boolean {
    return this.send(toServer.seek(Math.max(0, Math.round(tick)), speed));
  }

  /** Leaves for good. */
  leave(): void {
    if (this.isOver) return;
    this.send(toServer.leave());
    this.end(4000, FINAL[4000]!);
  }

  private send(message: Uint8Array): boolean {
    if (this.socket?.readyState !== 1 || this.socket.bufferedAmount > 64 * 1024) return false; // what cannot go out now is old when it can
    this.socket.send(message as Uint8Array<ArrayBuffer>);
    return true;
  }

  private openSocket(): void {
    if (this.isOver || !this.session) return;
    if (this.state.kind !== 'lost') this.tell({ kind: 'opening' });
    const base = this.options.base || (typeof location === 'undefined' ? '' : location.origin);
    const url = new URL(this.session.socket, base);
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    url.searchParams.set('token', this.session.sessionToken);
    const socket = this.options.open(url.href);
    socket.binaryType = 'arraybuffer';
    this.socket = socket;
    void this.pause(OPEN_MS).then(() => {
      if (socket === this.socket && this.state.kind !== 'here') this.drop('no answer');
    });
    socket.onopen = () => socket.send(toServer.hello(this.options.clientName, { adaptive: this.options.adaptive, byteBudgetPerS: this.options.byteBudgetPerS }) as Uint8Array<ArrayBuffer>);
    socket.onmessage = event => {
      if (socket === this.socket) this.hear(new Uint8Array(event.data as ArrayBuffer));
    };
    socket.onclose = event => {
      if (socket === this.socket) this.closed(event.code, event.reason);
    };
  }

  private hear(message: Uint8Array): void {
    this.bytesIn += message.length;
    this.unanswered = 0;
    try {
      const heard = fromServer(message);
      if (heard?.name === 'frame') this.show(heard.fields[0] as Uint8Array);
      else if (heard) this.take(heard);
    } catch (error) {
      if (!(error instanceof SpaceWireError)) throw error; // the listener's own
      this.drop('unreadable'); // the view is worthless: come back and start anew
    }
  }

  private show(body: Uint8Array): void {
    this.view.apply(body);
    this.frames++;
    this.listener.frame?.(this.view, this.options.now());
    if (this.view.corrected) this.listener.corrected?.(this.view.corrected);
  }

  /** Gives up the socket, whose end may be told much later or never, and comes back. */
  private drop(why: string): void {
    const { socket } = this;
    this.socket = undefined;
    socket?.close(3000, why);
    this.closed(3000, why);
  }

  private take({ name, fields }: ServerMessage): void {
    const { listener } = this;
    switch (name) {
      case 'welcome': return this.welcomed(fields);
      case 'people': return this.meet((fields[0] as [number, string, string?, string[]?][]).map(([avatar, given, appearance, roles]) => ({ avatar, name: given, appearance: appearance ?? '', roles: roles ?? [] })));
      case 'crowd': return listener.crowd?.(readCrowd(fields[0] as Uint8Array));
      case 'chat': return listener.chat?.({ from: fields[0] as number, scope: fields[1] as 0 | 1 | 2, text: fields[2] as string, tick: fields[3] as number, to: (fields[4] as number) ?? 0 });
      case 'state': return listener.avatarState?.(fields[0] as number, fields[1] as number, fields[2] as Uint8Array);
      case 'refused': return listener.refused?.(fields[1] as string, (fields[2] as string) ?? '');
      case 'moderation': return listener.moderation?.(fields[0] as string, (fields[1] as string) ?? '', (fields[2] as number) ?? 0);
      case 'quality': return listener.quality?.(fields[0] as number, (fields[1] as string) ?? '');
      case 'replay': {
        const at = fields[2] as number;
        this.view.tick = at - ((((at - this.view.tick) % 65536) + 65536) % 65536); // the way back in time is not in a frame's low bits
        listener.replay?.(fields[0] as number, fields[1] as number, fields[2] as number, (fields[3] as number) ?? 1);
        return;
      }
      case 'time': {
        const trip = this.options.now() - (fields[0] as number) / 1000;
        this.roundTripMs = this.roundTripMs === undefined ? trip : this.roundTripMs + (trip - this.roundTripMs) / 8;
      }
    }
  }

  private welcomed(fields: unknown[]): void {
    const rules = (fields[8] ?? {}) as Partial<Rules>;
    this.welcome = {
      space: fields[1] as string, avatar: fields[2] as number, tick: fields[3] as number, tickHz: fields[4] as number, epoch: fields[5] as number, isResumed: fields[6] as boolean, place: poseOf(fields[7] as Uint8Array),
      rules: { extent: [1, 1], nearRadius: 16, nearLimit: 128, middleRadius: 0, middleLimit: 0, maxSpeed: 0, frozen: false, slowChat: 0, ...rules }, graceMs: (fields[9] as number) ?? 30_000,
    };
    this.view = new ClientView();
    this.view.tick = this.welcome.tick; // frames carry its low bits only
    this.sequence = 0;
    this.tries = 0;
    this.lostAt = 0;
    this.tell({ kind: 'here' });
    this.listener.welcome?.(this.welcome);
    clearInterval(this.pinger);
    this.unanswered = 0;
    this.pinger = setInterval(() => this.ping(), PING_MS);
    this.ping();
  }

  private ping(): void {
    if (this.unanswered++ >= MOST_UNANSWERED) return this.drop('silent');
    this.send(toServer.timeSync(Math.round(this.options.now() * 1000)));
  }

  private meet(people: Person[]): void {
    for (const person of people) {
      if (this.people.size > 4096) this.people.clear(); // they are told again when they come into view
      this.people.set(person.avatar, person);
    }
    this.listener.people?.(people);
  }

  private closed(code: number, reason: string): void {
    this.socket = undefined;
    clearInterval(this.pinger);
    if (this.isOver) return;
    if (FINAL[code]) return this.end(code, reason ? `${FINAL[code]} (${reason})` : FINAL[code]);
    const now = this.options.now();
    this.lostAt ||= now;
    if (now - this.lostAt > (this.welcome?.graceMs ?? PATIENCE_MS)) return this.end(code, 'The silo did not answer for too long.');
    this.tell({ kind: 'lost', tries: ++this.tries });
    const isStale = code === 4401 && this.who !== undefined; // the token alone brings nobody in any more: ask as at first
    if (code === 4008) this.options.byteBudgetPerS = Math.max(LEAST_BYTES_PER_S, Math.floor((this.options.byteBudgetPerS || 2 * MODEST_BYTES_PER_S) / 2));
    void this.pause(this.backOff(this.tries)).then(() => {
      if (this.isOver) return;
      if (!isStale) return this.openSocket();
      this.join(this.who).catch((error: unknown) => this.end(code, error instanceof Error ? error.message : String(error)));
    });
  }

  private backOff(tries: number): number {
    return Math.min(MOST_WAIT_MS, LEAST_WAIT_MS * 2 ** Math.min(10, tries - 1)) * (0.5 + this.options.random() / 2);
  }

  private end(code: number, why: string): void {
    if (this.isOver) return;
    this.isOver = true;
    clearInterval(this.pinger);
    for (const [timer, go] of this.pauses) {
      clearTimeout(timer);
      go(); // whoever waits finds that it is over
    }
    this.pauses.clear();
    this.socket?.close(1000);
    this.socket = undefined;
    this.tell({ kind: 'ended', code, why });
  }

  private pause(ms: number): Promise<void> {
    return new Promise(resolve => {
      const timer = setTimeout(() => {
        this.pauses.delete(timer);
        resolve();
      }, ms);
      this.pauses.set(timer, resolve);
    });
  }

  private tell(state: State): void {
    this.state = state;
    this.listener.state?.(state);
  }
}
