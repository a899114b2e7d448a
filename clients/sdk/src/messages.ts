import { decode, encode } from '@msgpack/msgpack';
import { SpaceWireError } from './bits.js';
import { writeInput, type Input } from './pose.js';

/** What a client says: SPEC-spaces, clause 1. */
export const toServer = {
  hello: (clientName: string, options: { adaptive?: boolean; byteBudgetPerS?: number; deadReckoned?: boolean } = {}): Uint8Array =>
    encode([16, 1, 1, clientName, { adaptive: true, byteBudgetPerS: 0, deadReckoned: false, ...options }]),
  input: (input: Input): Uint8Array => encode([17, writeInput(input)]),
  chat: (scope: 0 | 1 | 2, text: string, to = 0): Uint8Array => encode([18, scope, text, to]),
  gesture: (number: number): Uint8Array => encode([19, number]),
  state: (channel: number, payload: Uint8Array): Uint8Array => encode([20, channel, payload]),
  timeSync: (clientMicroseconds: number): Uint8Array => encode([21, clientMicroseconds]),
  leave: (): Uint8Array => encode([22]),
  report: (avatar: number, reason: string): Uint8Array => encode([23, avatar, reason]),
  seek: (tick: number, speed = 1): Uint8Array => encode([24, tick, speed]),
  quality: (byteBudget: number): Uint8Array => encode([25, byteBudget]),
};

const names = ['', 'welcome', 'frame', 'crowd', 'people', 'chat', 'state', 'time', 'refused', 'moderation', 'quality', 'recorded', 'replay', 'left'] as const;

/** What a server says: its name and its fields in the order of the specification. */
export interface ServerMessage { name: Exclude<(typeof names)[number], ''>; fields: unknown[] }

/** Reads a server's message; undefined when its type is not known here. Fields are as they came: the server is trusted with its bounds, not with its form. */
export function fromServer(message: Uint8Array): ServerMessage | undefined {
  let parts: unknown;
  try {
    parts = decode(message, { maxArrayLength: 4096, maxMapLength: 64, maxBinLength: 2 ** 20, maxStrLength: 4096 });
  } catch (error) {
    throw new SpaceWireError(`not a message of a space: ${String(error)}`);
  }
  if (!Array.isArray(parts) || typeof parts[0] !== 'number') throw new SpaceWireError('a message is not an array that begins with its type');
  const name = names[parts[0]];
  return name ? { name, fields: parts.slice(1) } : undefined;
}
