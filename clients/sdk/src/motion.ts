import { STEPS_PER_METRE, quaternionOf, type Pose, type Quaternion } from './pose.js';
import type { ClientView } from './view.js';

/** An avatar as it is drawn: metres, in the space's frame. */
export interface Drawn { number: number; x: number; y: number; z: number; rotation: Quaternion; flags: number }

interface Sample { tick: number; pose: Pose }

/**
 * Draws others a little in the past, between two ticks that are known, so that jitter of the network is not seen. What is not known yet goes on straight, for at most a quarter of a second. Keeps eight samples for each avatar in view.
 */
export class Motion {
  private readonly samples = new Map<number, Sample[]>();
  private offset: number | undefined; // tick minus seconds * tickHz, of the earliest arrivals
  private readonly drawn: Drawn = { number: 0, x: 0, y: 0, z: 0, rotation: [0, 0, 0, 1], flags: 0 };

  constructor(private readonly tickHz: number, private readonly delayMs = 125) {}

  /** A frame has come. */
  take(view: ClientView, nowMs: number): void {
    const offset = view.tick - (nowMs / 1000) * this.tickHz;
    if (this.offset === undefined || Math.abs(offset - this.offset) > this.tickHz) this.offset = offset; // first, or another time altogether
    else this.offset += offset > this.offset ? (offset - this.offset) * 0.2 : (offset - this.offset) * 0.02;
    const seen = new Set<number>();
    for (const one of view.slots) {
      if (!one) continue;
      seen.add(one.number);
      let list = this.samples.get(one.number);
      if (!list) this.samples.set(one.number, (list = []));
      const last = list[list.length - 1];
      if (last && last.tick >= view.tick) list.length = 0;
      list.push({ tick: view.tick, pose: { ...one.pose } });
      if (list.length > 8) list.shift();
    }
    for (const number of this.samples.keys()) if (!seen.has(number)) this.samples.delete(number);
  }

  /** Calls for each avatar in view; the object is used again for the next. */
  each(nowMs: number, draw: (one: Drawn) => void): void {
    if (this.offset === undefined) return;
    const tick = (nowMs / 1000) * this.tickHz + this.offset - (this.delayMs / 1000) * this.tickHz;
    for (const [number, list] of this.samples) {
      this.at(list, tick);
      this.drawn.number = number;
      draw(this.drawn);
    }
  }

  /** Forgets everything, as after a jump in time. */
  clear(): void {
    this.samples.clear();
    this.offset = undefined;
  }

  private at(list: Sample[], tick: number): void {
    let next = list.findIndex(s => s.tick >= tick);
    if (next === 0 || list.length === 1) return this.set(list[0]!.pose, list[0]!.pose, 0);
    if (next < 0) next = list.length - 1;
    const [a, b] = [list[next - 1]!, list[next]!];
    this.set(a.pose, b.pose, Math.min((tick - a.tick) / (b.tick - a.tick), 1 + this.tickHz / 4));
  }

  private set(a: Pose, b: Pose, share: number): void {
    const { drawn } = this;
    drawn.x = (a.x + (b.x - a.x) * share) / STEPS_PER_METRE;
    drawn.y = (a.y + (b.y - a.y) * share) / STEPS_PER_METRE;
    drawn.z = (a.z + (b.z - a.z) * share) / STEPS_PER_METRE;
    drawn.flags = b.flags;
    drawn.rotation = a.rotation === b.rotation ? quaternionOf(b.rotation) : between(quaternionOf(a.rotation), quaternionOf(b.rotation), Math.min(1, share));
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
