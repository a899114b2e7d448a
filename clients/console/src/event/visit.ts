import { Motion, SpaceConnection, STEPS_PER_METRE, type Crowd, type Listener, type State } from "twin-sdk";
import type { Theme } from "../style/tokens";
import { Arena } from "./arena";
import { yawOf } from "./figures";
import { hopOf, OwnGesture, wordsOfFlags } from "./gestures";
import type { SpaceDefinition } from "./spaces";
import { Walker } from "./walker";

/** A visit to a space, or to a recording of it: the connection, one's own walking, and the picture of both. */
export class Visit {
  connection: SpaceConnection | null = null;
  readonly walker: Walker;
  readonly gesture = new OwnGesture();
  isReplay = false;
  onState: (state: State) => void = () => {};
  onCrowd: (crowd: Crowd) => void = () => {};
  private motion = new Motion(20);
  private crowd: Crowd | null = null;
  private frame = 0;
  private lastDraw = 0;
  private lastSay = 0;
  private isWelcome = false;

  constructor(private readonly id: string, private readonly space: SpaceDefinition, readonly arena: Arena, private readonly listener: Listener) {
    this.walker = new Walker(space);
    arena.onGround = (x, y) => (this.walker.goal = [x, y]);
    this.frame = requestAnimationFrame((at) => this.draw(at));
  }

  /** Comes in as oneself. */
  async enter(key: string | null, name: string): Promise<void> {
    this.renew(false, key);
    const { connection } = this;
    try {
      await connection!.join(name ? { name, user: name } : {});
    } catch (error) {
      if (connection === this.connection) throw error; // else one has gone to a recording or away meanwhile
    }
  }

  /** Who is in view and has a name, the nearest first. */
  near(): { avatar: number; name: string }[] {
    const { connection, walker } = this;
    if (!connection) return [];
    const far = (x: number, z: number): number => Math.hypot(x / STEPS_PER_METRE - walker.x, z / STEPS_PER_METRE - walker.y);
    return connection.view.slots.flatMap((s) => {
      const name = s && connection.people.get(s.number)?.name;
      return s && name ? [{ avatar: s.number, name, far: far(s.pose.x, s.pose.z) }] : [];
    }).sort((a, b) => a.far - b.far);
  }

  /** Watches a recording instead. */
  watch(session: { socket: string; sessionToken: string }): void {
    this.renew(true, null);
    this.connection!.watch(session);
  }

  setTheme(theme: Theme): void {
    this.arena.setTheme(theme);
    this.arena.show(this.space, theme);
  }

  dispose(): void {
    cancelAnimationFrame(this.frame);
    this.connection?.leave();
    this.arena.dispose();
  }

  private renew(isReplay: boolean, key: string | null): void {
    this.connection?.leave();
    this.isReplay = isReplay;
    this.isWelcome = false;
    this.motion.clear();
    let connection: SpaceConnection | null = null;
    const here = <T extends unknown[]>(act: (...given: T) => void) => (...given: T): void => {
      if (connection === this.connection) act(...given);
    };
    connection = new SpaceConnection(this.id, {
      ...this.listener,
      state: here((state) => this.onState(state)),
      welcome: here((welcome) => {
        this.motion = new Motion(welcome.tickHz);
        if (!this.isWelcome || !isReplay) this.walker.put(welcome.place.x / STEPS_PER_METRE, welcome.place.z / STEPS_PER_METRE);
        this.isWelcome = true;
        this.walker.isFrozen = welcome.rules.frozen && !isReplay;
        this.listener.welcome?.(welcome);
      }),
      frame: here((view, at) => this.motion.take(view, at)),
      corrected: here((c) => {
        this.walker.put(c.x / STEPS_PER_METRE, c.z / STEPS_PER_METRE);
        this.listener.corrected?.(c);
      }),
      moderation: here((kind, text, seconds) => {
        if (kind === "frozen" || kind === "thawed") this.walker.isFrozen = kind === "frozen";
        this.listener.moderation?.(kind, text, seconds);
      }),
      replay: here((first, last, at, speed) => {
        this.motion.speed = speed;
        this.listener.replay?.(first, last, at, speed);
      }),
      crowd: here((crowd) => {
        this.crowd = crowd;
        this.onCrowd(crowd);
      }),
    }, { key, clientName: "twin-console" });
    this.connection = connection;
  }

  private draw(at: number): void {
    this.frame = requestAnimationFrame((next) => this.draw(next));
    const seconds = Math.min(0.1, (at - this.lastDraw) / 1000);
    this.lastDraw = at;
    const { walker, arena, connection } = this;
    const isMoved = walker.step(seconds, arena.yaw);
    if (connection?.state.kind === "here" && at - this.lastSay >= 1000 / (connection.welcome?.tickHz ?? 20) - 4 && (isMoved || at - this.lastSay > 900 || !this.isReplay)) {
      walker.flags = this.isReplay ? 0 : this.gesture.flags(performance.now());
      connection.move(walker.pose);
      this.lastSay = at;
    }
    this.paint(performance.now());
  }

  private paint(now: number): void {
    const { arena, walker, connection, crowd } = this;
    const labels: { x: number; y: number; z: number; name: string; isSelected: boolean; far: number }[] = [];
    const near = new Map<number, number>();
    const count = (x: number, y: number): void => {
      if (!crowd) return;
      const tile = Math.floor(y / crowd.tileMetres) * crowd.columns + Math.floor(x / crowd.tileMetres);
      near.set(tile, (near.get(tile) ?? 0) + 1);
    };
    arena.figures.begin();
    this.motion.each(now, (one) => {
      const person = connection?.people.get(one.number);
      const role = (person?.roles[0] ?? (person?.appearance === "guest" ? "bot" : "")) as "" | "host" | "moderator" | "speaker" | "bot";
      arena.figures.add(one.number, one.x, one.y + hopOf(one.flags, now), one.z, yawOf(one), role, false);
      count(one.x, one.z);
      const does = wordsOfFlags(one.flags);
      if (person?.name) labels.push({ x: one.x, y: one.z, z: one.y, name: does ? `${person.name} · ${does}` : person.name, isSelected: false, far: Math.hypot(one.x - walker.x, one.z - walker.y) });
    });
    if (this.isWelcome && !this.isReplay) {
      arena.figures.add(0, walker.x, hopOf(walker.flags, now), walker.y, walker.yaw, "own", false);
      count(walker.x, walker.y);
    }
    arena.figures.end();
    if (crowd) arena.figures.setCrowd(crowd, near);
    arena.draw(walker.x, walker.y, labels.filter((l) => l.far < 22).sort((a, b) => a.far - b.far));
  }
}
