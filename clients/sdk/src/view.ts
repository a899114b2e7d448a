import { BitReader, SpaceWireError } from './bits.js';
import { LEAST_UP, MOST_ACROSS, MOST_UP, readPose, type Pose } from './pose.js';

/** What is known of one avatar (clause 5). */
export interface Seen { number: number; ring: 0 | 1; isPaused: boolean; pose: Pose; velocity: [number, number, number] }
export interface Correction { cause: number; x: number; y: number; z: number }

const SLOTS = 256;
const clamp = (value: number, least: number, most: number): number => Math.min(most, Math.max(least, value));

/** A viewer's side of the frames (clause 6). After an error the view is worthless: close and resume. */
export class ClientView {
  readonly slots: (Seen | undefined)[] = new Array<Seen | undefined>(SLOTS).fill(undefined);
  tick = -1;
  acknowledged = 0;
  corrected: Correction | undefined;
  private pace = 0;

  apply(body: Uint8Array): void {
    const bits = new BitReader(body);
    const tick = bits.read(16);
    this.acknowledged = bits.read(8);
    const pace = bits.read(2);
    this.catchUp(tick, bits.bit());
    this.pace = pace;
    this.corrected = bits.bit() ? { cause: bits.read(4), x: bits.read(22), y: bits.read(16) + LEAST_UP, z: bits.read(22) } : undefined;
    this.each(bits, () => { this.slots[this.taken(bits)] = undefined; });
    this.each(bits, () => { this.slots[this.taken(bits)]!.isPaused = true; });
    const told = new Set<number>();
    this.each(bits, () => {
      const slot = this.taken(bits);
      const seen = this.slots[slot]!;
      Object.assign(seen, whole(bits));
      seen.isPaused = !bits.bit();
      if (seen.isPaused) told.delete(slot);
      else told.add(slot);
    });
    this.slots.forEach((seen, slot) => {
      if (seen && !seen.isPaused && !told.has(slot) && this.isDue(seen, tick)) advance(seen, bits);
    });
    this.each(bits, () => {
      const slot = this.slots.indexOf(undefined);
      if (slot < 0) throw new SpaceWireError(`more than ${SLOTS} avatars enter a view`);
      this.slots[slot] = { number: bits.read(24), ring: bits.read(1) as 0 | 1, isPaused: false, ...whole(bits) };
    });
    if (bits.remaining >= 8) throw new SpaceWireError(`a frame has ${bits.remaining >> 3} bytes more than it says`);
  }

  private catchUp(tick: number, isReset: boolean): void {
    const isStarted = this.tick >= 0;
    const ahead = isStarted ? (tick - (this.tick % 65536) + 65536) % 65536 : 0;
    if (isReset || !isStarted) {
      this.slots.fill(undefined);
      this.tick = isStarted ? this.tick + ahead : tick;
      return;
    }
    if (ahead === 0 || ahead > 200) throw new SpaceWireError(`a frame is ${ahead} ticks after the one before; 1 to 200 are allowed without a reset`);
    for (let at = this.tick + 1; at < this.tick + ahead; at++) {
      for (const seen of this.slots) if (seen && !seen.isPaused && this.isDue(seen, at)) follow(seen);
    }
    this.tick += ahead;
  }

  /** How many ticks lie between two at which an avatar is due (clause 6.2). */
  intervalOf(seen: Seen): number {
    return seen.ring === 0 ? 1 + (this.pace & 1) : 4 << (this.pace >> 1);
  }

  /** The newest tick at which an avatar was due: what is known of it is from then, unless the frame told of it whole. */
  heardAt(seen: Seen): number {
    let tick = this.tick;
    while (!this.isDue(seen, tick)) tick--;
    return tick;
  }

  private isDue(seen: Seen, tick: number): boolean {
    return seen.ring === 0 ? (this.pace & 1) === 0 || (tick & 1) === 0 : ((tick + ((this.pace & 1) === 0 ? seen.number : seen.number << 1)) & ((this.pace & 2) === 0 ? 3 : 7)) === 0;
  }

  private each(bits: BitReader, act: () => void): void {
    if (bits.bit()) for (let left = bits.read(8) + 1; left > 0; left--) act();
  }

  private taken(bits: BitReader): number {
    const slot = bits.read(8);
    if (!this.slots[slot]) throw new SpaceWireError(`slot ${slot} is named and is empty`);
    return slot;
  }
}

/** Clause 5.1. */
export function follow({ pose, velocity }: Pick<Seen, 'pose' | 'velocity'>): void {
  pose.x = clamp(pose.x + velocity[0], 0, MOST_ACROSS);
  pose.y = clamp(pose.y + velocity[1], LEAST_UP, MOST_UP);
  pose.z = clamp(pose.z + velocity[2], 0, MOST_ACROSS);
}

/** Clause 5.2. */
function advance(seen: Seen, bits: BitReader): void {
  const { x, y, z } = seen.pose;
  follow(seen);
  if (!bits.bit()) return;
  const pose = seen.pose;
  const kind = bits.read(2);
  if (kind === 3) {
    [pose.x, pose.y, pose.z] = [bits.read(22), bits.read(16) + LEAST_UP, bits.read(22)];
    seen.velocity = [0, 0, 0];
  } else if (kind !== 0) {
    const width = kind === 1 ? 5 : 9;
    pose.x += bits.signed(width);
    pose.z += bits.signed(width);
    if (bits.bit()) pose.y += bits.signed(width);
    seen.velocity = [pose.x - x, pose.y - y, pose.z - z];
    if (pose.x < 0 || pose.x > MOST_ACROSS || pose.z < 0 || pose.z > MOST_ACROSS || pose.y < LEAST_UP || pose.y > MOST_UP) throw new SpaceWireError('a delta leaves the range of places');
  }
  const turn = bits.read(2);
  if (turn === 1) {
    const which = bits.read(2);
    if (which === 3) throw new SpaceWireError('a turn names part 3 of 0 to 2');
    pose.rotation = turned(pose.rotation, which, bits.signed(6));
  } else if (turn === 2) for (let part = 0; part < 3; part++) pose.rotation = turned(pose.rotation, part, bits.signed(6));
  else if (turn === 3) pose.rotation = bits.read(32);
  if (bits.bit()) pose.flags = bits.read(8);
}

function turned(code: number, which: number, by: number): number {
  const shift = 2 + 10 * which;
  return ((code & ~(1023 << shift)) | ((((code >>> shift) + by) & 1023) << shift)) >>> 0;
}

/** Clause 5.3: place, velocity, rotation, flags. */
function whole(bits: BitReader): Pick<Seen, 'pose' | 'velocity'> {
  const [x, y, z] = [bits.read(22), bits.read(16) + LEAST_UP, bits.read(22)];
  const velocity: [number, number, number] = [bits.signed(13), bits.signed(11), bits.signed(13)];
  return { pose: { x, y, z, rotation: bits.read(32), flags: bits.read(8) }, velocity };
}

/** A pose that stands by itself, as welcome has it. */
export const poseOf = (body: Uint8Array): Pose => readPose(new BitReader(body));
