import { STEPS_PER_METRE, quaternionOf, type Quaternion } from './pose.js';
import type { ClientView, Seen } from './view.js';

/** An avatar as it is drawn: metres, in the space's frame. */
export interface Drawn { number: number; x: number; y: number; z: number; rotation: Quaternion; flags: number }

/** What was known of an avatar at a tick; places in steps, velocity in steps a tick. `isJump`: it came here otherwise than on foot. */
interface Sample { tick: number; x: number; y: number; z: number; vx: number; vy: number; vz: number; rotation: number; flags: number; isJump: boolean }
/** What is remembered of an avatar. `lag` is how many ticks behind the newest it is drawn. */
interface Track { ring: 0 | 1; interval: number; isPaused: boolean; lag: number; samples: Sample[] }

/** For so many ticks a silo may say nothing of those who go on as they went (clause 6.4; Viewer.MostSilentTicks), and a quarter of a second more for the network. */
const MOST_AHEAD_TICKS = 25;
/** After a longer gap an avatar begins anew where it is. */
const MOST_GAP_TICKS = 40;
/** Farther and faster than this nobody walks, metres and metres a second: drawn as a jump. */
const JUMP_METRES = 3;
const JUMP_SPEED = 25;
/** An avatar that changes ring changes its lag by a tenth of the time that passes, which is not seen. */
const LAG_PER_TICK = 0.1;

/**
 * Draws others a little in the past, between two ticks that are known, so that jitter of the network is not seen. Those of the middle ring are told of more seldom and drawn as much later. Where nothing newer is known they go on as they went: that is what silence means, so it is no guess for the silo's longest silence; after that they wait; those whom the budget holds back (paused) wait after a quarter of a second. Until then the drawn place errs by at most the avatar's change of speed times the time since its newest sample. Keeps 8 samples for each avatar in view, at most 64 when a recording is played faster.
 */
export class Motion {
  private readonly tracks = new Map<number, Track>();
  private offset: number | undefined; // tick minus ticks of the clock, of the earliest arrivals
  private drawnTick: number | undefined;
  private rate = 1;
  private readonly drawn: Drawn = { number: 0, x: 0, y: 0, z: 0, rotation: [0, 0, 0, 1], flags: 0 };

  constructor(private readonly tickHz: number, private readonly delayMs = 125) {}

  /** How fast a recording is played; 1 for what happens now, 0 stands still. */
  set speed(value: number) {
    if (value === this.rate) return;
    this.rate = value;
    this.offset = undefined;
  }

  /** A frame has come. */
  take(view: ClientView, nowMs: number): void {
    const offset = view.tick - this.ticksAt(nowMs);
    if (this.offset === undefined || Math.abs(offset - this.offset) > this.tickHz * Math.max(1, this.rate)) this.offset = offset; // first, or another time altogether
    else this.offset += offset > this.offset ? (offset - this.offset) * 0.2 : (offset - this.offset) * 0.02;
    const seen = new Set<number>();
    for (const one of view.slots) {
      if (!one) continue;
      seen.add(one.number);
      this.note(one, view);
    }
    for (const number of this.tracks.keys()) if (!seen.has(number)) this.tracks.delete(number);
  }

  /** Calls for each avatar in view; the object is used again for the next. */
  each(nowMs: number, draw: (one: Drawn) => void): void {
    if (this.offset === undefined) return;
    const now = this.ticksAt(nowMs) + this.offset;
    const ease = Math.abs(now - (this.drawnTick ?? now)) * LAG_PER_TICK;
    this.drawnTick = now;
    for (const [number, track] of this.tracks) {
      const lag = this.lagOf(track.interval);
      track.lag += Math.max(-ease, Math.min(ease, lag - track.lag));
      this.at(track, now - track.lag);
      this.drawn.number = number;
      draw(this.drawn);
    }
  }

  /** Forgets everything, as after a jump in time. */
  clear(): void {
    this.tracks.clear();
    this.offset = undefined;
  }

  private ticksAt(nowMs: number): number {
    return (nowMs / 1000) * this.tickHz * this.rate;
  }

  private lagOf(interval: number): number {
    return (this.delayMs / 1000) * this.tickHz * this.rate + interval - 1;
  }

