/** Longest time a mover is carried on by its last velocity without news, seconds. */
export const MOST_RECKONED_S = 4;
/** How fast a wrong guess is taken back: time constant, seconds. */
export const CORRECTION_S = 0.45;
/** A jump farther than this is shown as a jump, metres: no bus slides through houses after a long silence. */
export const MOST_SLIDE_M = 250;

interface Mover {
  x: number;
  y: number;
  heading: number;
  velocityX: number;
  velocityY: number;
  sourceTime: number;
  heardAt: number;
  errorX: number;
  errorY: number;
}

/**
 * Smooth places for what moves. Problem: positions come every second or so and would jump. Idea: dead reckoning, the last
 * place carried on by the last velocity; when news comes, the difference between guess and truth fades instead of jumping.
 * Survives: late news (bounded reckoning), long gaps (a jump is shown as one). Times are seconds.
 */
export class Motion {
  private readonly movers = new Map<number, Mover>();

  get size(): number {
    return this.movers.size;
  }

  has(row: number): boolean {
    return this.movers.has(row);
  }

  /** A new place: true at sourceTime, heard at heardAt. */
  fix(row: number, x: number, y: number, heading: number, sourceTime: number, heardAt: number): void {
    const mover = this.movers.get(row);
    if (!mover) {
      this.movers.set(row, { x, y, heading, velocityX: 0, velocityY: 0, sourceTime, heardAt, errorX: 0, errorY: 0 });
      return;
    }
    const [shownX, shownY] = this.at(row, heardAt)!;
    const dt = sourceTime - mover.sourceTime;
    if (dt > 0.05 && dt < 30) {
      mover.velocityX = (x - mover.x) / dt;
      mover.velocityY = (y - mover.y) / dt;
    }
    mover.errorX = shownX - x;
    mover.errorY = shownY - y;
    if (Math.hypot(mover.errorX, mover.errorY) > MOST_SLIDE_M) mover.errorX = mover.errorY = mover.velocityX = mover.velocityY = 0;
    mover.x = x;
    mover.y = y;
    mover.heading = heading;
    mover.sourceTime = sourceTime;
    mover.heardAt = heardAt;
  }

  /** Where to show it now, with heading in degrees; null when it never moved. */
  at(row: number, now: number): [number, number, number] | null {
    const m = this.movers.get(row);
    if (!m) return null;
    const age = Math.max(0, now - m.heardAt);
    const reckoned = Math.min(age, MOST_RECKONED_S);
    const fade = Math.exp(-age / CORRECTION_S);
    return [m.x + m.velocityX * reckoned + m.errorX * fade, m.y + m.velocityY * reckoned + m.errorY * fade, m.heading];
  }

  /** Whether anything still moves: false lets the picture rest. */
  isBusy(now: number): boolean {
    for (const m of this.movers.values()) {
      const age = now - m.heardAt;
      if (age < MOST_RECKONED_S && (m.velocityX !== 0 || m.velocityY !== 0 || age < 3 * CORRECTION_S)) return true;
    }
    return false;
  }

  rows(): IterableIterator<number> {
    return this.movers.keys();
  }

  clear(): void {
    this.movers.clear();
  }
}
