/**
 * Writing and reading the machine's state as bytes. The reader trusts nothing: every number is
 * checked against the range that its reader names, so that a hostile snapshot ends in one kind of
 * error before anything was changed.
 */
import { ReelError } from "../../errors.ts";

const textEncoder = new TextEncoder();
const textDecoder = new TextDecoder("utf-8", { fatal: true });
const INITIAL_BYTES = 1024;

/** Appends numbers, names and bytes, little-endian. */
export class StateWriter {
  #bytes = new Uint8Array(INITIAL_BYTES);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;

  /** One byte, 0 to 255. */
  u8(value: number): void {
    this.#reserve(1);
    this.#view.setUint8(this.#length, value);
    this.#length += 1;
  }

  /** An unsigned 32-bit number. */
  u32(value: number): void {
    this.#reserve(4);
    this.#view.setUint32(this.#length, value, true);
    this.#length += 4;
  }

  /** Any number, as IEEE 754 binary64: times, sequence numbers and arguments. */
  f64(value: number): void {
    this.#reserve(8);
    this.#view.setFloat64(this.#length, value, true);
    this.#length += 8;
  }

  /** A name: its length in UTF-8 bytes (32 bits), then the bytes. */
  text(value: string): void {
    const bytes = textEncoder.encode(value);
    this.u32(bytes.length);
    this.raw(bytes);
  }

  /** Bytes whose length the reader knows. */
  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** Everything written so far, as a copy. */
  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }

  #reserve(count: number): void {
    const wanted = this.#length + count;
    if (wanted <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(wanted, this.#bytes.length * 2));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
    this.#view = new DataView(grown.buffer);
  }
}

/** Reads what a {@link StateWriter} wrote. Every method throws ERR_STATE_CORRUPT on nonsense. */
export class StateReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Bytes not yet read: the bound of every count that a snapshot claims. */
  get remaining(): number {
    return this.#bytes.length - this.#at;
  }

  u8(what: string, max = 255): number {
    const value = this.#view.getUint8(this.#take(1, what));
    return value <= max ? value : this.refuse(what, value, `0 to ${max}`);
  }

  u32(what: string, max = 0xffffffff): number {
    const value = this.#view.getUint32(this.#take(4, what), true);
    return value <= max ? value : this.refuse(what, value, `0 to ${max}`);
  }

  /** Any number at all, also NaN: arguments of events are their owner's business. */
  f64(what: string): number {
    return this.#view.getFloat64(this.#take(8, what), true);
  }

  /** A whole number within bounds, stored as binary64. */
  whole(what: string, min: number, max: number): number {
    const value = this.f64(what);
    const good = Number.isInteger(value) && value >= min && value <= max;
    return good ? value : this.refuse(what, value, `a whole number from ${min} to ${max}`);
  }

  /** A count of records that take at least `recordBytes` each, so that no count can lie. */
  count(what: string, recordBytes: number): number {
    const value = this.u32(what);
    const most = Math.floor(this.remaining / recordBytes);
    return value <= most ? value : this.refuse(what, value, `at most ${most}`);
  }

  text(what: string): string {
    const length = this.count(what, 1);
    const bytes = this.raw(length, what);
    try {
      return textDecoder.decode(bytes);
    } catch {
      return this.refuse(what, "bytes that are no UTF-8", "a name");
    }
  }

  /** A view of the next bytes, not a copy. */
  raw(length: number, what: string): Uint8Array {
    const at = this.#take(length, what);
    return this.#bytes.subarray(at, at + length);
  }

  /** Asserts that nothing is left over. */
  finish(): void {
    if (this.remaining > 0) this.refuse("its end", `${this.remaining} more bytes`, "none");
  }

  /** @throws {ReelError} ERR_STATE_CORRUPT, always */
  refuse(what: string, found: unknown, wanted: string): never {
    throw new ReelError(
      "ERR_STATE_CORRUPT",
      `Cannot restore the machine: ${what} must be ${wanted}: found ${String(found)}`,
      {
        mend: "Give an undamaged snapshot of a machine that was put together like this one",
        details: { what, found, wanted },
      },
    );
  }

  #take(count: number, what: string): number {
    if (count > this.remaining) {
      this.refuse(what, `${this.remaining} bytes`, `at least ${count} bytes long`);
    }
    const at = this.#at;
    this.#at += count;
    return at;
  }
}