  private note(one: Seen, view: ClientView): void {
    const interval = view.intervalOf(one);
    let track = this.tracks.get(one.number);
    if (!track) this.tracks.set(one.number, (track = { ring: one.ring, interval, isPaused: false, lag: this.lagOf(interval), samples: [] }));
    const isWhole = track.samples.length === 0 || track.ring !== one.ring || track.isPaused; // told of in this frame, due or not
    Object.assign(track, { ring: one.ring, interval, isPaused: one.isPaused });
    if (one.isPaused && track.samples.length > 0) return; // nothing is known of it until it is refreshed
    const tick = isWhole ? view.tick : view.heardAt(one);
    let last = track.samples[track.samples.length - 1];
    if (last && (view.tick < last.tick || tick - last.tick > MOST_GAP_TICKS)) {
      track.samples.length = 0;
      last = undefined;
    }
    if (last && tick <= last.tick) return;
    if (last && !isWhole && tick - last.tick > interval) { // between lay ticks without news, in which it went on
      const gone = tick - interval - last.tick;
      const from = { ...last, tick: tick - interval, x: last.x + last.vx * gone, y: last.y + last.vy * gone, z: last.z + last.vz * gone, isJump: false };
      track.samples.push((last = from));
    }
    this.push(track, one, tick, last);
  }

  private push({ samples, interval }: Track, { pose, velocity }: Seen, tick: number, last: Sample | undefined): void {
    const way = last ? Math.hypot(pose.x - last.x, pose.y - last.y, pose.z - last.z) / STEPS_PER_METRE : 0;
    const isJump = last !== undefined && way > JUMP_METRES && (way * this.tickHz) / (tick - last.tick) > JUMP_SPEED;
    samples.push({ tick, x: pose.x, y: pose.y, z: pose.z, vx: velocity[0] / interval, vy: velocity[1] / interval, vz: velocity[2] / interval, rotation: pose.rotation, flags: pose.flags, isJump });
    const most = Math.min(64, 8 * Math.max(1, Math.ceil(this.rate)));
    while (samples.length > most) samples.shift();
  }

  private at({ samples, isPaused }: Track, tick: number): void {
    const next = samples.findIndex(s => s.tick >= tick);
    if (next > 0) return this.between(samples[next - 1]!, samples[next]!, tick);
    const one = samples[next === 0 ? 0 : samples.length - 1]!;
    const ahead = next === 0 ? 0 : Math.min(isPaused ? this.tickHz / 4 : MOST_AHEAD_TICKS, tick - one.tick);
    this.put(one.x + one.vx * ahead, one.y + one.vy * ahead, one.z + one.vz * ahead, one.flags, quaternionOf(one.rotation));
  }

  private between(a: Sample, b: Sample, tick: number): void {
    const share = b.isJump ? (tick < b.tick ? 0 : 1) : (tick - a.tick) / (b.tick - a.tick);
    const rotation = a.rotation === b.rotation ? quaternionOf(b.rotation) : between(quaternionOf(a.rotation), quaternionOf(b.rotation), share);
    this.put(a.x + (b.x - a.x) * share, a.y + (b.y - a.y) * share, a.z + (b.z - a.z) * share, b.flags, rotation);
  }

  private put(x: number, y: number, z: number, flags: number, rotation: Quaternion): void {
    Object.assign(this.drawn, { x: x / STEPS_PER_METRE, y: y / STEPS_PER_METRE, z: z / STEPS_PER_METRE, flags, rotation });
  }
}

/** Spherical interpolation, the short way (K. Shoemake, 1985). */
export function between(a: Quaternion, b: Quaternion, share: number): Quaternion {
  let dot = a[0] * b[0] + a[1] * b[1] + a[2] * b[2] + a[3] * b[3];
  const sign = dot < 0 ? -1 : 1;
  dot = Math.min(1, dot * sign);
  const angle = Math.acos(dot);
  const [p, q] = angle < 1e-3 ? [1 - share, share] : [Math.sin((1 - share) * angle) / Math.sin(angle), Math.sin(share * angle) / Math.sin(angle)];
  const mixed = a.map((part, i) => p * part + q * sign * b[i]!);
  const length = Math.hypot(...mixed);
  return mixed.map(part => part / length) as Quaternion;
}
