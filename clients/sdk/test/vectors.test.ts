import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { ClientView, quaternionOf, readCrowd, rotationCode, SpaceWireError, writeInput, type Quaternion } from '../src/index.js';

interface Slot { slot: number; number: number; ring: number; isPaused: boolean; pose: number[]; velocity: number[] }
const law = JSON.parse(readFileSync(new URL('../../../streams/Twin.Wire/vectors/spaces.json', import.meta.url), 'utf8'));
const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, 'hex'));
const hex = (body: Uint8Array): string => Buffer.from(body).toString('hex');

test('a view reads the known frames', () => {
  const view = new ClientView();
  for (const frame of law.frames as { hex: string; tick: number; slots: Slot[] }[]) {
    view.apply(bytes(frame.hex));
    expect(view.tick).toBe(frame.tick);
    const seen = view.slots.flatMap((one, slot) => one ? [{ slot, number: one.number, ring: one.ring, isPaused: one.isPaused, pose: [one.pose.x, one.pose.y, one.pose.z, one.pose.rotation, one.pose.flags], velocity: one.velocity }] : []);
    expect(seen).toEqual(frame.slots);
  }
});

test('rotations have the known codes', () => {
  for (const { xyzw, code } of law.rotations as { xyzw: Quaternion; code: number }[]) {
    expect(rotationCode(xyzw.map(Math.fround) as Quaternion)).toBe(code);
    const back = quaternionOf(code);
    const length = Math.hypot(...xyzw);
    const dot = Math.abs(back.reduce((sum, part, i) => sum + (part * xyzw[i]!) / length, 0));
    expect(dot).toBeGreaterThan(Math.cos((0.125 * Math.PI) / 180));
  }
});

test('inputs and the crowd have the known bytes', () => {
  for (const { hex: known, sequence, pose: [x, y, z, rotation, flags], velocity } of law.inputs) expect(hex(writeInput({ sequence, pose: { x, y, z, rotation, flags }, velocity }))).toBe(known);
  const { hex: known, tiles, ...head } = law.crowd;
  expect(readCrowd(bytes(known))).toEqual({ ...head, tiles: tiles.map(([index, count, heading]: number[]) => ({ index, count, heading })) });
});

test('a short frame is refused', () => expect(() => new ClientView().apply(bytes('0102'))).toThrow(SpaceWireError));
