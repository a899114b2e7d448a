/** A grid over places, for "which rows are within so many metres": rebuilt with the scene; movers are asked apart. */
export class PlaceGrid {
  private readonly cells = new Map<number, number[]>();

  constructor(
    private readonly x: Float32Array,
    private readonly y: Float32Array,
    rows: Iterable<number>,
    readonly cellMetres = 100,
  ) {
    for (const row of rows) {
      const key = this.key(Math.floor(x[row]! / cellMetres), Math.floor(y[row]! / cellMetres));
      const cell = this.cells.get(key);
      if (cell) cell.push(row);
      else this.cells.set(key, [row]);
    }
  }

  /** Calls with each row whose place is within the radius; order is not defined. */
  within(x: number, y: number, radius: number, visit: (row: number) => void): void {
    const c = this.cellMetres;
    for (let i = Math.floor((x - radius) / c); i <= Math.floor((x + radius) / c); i++) {
      for (let j = Math.floor((y - radius) / c); j <= Math.floor((y + radius) / c); j++) {
        for (const row of this.cells.get(this.key(i, j)) ?? []) {
          const dx = this.x[row]! - x;
          const dy = this.y[row]! - y;
          if (dx * dx + dy * dy <= radius * radius) visit(row);
        }
      }
    }
  }

  private key(i: number, j: number): number {
    return (i + 32768) * 65536 + (j + 32768);
  }
}
