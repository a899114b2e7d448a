import { encode } from '@msgpack/msgpack';
import { describe, expect, it, vi } from 'vitest';
import { BitWriter, ClientView, Motion, SpaceConnection, SpaceRefusal, writePose, type Pose, type State } from '../src/index.js';

/** A socket without a network. */
class FakeSocket {
  static all: FakeSocket[] = [];
  readyState = 0;
  bufferedAmount = 0;
  binaryType = '';
  sent: Uint8Array[] = [];
  onopen: (() => void) | null = null;
  onmessage: ((e: { data: ArrayBuffer }) => void) | null = null;
  onclose: ((e: { code: number; reason: string }) => void) | null = null;
  constructor(readonly url: string) {
    FakeSocket.all.push(this);
  }
  open(): void {
    this.readyState = 1;
    this.onopen?.();
  }
  hear(...message: unknown[]): void {
    const bytes = encode(message);
    this.onmessage?.({ data: bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer });
  }
  drop(code: number, reason = ''): void {
    this.readyState = 3;
    this.onclose?.({ code, reason });
  }
  send(message: Uint8Array): void {
    this.sent.push(message);
  }
  close(): void {
    this.readyState = 3;
  }
}

const place = (): Uint8Array => {
  const bits = new BitWriter();
  writePose(bits, { x: 256, y: 0, z: 512, rotation: 3, flags: 0 });
  return bits.finish();
};
const welcome = [1, 1, 'hall', 7, 100, 20, 5, false, place(), { extent: [60, 60] }, 30_000];

function made(answers: [number, object][]): { connection: SpaceConnection; states: State[]; asked: number[] } {
  FakeSocket.all = [];
  const states: State[] = [];
  const asked: number[] = [];
  const connection = new SpaceConnection('hall', { state: s => states.push(s) }, {
    base: 'http://silo:5080', random: () => 0, open: url => new FakeSocket(url) as unknown as WebSocket,
    fetch: (async () => {
      asked.push(Date.now());
      const [status, body] = answers[Math.min(asked.length - 1, answers.length - 1)]!;
      return { status, ok: status < 300, json: async () => body } as Response;
    }) as typeof fetch,
  });
  return { connection, states, asked };
}

const session = { sessionToken: 'abc', socket: '/spaces/hall/socket' };

describe('a connection to a space', () => {
  it('waits in the line, comes in, and comes back with its token when the line is cut', async () => {
    vi.useFakeTimers();
    const { connection, states, asked } = made([[202, { position: 2, retryAfterMs: 2000 }], [201, session]]);
    const joining = connection.join({ name: 'Mira' });
    await vi.advanceTimersByTimeAsync(2100);
    await joining;
    expect(asked.length).toBe(2);
    expect(states[1]).toEqual({ kind: 'waiting', position: 2 });
    const first = FakeSocket.all[0]!;
    expect(first.url).toBe('ws://silo:5080/spaces/hall/socket?token=abc');
    first.open();
    first.hear(...welcome);
    expect(connection.state.kind).toBe('here');
    expect(connection.move({ x: 1, y: 0, z: 1, rotation: 3, flags: 0 })).toBe(true);
    first.drop(1006);
    expect(connection.state).toEqual({ kind: 'lost', tries: 1 });
    expect(connection.move({ x: 1, y: 0, z: 1, rotation: 3, flags: 0 })).toBe(false);
    await vi.advanceTimersByTimeAsync(60);
    FakeSocket.all[1]!.drop(1006);
    await vi.advanceTimersByTimeAsync(60);
    expect(FakeSocket.all.length).toBe(2); // the second wait is longer
    await vi.advanceTimersByTimeAsync(60);
    FakeSocket.all[2]!.open();
    FakeSocket.all[2]!.hear(...welcome);
    expect(connection.state.kind).toBe('here');
    connection.leave();
    vi.useRealTimers();
  });

  it('ends where coming back makes no sense, asks anew when its token is stale, and says what was refused', async () => {
    vi.useFakeTimers();
    const { connection, asked } = made([[201, session]]);
    await connection.join();
    FakeSocket.all[0]!.drop(4401, 'ask for a new session');
    await vi.advanceTimersByTimeAsync(200);
    expect(asked.length).toBe(2);
    FakeSocket.all[1]!.drop(4004, 'banned');
    expect(connection.state).toMatchObject({ kind: 'ended', code: 4004 });
    await vi.advanceTimersByTimeAsync(60_000);
    expect(FakeSocket.all.length).toBe(2);
    vi.useRealTimers();
    await expect(made([[403, { code: 'TooYoung', detail: 'One must be 18.' }]]).connection.join()).rejects.toThrowError(new SpaceRefusal(403, 'TooYoung', 'One must be 18.'));
  });
});

describe('motion', () => {
  it('never strays from the true path by more than a stride, whatever the jitter', () => {
    let seed = 7;
    const random = (): number => (seed = (seed * 16_807) % 2_147_483_647) / 2_147_483_647;
    const motion = new Motion(20);
    const speed = 1.5; // m/s along x
    const view = new ClientView();
    let worst = 0;
    let arrivals: { at: number; tick: number }[] = [];
    for (let tick = 0; tick < 600; tick++) arrivals.push({ at: tick * 50 + 20 + random() * 60, tick });
    arrivals = arrivals.sort((a, b) => a.tick - b.tick);
    let latest = 0;
    for (const one of arrivals) {
      latest = Math.max(latest, one.at); // in order, as a stream is
      const pose: Pose = { x: Math.round(one.tick * 0.05 * speed * 256), y: 0, z: 0, rotation: 3, flags: 0 };
      Object.assign(view, { tick: one.tick, slots: [{ number: 1, ring: 0, isPaused: false, pose, velocity: [0, 0, 0] }] });
      motion.take(view, latest);
      motion.each(latest + random() * 40, drawn => {
        if (one.tick < 40) return;
        const lagMs = latest - (drawn.x / speed) * 1000;
        worst = Math.max(worst, Math.abs(lagMs - 125 - 40));
      });
    }
    expect(worst).toBeLessThan(160); // milliseconds of walking: a quarter of a metre
  });
});
