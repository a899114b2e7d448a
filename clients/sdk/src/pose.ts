import { BitReader, BitWriter, SpaceWireError } from './bits.js';

export const STEPS_PER_METRE = 256;
export const MOST_ACROSS = 2 ** 22 - 1;
export const LEAST_UP = -(2 ** 14);
export const MOST_UP = 2 ** 16 - 1 + LEAST_UP;

/** Clause 2: place in steps of 1/256 m, rotation as a code of 32 bits, flags. */
export interface Pose { x: number; y: number; z: number; rotation: number; flags: number }
export interface Input { sequence: number; pose: Pose; velocity: [number, number, number] }
export type Quaternion = [x: number, y: number, z: number, w: number];

const REACH = 0.70710678;

/** The code that turns least away from the rotation; see RotationCode in Twin.Wire. */
export function rotationCode(rotation: Quaternion): number {
  const norm = Math.hypot(...rotation);
  if (!Number.isFinite(norm) || norm < 1e-6) return rotationCode([0, 0, 0, 1]);
  let largest = 0;
  for (let i = 1; i < 4; i++) if (Math.abs(rotation[i]!) > Math.abs(rotation[largest]!)) largest = i;
  const length = norm * (rotation[largest]! < 0 ? -1 : 1);
  const others = rotation.filter((_, i) => i !== largest).map(part => part / length);
  const floors = others.map(part => Math.min(1021, Math.max(0, Math.floor(((part / REACH + 1) / 2) * 1022))));
  let code = 0;
  let most = -Infinity;
  for (let corner = 0; corner < 8; corner++) {
    let [candidate, squares, dot] = [largest, 0, 0];
    for (let at = 0; at < 3; at++) {
      const step = floors[at]! + ((corner >> at) & 1);
      const part = ((step * 2) / 1022 - 1) * REACH;
      candidate += step * 2 ** (2 + 10 * at);
      squares += part * part;
      dot += part * others[at]!;
    }
    dot += Math.sqrt(Math.max(0, 1 - squares)) * (rotation[largest]! / length);
    if (squares > 1) dot /= Math.sqrt(squares);
    if (dot > most) [code, most] = [candidate, dot];
  }
  return code;
}

/** The unit quaternion of a code. */
export function quaternionOf(code: number): Quaternion {
  const largest = code & 3;
  const parts: Quaternion = [0, 0, 0, 0];
  let squares = 0;
  for (let i = 0, shift = 2; i < 4; i++) {
    if (i === largest) continue;
    const part = ((((code >>> shift) & 1023) * 2) / 1022 - 1) * REACH;
    parts[i] = part;
    squares += part * part;
    shift += 10;
  }
  parts[largest] = Math.sqrt(Math.max(0, 1 - squares));
  const length = Math.hypot(...parts);
  return parts.map(part => part / length) as Quaternion;
}

export function readPose(bits: BitReader): Pose {
  return { x: bits.read(22), y: bits.read(16) + LEAST_UP, z: bits.read(22), rotation: bits.read(32), flags: bits.read(8) };
}

export function writePose(bits: BitWriter, pose: Pose): void {
  bits.write(pose.x, 22);
  bits.write(pose.y - LEAST_UP, 16);
  bits.write(pose.z, 22);
  bits.write(pose.rotation, 32);
  bits.write(pose.flags, 8);
}

/** Clause 4. */
export function writeInput(input: Input): Uint8Array {
  const bits = new BitWriter();
  bits.write(input.sequence, 16);
  writePose(bits, input.pose);
  const isMoving = input.velocity.some(part => part !== 0);
  bits.write(isMoving ? 1 : 0, 1);
  if (isMoving) input.velocity.forEach((part, i) => bits.signed(part, i === 1 ? 11 : 13));
  return bits.finish();
}

export interface CrowdTile { index: number; count: number; heading: number }
export interface Crowd { tick: number; columns: number; rows: number; tileMetres: number; tiles: CrowdTile[] }

/** Clause 7. */
export function readCrowd(body: Uint8Array): Crowd {
  const bits = new BitReader(body);
  const crowd: Crowd = { tick: bits.read(16), columns: bits.read(8) + 1, rows: bits.read(8) + 1, tileMetres: bits.read(8), tiles: [] };
  const count = bits.read(17);
  const most = crowd.columns * crowd.rows;
  if (count > most) throw new SpaceWireError(`${count} tiles where ${most} are`);
  for (let i = 0, index = -1; i < count; i++) {
    index += gamma(bits);
    if (index >= most) throw new SpaceWireError('a tile lies outside the space');
    crowd.tiles.push({ index, count: gamma(bits), heading: bits.read(4) });
  }
  return crowd;
}

function gamma(bits: BitReader): number {
  let length = 0;
  while (!bits.bit()) if (++length > 20) throw new SpaceWireError('a number of the crowd has more than 20 bits');
  return 2 ** length + bits.read(length);
}
