/** A message breaks SPEC-spaces. */
export class SpaceWireError extends Error {}

/** Reads bits, least significant first (SPEC-spaces, clause 3). */
export class BitReader {
  private at = 0;
  constructor(private readonly bytes: Uint8Array) {}

  get remaining(): number {
    return this.bytes.length * 8 - this.at;
  }

  /** 0 to 32 bits, unsigned. */
  read(bits: number): number {
    if (bits > this.remaining) throw new SpaceWireError(`${bits} bits are wanted where ${this.remaining} are left`);
    let value = 0;
    for (let got = 0; got < bits; ) {
      const offset = this.at & 7;
      const take = Math.min(8 - offset, bits - got);
      value += ((this.bytes[this.at >> 3]! >> offset) & ((1 << take) - 1)) * 2 ** got;
      got += take;
      this.at += take;
    }
    return value;
  }

  bit(): boolean {
    return this.read(1) === 1;
  }

  signed(bits: number): number {
    const value = this.read(bits);
    return value >= 2 ** (bits - 1) ? value - 2 ** bits : value;
  }
}

/** Writes bits, least significant first. */
export class BitWriter {
  private readonly bytes: number[] = [];
  private used = 0;

  write(value: number, bits: number): void {
    for (let i = 0; i < bits; i++, this.used++) {
      if ((this.used & 7) === 0) this.bytes.push(0);
      if (Math.floor(value / 2 ** i) % 2 === 1) this.bytes[this.used >> 3]! |= 1 << (this.used & 7);
    }
  }

  signed(value: number, bits: number): void {
    this.write(value < 0 ? value + 2 ** bits : value, bits);
  }

  finish(): Uint8Array {
    return Uint8Array.from(this.bytes);
  }
}
