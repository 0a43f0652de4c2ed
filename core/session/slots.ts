/**
 * What the session's side of the door remembers of the request in flight in each slot: where its
 * memory is and how it uses it. One request at a time is in flight in a slot.
 */
import { SLOT_MAX } from "./codec/format.ts";
import { USE } from "./memory-use.ts";

const SLOTS_FIRST = 1024;

export class SlotMemory {
  /** 1 while a request is in flight in the slot. */
  inFlight = new Uint8Array(SLOTS_FIRST);
  use = new Uint8Array(SLOTS_FIRST);
  generation = new Uint32Array(SLOTS_FIRST);
  // The three below are kept of requests that bring bytes in.
  /** Bytes that the request's memory has for what comes in; 0 for as many as a buffer has. */
  length = new Float64Array(SLOTS_FIRST);
  address = new Float64Array(SLOTS_FIRST);
  /** How the request is made: it names the group that the kernel picks a buffer from. */
  how = new Int32Array(SLOTS_FIRST);
  /** Requests in flight. */
  count = 0;

  /** Notes that a request was prepared. @throws {RangeError} for a slot outside any table */
  prepare(
    slot: number,
    generation: number,
    use: number,
    address: number,
    length: number,
    how: number,
  ): void {
    if (slot >= this.inFlight.length) this.#grow(slot);
    if (this.inFlight[slot] === 0) this.count++;
    this.inFlight[slot] = 1;
    this.use[slot] = use;
    this.generation[slot] = generation;
    // Of no other is it asked where what comes in has its place.
    if (use !== USE.READS && use !== USE.EXCHANGE) return;
    this.length[slot] = length;
    this.address[slot] = address;
    this.how[slot] = how;
  }

  /** Whether a request of this generation is in flight in the slot. */
  holds(slot: number, generation: number): boolean {
    return this.inFlight[slot] === 1 && this.generation[slot] === generation >>> 0;
  }

  /** Notes that the request in a slot is over. */
  finish(slot: number): void {
    this.count -= this.inFlight[slot]!;
    this.inFlight[slot] = 0;
  }

  #grow(slot: number): void {
    if (slot > SLOT_MAX) {
      throw new RangeError(`Cannot record slot ${slot}: a table has at most ${SLOT_MAX + 1}`);
    }
    let size = this.inFlight.length;
    while (size <= slot) size *= 2;
    const grow = <T extends Uint8Array | Uint32Array | Int32Array | Float64Array>(
      from: T,
      to: T,
    ): T => {
      to.set(from);
      return to;
    };
    this.inFlight = grow(this.inFlight, new Uint8Array(size));
    this.use = grow(this.use, new Uint8Array(size));
    this.generation = grow(this.generation, new Uint32Array(size));
    this.length = grow(this.length, new Float64Array(size));
    this.address = grow(this.address, new Float64Array(size));
    this.how = grow(this.how, new Int32Array(size));
  }
}
