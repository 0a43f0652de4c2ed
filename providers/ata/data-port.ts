/** The data register's buffer: a block that waits to be read or to be filled, at any width. */

export const PORT_BYTES = 65536;

export class DataPort {
  readonly bytes = new Uint8Array(PORT_BYTES);
  readonly #view = new DataView(this.bytes.buffer);
  /** The next byte, and the end of the block. */
  at = 0;
  end = 0;

  /** A block of so many bytes begins. */
  open(count: number): void {
    this.at = 0;
    this.end = count;
  }

  close(): void {
    this.open(0);
  }

  get isOver(): boolean {
    return this.at >= this.end;
  }

  read(width: 1 | 2 | 4): number {
    const { at } = this;
    this.at = at + width;
    if (at + width > PORT_BYTES) return this.bytes[at] ?? 0;
    if (width === 4) return this.#view.getUint32(at, true);
    return width === 2 ? this.#view.getUint16(at, true) : this.bytes[at]!;
  }

  /** What is written behind the end of the block is dropped. */
  write(width: 1 | 2 | 4, value: number): void {
    const room = Math.min(width, this.end - this.at);
    for (let i = 0; i < room; i++) this.bytes[this.at + i] = value >>> (i * 8);
    this.at += width;
  }

  save() {
    return { at: this.at, end: this.end, bytes: this.bytes.slice(0, this.end) };
  }

  load(saved: ReturnType<DataPort["save"]>): void {
    this.at = Math.min(saved.at, PORT_BYTES);
    this.end = Math.min(saved.end, PORT_BYTES);
    this.bytes.set(saved.bytes.subarray(0, PORT_BYTES));
  }
}
