/**
 * Protocol buffers' wire format, as much of it as traces need: each field is its number and wire
 * type, then a varint, eight bytes, or a length and so many bytes.
 */

const WIRE_VARINT = 0;
const WIRE_FIXED64 = 1;
const WIRE_BYTES = 2;

const BYTES_FIRST = 256;
/** A varint of 64 bits. */
const VARINT_BYTES_MAX = 10;
const CONTINUE = 0x80;
const SEVEN_BITS = 128;

/** One message in the making; it can be cleared and used again. */
export class ProtoMessage {
  #buffer = new Uint8Array(BYTES_FIRST);
  #view = new DataView(this.#buffer.buffer);
  #used = 0;
  readonly #encoder = new TextEncoder();

  /** What has been written; valid until the next change. */
  get bytes(): Uint8Array {
    return this.#buffer.subarray(0, this.#used);
  }

  clear(): this {
    this.#used = 0;
    return this;
  }

  /** A whole number as uint64, int64, uint32, int32, bool or enum. */
  number(field: number, value: number): this {
    this.#tag(field, WIRE_VARINT);
    if (value < 0) this.#negative(value);
    else this.#varint(value);
    return this;
  }

  /** A whole number from 0 as fixed64. */
  fixed64(field: number, value: number): this {
    this.#tag(field, WIRE_FIXED64);
    this.#reserve(8);
    this.#view.setBigUint64(this.#used, BigInt(value), true);
    this.#used += 8;
    return this;
  }

  text(field: number, value: string): this {
    return this.blob(field, this.#encoder.encode(value));
  }

  message(field: number, value: ProtoMessage): this {
    return this.blob(field, value.bytes);
  }

  blob(field: number, value: Uint8Array): this {
    this.#tag(field, WIRE_BYTES);
    this.#varint(value.length);
    this.#reserve(value.length);
    this.#buffer.set(value, this.#used);
    this.#used += value.length;
    return this;
  }

  #tag(field: number, wire: number): void {
    this.#varint(field * 8 + wire);
  }

  #varint(value: number): void {
    this.#reserve(VARINT_BYTES_MAX);
    let rest = value;
    while (rest >= SEVEN_BITS) {
      this.#buffer[this.#used] = (rest % SEVEN_BITS) | CONTINUE;
      this.#used++;
      rest = Math.floor(rest / SEVEN_BITS);
    }
    this.#buffer[this.#used] = rest;
    this.#used++;
  }

  /** Negative numbers are 64 bits of two's complement. */
  #negative(value: number): void {
    this.#reserve(VARINT_BYTES_MAX);
    let rest = BigInt.asUintN(64, BigInt(value));
    while (rest >= BigInt(SEVEN_BITS)) {
      this.#buffer[this.#used] = Number(rest % BigInt(SEVEN_BITS)) | CONTINUE;
      this.#used++;
      rest /= BigInt(SEVEN_BITS);
    }
    this.#buffer[this.#used] = Number(rest);
    this.#used++;
  }

  #reserve(count: number): void {
    const wanted = this.#used + count;
    if (wanted <= this.#buffer.length) return;
    let size = this.#buffer.length;
    while (size < wanted) size *= 2;
    const larger = new Uint8Array(size);
    larger.set(this.bytes);
    this.#buffer = larger;
    this.#view = new DataView(larger.buffer);
  }
}
