import { rotationCode, STEPS_PER_METRE, type Pose } from "twin-sdk";
import { isInside } from "./ground";
import type { SpaceDefinition } from "./spaces";

/** One's own avatar: goes where keys, a stick or a click say, no faster than the space lets it, and not where the space lets nobody. Metres; yaw in radians from east towards north. */
export class Walker {
  x = 0;
  y = 0;
  yaw = Math.PI / 2;
  /** Where a click said to go. */
  goal: [number, number] | null = null;
  /** Forward and right, -1 to 1, relative to the camera. */
  push: [forward: number, right: number] = [0, 0];
  isRunning = false;
  /** A moderator has stopped everybody. */
  isFrozen = false;
  /** Flags of the pose: hand, gesture. */
  flags = 0;

  constructor(private readonly space: SpaceDefinition) {}

  put(x: number, y: number): void {
    [this.x, this.y, this.goal] = [x, y, null];
  }

  /** Goes on; answers whether it moved. */
  step(seconds: number, cameraYaw: number): boolean {
    if (this.isFrozen) {
      this.goal = null;
      return false;
    }
    let [dx, dy] = [0, 0];
    const [forward, right] = this.push;
    if (forward !== 0 || right !== 0) {
      this.goal = null;
      dx = Math.cos(cameraYaw) * forward + Math.sin(cameraYaw) * right;
      dy = Math.sin(cameraYaw) * forward - Math.cos(cameraYaw) * right;
    } else if (this.goal) {
      [dx, dy] = [this.goal[0] - this.x, this.goal[1] - this.y];
      if (Math.hypot(dx, dy) < 0.3) {
        this.goal = null;
        return false;
      }
    } else return false;
    const size = Math.hypot(dx, dy);
    if (size < 0.05) return false;
    const pace = Math.min(this.space.maxSpeed * 0.95, this.isRunning ? 4.5 : 1.9) * (this.goal ? 1 : Math.min(1, size));
    this.yaw = Math.atan2(dy, dx);
    const [x, y] = [this.x + (dx / size) * pace * seconds, this.y + (dy / size) * pace * seconds];
    if (this.mayBe(x, y)) [this.x, this.y] = [x, y];
    else if (this.mayBe(x, this.y)) this.x = x;
    else if (this.mayBe(this.x, y)) this.y = y;
    else {
      this.goal = null;
      return false;
    }
    return true;
  }

  get pose(): Pose {
    return { x: Math.round(this.x * STEPS_PER_METRE), y: 0, z: Math.round(this.y * STEPS_PER_METRE), rotation: rotationCode([0, Math.sin(this.yaw / 2), 0, Math.cos(this.yaw / 2)]), flags: this.flags };
  }

  private mayBe(x: number, y: number): boolean {
    if (x < 0.1 || y < 0.1 || x > this.space.width - 0.1 || y > this.space.depth - 0.1) return false;
    if ((this.space.closed ?? []).some((o) => isInside(o, x, y))) return false;
    return !this.space.walkable?.length || this.space.walkable.some((o) => isInside(o, x, y));
  }
}
