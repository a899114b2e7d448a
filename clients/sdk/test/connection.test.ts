import { decode, encode } from '@msgpack/msgpack';
import { afterEach, describe, expect, it, vi } from 'vitest';
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
  const connection = new SpaceConnection('hall', { state: s => states.push(s), crowd: () => {} }, {
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

/** A connection that is in, with its socket; time is virtual from here on. */
async function inside(): Promise<ReturnType<typeof made> & { socket: FakeSocket }> {
  vi.useFakeTimers();
  const all = made([[201, session]]);
  await all.connection.join({ name: 'Mira' });
  const socket = FakeSocket.all[0]!;
  socket.open();
  socket.hear(...welcome);
  return { ...all, socket };
}

describe('a line that is not cut but dead', () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  it('is noticed by its silence within eight seconds, and not while the silo answers', async () => {
    const { connection, socket } = await inside();
    for (let second = 0; second < 60; second++) {
      await vi.advanceTimersByTimeAsync(1000);
      socket.hear(7, 0, 0, 0);
    }
    expect(connection.state.kind).toBe('here');
    await vi.advanceTimersByTimeAsync(8100);
    expect(connection.state.kind).not.toBe('here');
    expect(FakeSocket.all.length).toBe(2);
    socket.drop(1006); // its end, told minutes later, is no news
    FakeSocket.all[1]!.open();
    FakeSocket.all[1]!.hear(...welcome);
    expect(connection.state.kind).toBe('here');
    connection.leave();
  });

  it('a socket that never opens is given up, and the grace ends it all', async () => {
    const { connection, socket, states } = await inside();
    socket.drop(1006);
    await vi.advanceTimersByTimeAsync(20_000);
    expect(FakeSocket.all.length).toBeGreaterThan(2);
    await vi.advanceTimersByTimeAsync(40_000);
    expect(states.at(-1)).toMatchObject({ kind: 'ended', why: 'The silo did not answer for too long.' });
    const opened = FakeSocket.all.length;
    await vi.advanceTimersByTimeAsync(60_000);
    expect(FakeSocket.all.length).toBe(opened);
    expect(connection.move({ x: 1, y: 0, z: 1, rotation: 3, flags: 0 })).toBe(false);
  });
});

describe('coming in', () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  it('goes on when the silo is not ready yet, and says what it answered when it never is', async () => {
    vi.useFakeTimers();
    const soon = made([[503, { code: 'NotReady' }], [429, {}], [201, session]]);
    const joining = soon.connection.join();
    await vi.advanceTimersByTimeAsync(3000);
    await joining;
    expect(soon.asked.length).toBe(3);
    const never = made([[503, { code: 'NotReady', detail: 'This silo has just started.' }]]);
    const failing = expect(never.connection.join()).rejects.toMatchObject({ status: 503, code: 'NotReady' });
    await vi.advanceTimersByTimeAsync(60_000);
    await failing;
    expect(never.asked.length).toBeLessThan(60);
    await expect(made([[503, { code: 'LineFull', detail: 'Full.' }]]).connection.join()).rejects.toMatchObject({ code: 'LineFull' });
  });

  it('who leaves the line is out of it at once', async () => {
    vi.useFakeTimers();
    const { connection, asked } = made([[202, { position: 9, retryAfterMs: 2000 }]]);
    const joining = expect(connection.join()).rejects.toMatchObject({ code: 'Left' });
    await vi.advanceTimersByTimeAsync(100);
    connection.leave();
    await joining;
    await vi.advanceTimersByTimeAsync(10_000);
    expect(asked.length).toBe(1);
    expect(connection.state).toMatchObject({ kind: 'ended', code: 4000 });
  });

  it('who reads too slowly asks for less when it comes back, and less again', async () => {
    const { socket } = await inside();
    const budgets: number[] = [];
    for (let at = 0, cut = socket; at < 8; at++) {
      cut.drop(4008, 'does not read');
      await vi.advanceTimersByTimeAsync(3000);
      cut = FakeSocket.all.at(-1)!;
      cut.open();
      budgets.push((decode(cut.sent[0]!) as [number, number, number, string, { byteBudgetPerS: number }])[4].byteBudgetPerS);
      cut.hear(...welcome);
    }
    expect(budgets[0]).toBeGreaterThan(0);
    for (let i = 1; i < budgets.length; i++) expect(budgets[i]).toBeLessThanOrEqual(budgets[i - 1]!);
    expect(budgets.at(-1)).toBe(500); // the wire allows no less
  });

  it('a crowd that cannot be read starts the connection anew instead of failing the page', async () => {
    const { connection, socket } = await inside();
    socket.hear(3, Uint8Array.of(1));
    expect(connection.state.kind).toBe('lost');
    connection.leave();
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
