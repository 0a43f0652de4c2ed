/**
 * Reads what a {@link StateWriter} wrote, and trusts nothing: every number is checked against the
 * range that its reader names, so that a hostile blob ends in one kind of error before anything was
 * changed.
 */
import { ReelError } from "../errors.ts";

const textDecoder = new TextDecoder("utf-8", { fatal: true });

export class StateReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #subject: string;
  #at = 0;

  /** @param subject what is being restored, for error messages: "the descriptor table" */
  constructor(bytes: Uint8Array, subject: string) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#subject = subject;
  }

  /** Bytes not yet read. */
  get remaining(): number {
    return this.#bytes.length - this.#at;
  }

  i32(what: string, low = -0x80000000, high = 0x7fffffff): number {
    const value = this.#view.getInt32(this.#take(4, what), true);
    if (value >= low && value <= high) return value;
    return this.refuse(what, value, `${low} to ${high}`);
  }

  u32(what: string, high = 0xffffffff): number {
    const value = this.#view.getUint32(this.#take(4, what), true);
    return value <= high ? value : this.refuse(what, value, `0 to ${high}`);
  }

  /** Any number but NaN. */
  f64(what: string): number {
    const value = this.#view.getFloat64(this.#take(8, what), true);
    return Number.isNaN(value) ? this.refuse(what, value, "a number") : value;
  }

  /** Any number at all. */
  number(what: string): number {
    return this.#view.getFloat64(this.#take(8, what), true);
  }

  /** A whole number from 0 that JavaScript holds exactly. */
  whole(what: string): number {
    const value = this.f64(what);
    if (Number.isSafeInteger(value) && value >= 0) return value;
    return this.refuse(what, value, "a whole number from 0");
  }

  yesOrNo(what: string): boolean {
    return this.u32(what, 1) === 1;
  }

  /** The count of records that take at least `recordBytes` each, so that no count can lie. */
  count(what: string, recordBytes: number, high = 0xffffffff): number {
    const most = Math.min(high, Math.floor(Math.max(0, this.remaining - 4) / recordBytes));
    return this.u32(`the count of ${what}`, most);
  }

  /** A list of different indices below a bound. */
  indices(what: string, below: number): number[] {
    const values: number[] = [];
    const seen = new Set<number>();
    for (let left = this.count(what, 4, below); left > 0; left--) {
      const value = this.u32(what, below - 1);
      if (seen.has(value)) this.refuse(what, `${value} twice`, "each once");
      seen.add(value);
      values.push(value);
    }
    return values;
  }

  /** A window on the next bytes, not a copy. */
  bytes(what: string): Uint8Array {
    const length = this.count(`bytes of ${what}`, 1);
    const at = this.#take(length, what);
    return this.#bytes.subarray(at, at + length);
  }

  text(what: string): string {
    const bytes = this.bytes(what);
    try {
      return textDecoder.decode(bytes);
    } catch {
      return this.refuse(what, "bytes that are no UTF-8", "text");
    }
  }

  /** Asserts that nothing is left over. */
  finish(): void {
    if (this.remaining > 0) this.refuse("its end", `${this.remaining} more bytes`, "none");
  }

  /** @throws {ReelError} ERR_STATE_CORRUPT, always */
  refuse(what: string, found: unknown, wanted: string): never {
    throw new ReelError(
      "ERR_STATE_CORRUPT",
      `Cannot restore ${this.#subject}: ${what} must be ${wanted}: found ${String(found)}`,
      { mend: "Give an undamaged snapshot", details: { what, found, wanted } },
    );
  }

  #take(count: number, what: string): number {
    if (count > this.remaining) this.refuse(what, `${this.remaining} bytes`, `${count} bytes`);
    const at = this.#at;
    this.#at += count;
    return at;
  }
}
