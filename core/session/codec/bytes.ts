/**
 * Variable-length integers. Unsigned: 7 bits a byte, low first, the high bit says that more follow.
 * Signed: the same, but the first byte holds 6 bits and, in bit 6, the sign. Both carry every whole
 * number up to 2⁵³ in magnitude, in at most eight bytes, without BigInt.
 */

/** Largest magnitude that a varint carries: differences of two safe integers ≥ −1 reach it. */
export const VARINT_MAX = 2 ** 53;
const BITS_28 = 2 ** 28;
const I32_MAX = 0x7fffffff;
/** Where the last seven of 28 bits begin. */
const SHIFT_MAX = 21;

/** Writes into a buffer that its owner keeps large enough. Plain fields, as hot classes have. */
export class ByteWriter {
  bytes: Uint8Array;
  at = 0;

  constructor(sizeBytes: number) {
    this.bytes = new Uint8Array(sizeBytes);
  }

  /** @param value whole, 0 to 2⁵³ @throws {RangeError} for any other: nothing half is written */
  unsigned(value: number): void {
    if ((value & 0x7f) === value) this.bytes[this.at++] = value;
    else this.unsignedLong(value);
  }

  private unsignedLong(value: number): void {
    if (!(value >= 0 && value <= VARINT_MAX && Math.floor(value) === value)) refuse(value);
    this.groups(value);
  }

  /** Writes the groups of seven bits, the last one without the high bit. */
  private groups(value: number): void {
    const bytes = this.bytes;
    let at = this.at;
    let large = value;
    while (large >= BITS_28) {
      const high = Math.floor(large / 128);
      bytes[at++] = (large - high * 128) | 0x80;
      large = high;
    }
    let rest = large | 0;
    while (rest > 0x7f) {
      bytes[at++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    bytes[at++] = rest;
    this.at = at;
  }

  /** @param value whole, up to 2⁵³ in magnitude @throws {RangeError} for any other */
  signed(value: number): void {
    const negative = value < 0;
    const magnitude = negative ? -value : value;
    if ((magnitude & 0x3f) === magnitude) {
      this.bytes[this.at++] = negative ? magnitude | 0x40 : magnitude;
      return;
    }
    const sign = negative ? 0xc0 : 0x80;
    if ((magnitude & 0x1fff) === magnitude) {
      const at = this.at;
      this.bytes[at] = (magnitude & 0x3f) | sign;
      this.bytes[at + 1] = magnitude >>> 6;
      this.at = at + 2;
      return;
    }
    if ((magnitude & I32_MAX) === magnitude) {
      this.short(magnitude, sign);
      return;
    }
    if (!(magnitude <= VARINT_MAX && Math.floor(magnitude) === magnitude)) refuse(value);
    const high = Math.floor(magnitude / 64);
    this.bytes[this.at++] = (magnitude - high * 64) | sign;
    this.groups(high);
  }

  /** A signed number of three to five bytes: without divisions, which the longer ones need. */
  private short(magnitude: number, sign: number): void {
    const bytes = this.bytes;
    let at = this.at;
    bytes[at++] = (magnitude & 0x3f) | sign;
    let rest = magnitude >>> 6;
    do {
      bytes[at++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    } while (rest > 0x7f);
    bytes[at++] = rest;
    this.at = at;
  }

  /** Four bytes, little-endian: a checksum, which no prediction makes shorter. */
  word(value: number): void {
    const bytes = this.bytes;
    const at = this.at;
    bytes[at] = value;
    bytes[at + 1] = value >>> 8;
    bytes[at + 2] = value >>> 16;
    bytes[at + 3] = value >>> 24;
    this.at = at + 4;
  }

  block(block: Uint8Array): void {
    this.bytes.set(block, this.at);
    this.at += block.length;
  }

  /** A count and the signed numbers themselves. */
  numbers(numbers: readonly number[]): void {
    this.unsigned(numbers.length);
    for (let i = 0; i < numbers.length; i++) this.signed(numbers[i]!);
  }

  /** Makes room for so many more bytes, in a larger buffer if need be. */
  reserve(moreBytes: number): void {
    const wanted = this.at + moreBytes;
    if (wanted <= this.bytes.length) return;
    const larger = new Uint8Array(wanted);
    larger.set(this.bytes.subarray(0, this.at));
    this.bytes = larger;
  }
}

function refuse(value: number): never {
  throw new RangeError(`Cannot record ${value}: it must be a whole number up to 2^53`);
}

/** What a reader raises on bad bytes; the decoder turns it into an error with a place. */
export class MalformedBytes extends Error {}

/** Reads from bytes that may be hostile: every read checks, and nothing is ever read outside. */
export class ByteReader {
  bytes: Uint8Array = new Uint8Array(0);
  at = 0;

  unsigned(): number {
    const byte = this.bytes[this.at];
    if (byte === undefined) throw new MalformedBytes("a number that is cut off");
    this.at++;
    return byte < 0x80 ? byte : this.rest(byte & 0x7f, 7);
  }

  signed(): number {
    const byte = this.bytes[this.at];
    if (byte === undefined) throw new MalformedBytes("a number that is cut off");
    this.at++;
    const low = byte & 0x3f;
    const magnitude = byte < 0x80 ? low : this.rest(low, 6);
    return (byte & 0x40) !== 0 && magnitude !== 0 ? -magnitude : magnitude;
  }

  /** @param bits of the number that are in `low` */
  private rest(low: number, bits: number): number {
    const bytes = this.bytes;
    let at = this.at;
    let value = low;
    let shift = bits;
    // Up to 28 bits are a small number; most are.
    while (shift <= SHIFT_MAX) {
      const byte = bytes[at++];
      if (byte === undefined) throw new MalformedBytes("a number that is cut off");
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) {
        this.at = at;
        return value;
      }
      shift += 7;
    }
    this.at = at;
    return this.restLong(value, 2 ** shift);
  }

  private restLong(low: number, firstScale: number): number {
    const bytes = this.bytes;
    let value = low;
    let scale = firstScale;
    for (;;) {
      const byte = bytes[this.at];
      if (byte === undefined) throw new MalformedBytes("a number that is cut off");
      this.at++;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) break;
      scale *= 128;
      if (scale > VARINT_MAX) throw new MalformedBytes("a number of more than 53 bits");
    }
    if (value > VARINT_MAX) throw new MalformedBytes("a number of more than 53 bits");
    return value;
  }

  word(): number {
    const { at, bytes } = this;
    this.skip(4);
    return (
      (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0
    );
  }

  /** A view of the next bytes. */
  block(length: number): Uint8Array {
    const { at } = this;
    this.skip(length);
    return this.bytes.subarray(at, at + length);
  }

  skip(length: number): void {
    const end = this.at + length;
    if (end > this.bytes.length) throw new MalformedBytes("a payload that is cut off");
    this.at = end;
  }
}
