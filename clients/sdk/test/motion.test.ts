import { describe, expect, it } from 'vitest';
import { ClientView, Motion, type Seen } from '../src/index.js';

const HZ = 20;
const STEPS = 256;
const metres = (steps: number): number => Math.round(steps * STEPS);

/** Park and Miller's generator: the same walk for the same seed. */
const seeded = (seed: number) => (): number => (seed = (seed * 16_807) % 2_147_483_647) / 2_147_483_647;

const seen = (ring: 0 | 1, x = 0, vx = 0): Seen => ({ number: 4, ring, isPaused: false, pose: { x, y: 0, z: 0, rotation: 3, flags: 0 }, velocity: [vx, 0, 0] });

/** A view as frames make it, without their bytes. */
function viewOf(one: Seen): ClientView {
  const view = new ClientView();
  view.tick = 0;
  view.slots[0] = one;
  return view;
}

const placeAt = (motion: Motion, nowMs: number): number => {
  let x = NaN;
  motion.each(nowMs, drawn => (x = drawn.x));
  return x;
};

/** The longest and the shortest way drawn in a sixtieth of a second while one walks at 1.5 m/s, after two seconds to settle. */
function strides(ring: 0 | 1, jitterMs: number): { least: number; most: number } {
  const random = seeded(11);
  const motion = new Motion(HZ);
  const one = seen(ring);
  const view = viewOf(one);
  const perTick = (1.5 / HZ) * STEPS;
  const arrivals: number[] = [];
  for (let tick = 0, latest = 0; tick < 200; tick++) arrivals.push((latest = Math.max(latest, tick * 50 + 20 + random() * jitterMs)));
  let [next, last, least, most] = [0, NaN, Infinity, -Infinity];
  for (let now = 0; now < 9000; now += 1000 / 60) {
    for (; next < arrivals.length && arrivals[next]! <= now; next++) {
      view.tick = next;
      if (ring === 0 || (next + one.number) % 4 === 0) {
        const x = Math.round(next * perTick);
        one.velocity = [x - one.pose.x, 0, 0];
        one.pose.x = x;
      }
      motion.take(view, now);
    }
    const x = placeAt(motion, now);
    if (now > 2000) [least, most] = [Math.min(least, x - last), Math.max(most, x - last)];
    last = x;
  }
  return { least, most };
}

describe('others', () => {
  it('walk evenly in both rings: no picture stands still or leaps while they walk', () => {
    const even = 1.5 / 60;
    for (const ring of [0, 1] as const) {
      const { least, most } = strides(ring, 40);
      expect(least, `ring ${ring}`).toBeGreaterThan(even * 0.4);
      expect(most, `ring ${ring}`).toBeLessThan(even * 1.7);
    }
  });

  it('walk on through the second in which the silo has nothing new to say of them', () => {
    const motion = new Motion(HZ);
    const one = seen(0, 0, 20);
    const view = viewOf(one);
    for (let tick = 0; tick < 40; tick++) {
      [view.tick, one.pose.x] = [tick, tick * 20];
      motion.take(view, tick * 50);
    }
    const before = placeAt(motion, 39 * 50);
    const after = placeAt(motion, 39 * 50 + 950);
    expect(after - before).toBeCloseTo((19 * 20) / STEPS, 1);
    const late = placeAt(motion, 39 * 50 + 60_000);
    expect(late - before).toBeLessThan((30 * 20) / STEPS); // and then they wait: a silo that says nothing has gone
  });

  it('are put elsewhere in one go, and do not fly on from there', () => {
    const motion = new Motion(HZ);
    const one = seen(0, metres(5));
    const view = viewOf(one);
    for (let tick = 0; tick < 40; tick++) {
      view.tick = tick;
      if (tick === 30) one.pose.x = metres(55);
      motion.take(view, tick * 50);
      const x = placeAt(motion, tick * 50);
      expect([5, 55]).toContain(x);
    }
    expect(placeAt(motion, 39 * 50 + 400)).toBe(55);
    const other = new Motion(HZ);
    [view.tick, one.pose.x] = [40, metres(5)];
    other.take(view, 2000);
    [view.tick, one.pose.x] = [41, metres(55)];
    other.take(view, 2050);
    expect(placeAt(other, 2500)).toBe(55);
  });

  it('who has stood for a while sets out without a leap', () => {
    const motion = new Motion(HZ);
    const one = seen(0, metres(5));
    const view = viewOf(one);
    motion.take(view, 0);
    placeAt(motion, 0);
    [view.tick, one.pose.x, one.velocity] = [20, metres(5) + 20, [20, 0, 0]];
    placeAt(motion, 990);
    motion.take(view, 1000);
    expect(placeAt(motion, 1001)).toBe(5); // it set out 50 ms ago, and is drawn 125 ms behind
    expect(placeAt(motion, 1125)).toBeCloseTo(5 + 20 / STEPS, 3);
  });

  it('are never farther from the true path than the bound says, on a seeded walk with jitter and stalls', () => {
    for (let seed = 1; seed <= 20; seed++) {
      const random = seeded(seed);
      const motion = new Motion(HZ);
      const one = seen(0, metres(50));
      const view = viewOf(one);
      const path: number[] = [];
      let [x, speed] = [50, 0];
      for (let tick = 0; tick < 400; tick++) {
        if (random() < 0.1) speed = (random() * 2 - 1) * 2;
        path.push((x += speed / HZ));
      }
      let [latest, next, worst] = [0, 0, 0];
      const arrivals = path.map((_, tick) => (latest = Math.max(latest, tick * 50 + random() * 60 + (random() < 0.02 ? 200 : 0))));
      for (let now = 0; now < 18_000; now += 16) {
        for (; next < path.length && arrivals[next]! <= now; next++) {
          const at = metres(path[next]!);
          one.velocity = [next === 0 ? 0 : at - one.pose.x, 0, 0];
          [view.tick, one.pose.x] = [next, at];
          motion.take(view, now);
        }
        const drawn = placeAt(motion, now);
        const tick = Math.min(path.length - 1, Math.floor(now / 50));
        const around = path.slice(Math.max(0, tick - 10), tick + 1); // at most half a second old
        if (now > 1000) worst = Math.max(worst, Math.max(Math.min(...around) - drawn, drawn - Math.max(...around)));
      }
      expect(worst, `seed ${seed}`).toBeLessThan(2 * 0.25); // 2 m/s for as long as the longest stall is guessed over
    }
  });
});
