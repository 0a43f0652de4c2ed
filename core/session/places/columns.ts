/**
 * The columns of the table of operations: what is kept of the operation in each descriptor slot,
 * one typed array a field, so that folding an event allocates nothing.
 */
import { SLOT_MAX } from "../codec/format.ts";

const SLOTS_FIRST = 64;

/** Bits of {@link Columns.flags}. */
export const SLOT_FLAGS = {
  /** An operation is in flight in the slot: without it nothing else there means anything. */
  IN_FLIGHT: 1,
  /** A provider's operation, as against a request to the ring. */
  START: 2,
  LIMITED: 4,
  CANCELLED: 8,
  /** It was given bytes to write. */
  WRITES: 16,
} as const;
/** All bits that there are. */
export const SLOT_FLAGS_ALL = 31;

export class Columns {
  /** Slots below this one may have been used. */
  highWater = 0;
  flags = new Uint8Array(SLOTS_FIRST);
  /** Number of the operation, from 1. */
  number = new Float64Array(SLOTS_FIRST);
  /** Number of the event with which it began, and the session's clock then. */
  sequence = new Float64Array(SLOTS_FIRST);
  timeNs = new Float64Array(SLOTS_FIRST);
  /** The ring's file, or the provider's handle. */
  target = new Float64Array(SLOTS_FIRST);
  /** The ring's opcode, or provider * 256 + operation. */
  code = new Uint32Array(SLOTS_FIRST);
  offset = new Float64Array(SLOTS_FIRST);
  length = new Float64Array(SLOTS_FIRST);
  /** Results so far that were not the last, and the bytes that they counted. */
  results = new Float64Array(SLOTS_FIRST);
  movedBytes = new Float64Array(SLOTS_FIRST);

  /** Makes room for a slot. @throws {RangeError} for a slot outside any table */
  reach(slot: number): void {
    if (slot >= this.flags.length) this.#grow(slot);
    if (slot >= this.highWater) this.highWater = slot + 1;
  }

  #grow(slot: number): void {
    if (slot > SLOT_MAX) {
      throw new RangeError(`Cannot keep slot ${slot}: a table has at most ${SLOT_MAX + 1}`);
    }
    let size = this.flags.length;
    while (size <= slot) size *= 2;
    const doubles = (from: Float64Array): Float64Array<ArrayBuffer> => {
      const larger = new Float64Array(size);
      larger.set(from);
      return larger;
    };
    const flags = new Uint8Array(size);
    flags.set(this.flags);
    this.flags = flags;
    const code = new Uint32Array(size);
    code.set(this.code);
    this.code = code;
    this.number = doubles(this.number);
    this.sequence = doubles(this.sequence);
    this.timeNs = doubles(this.timeNs);
    this.target = doubles(this.target);
    this.offset = doubles(this.offset);
    this.length = doubles(this.length);
    this.results = doubles(this.results);
    this.movedBytes = doubles(this.movedBytes);
  }
}
