import { readFileSync } from 'node:fs';
import { encode } from '@msgpack/msgpack';
import { expect, test } from 'vitest';
import { fromServer, poseOf, SpaceWireError, toServer } from '../src/index.js';

const law = JSON.parse(readFileSync(new URL('../../../streams/Twin.Wire/vectors/spaces.json', import.meta.url), 'utf8')).messages as { type: string; hex: string }[];
const known = (type: string): string[] => law.filter(one => one.type === type).map(one => one.hex);
const hex = (body: Uint8Array): string => Buffer.from(body).toString('hex');
const read = (type: string): unknown[] => fromServer(Uint8Array.from(Buffer.from(known(type)[0]!, 'hex')))!.fields;

test('what the client says has the known bytes', () => {
  expect(known('ClientChat')).toEqual([toServer.chat(1, 'grüß dich 🎵'), toServer.chat(2, '', 16777215)].map(hex));
  expect(known('Gesture')).toEqual([hex(toServer.gesture(15))]);
  expect(known('TimeSync')).toEqual([hex(toServer.timeSync(2 ** 53 - 1))]);
  expect(known('Leave')).toEqual([hex(toServer.leave())]);
  expect(known('Report')).toEqual([hex(toServer.report(7, 'shouts'))]);
  expect(known('Seek')).toEqual([hex(toServer.seek(123456, 2.5))]);
  expect(known('ClientQuality')).toEqual([hex(toServer.quality(500))]);
  expect(known('Input')).toContain(hex(toServer.input({ sequence: 65535, pose: { x: 5120, y: -3, z: 4194303, rotation: 0x7fdff7ff, flags: 4 }, velocity: [-7, 3, 4095] })));
});

test('what the server says is read', () => {
  expect(read('Welcome').slice(0, 7)).toEqual([1, 'hall', 42, 2 ** 40, 20, 3, true]);
  expect(poseOf(read('Welcome')[7] as Uint8Array)).toMatchObject({ x: 5120, y: -3, z: 4194303, flags: 4 });
  expect(read('People')).toEqual([[[1, 'Ada', 'blue', ['host', 'speaker']], [2, '', '', []]]]);
  expect(read('Left')).toEqual([4003, 'out']);
  expect(fromServer(encode([99, 1]))).toBeUndefined();
  expect(() => fromServer(Uint8Array.of(0xc1))).toThrow(SpaceWireError);
  expect(() => fromServer(encode({}))).toThrow(SpaceWireError);
});
