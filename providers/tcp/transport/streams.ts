/**
 * Streams of bytes: what a connection has to send and what it has received, each in a ring whose
 * bytes are found by their sequence numbers. A ring grows with what it holds and is given back when
 * it is empty, so that an idle connection has none.
 */
import { offsetOf, type Connection } from "./layout.ts";
import { PAGE_BYTES, type TransportMemory } from "./memory.ts";

/** Offsets of the two rings in a control block: address, size, sequence number of the start. */
export const SEND_RING = offsetOf("sendBlock");
export const RECEIVE_RING = offsetOf("receiveBlock");

export class Streams {
  readonly #memory: TransportMemory;

  constructor(memory: TransportMemory) {
    this.#memory = memory;
  }

  /**
   * Makes room for bytes.
   * @param ring address of the ring's three words
   * @param first sequence number of the first byte that the ring must keep
   * @param usedBytes how many it keeps
   * @param neededBytes how many it must be able to keep
   * @returns false when there is no memory for them
   */
  fit(ring: number, first: number, usedBytes: number, neededBytes: number): boolean {
    const { u32 } = this.#memory;
    const at = ring >> 2;
    const block = u32[at]!;
    if (block !== 0 && neededBytes <= u32[at + 1]!) {
      if (usedBytes === 0) u32[at + 2] = first;
      return true;
    }
    const sizeBytes = Math.max(PAGE_BYTES, 2 ** (32 - Math.clz32(neededBytes - 1)));
    const bigger = this.#memory.takeBlock(sizeBytes);
    if (bigger === 0) return false;
    if (block !== 0) {
      this.takeTo(ring, first, bigger, usedBytes);
      this.#memory.giveBlock(block, u32[at + 1]!);
    }
    u32[at] = bigger;
    u32[at + 1] = sizeBytes;
    u32[at + 2] = first;
    return true;
  }

  /** Gives back what a connection keeps for sending again. */
  freeSent(c: Connection): void {
    this.free(c.$base + SEND_RING);
  }

  /** Gives back what a connection has received. */
  freeReceived(c: Connection): void {
    this.free(c.$base + RECEIVE_RING);
    c.rangeCount = 0;
  }

  /** Gives a ring back, if there is one. */
  free(ring: number): void {
    const { u32 } = this.#memory;
    const at = ring >> 2;
    if (u32[at] === 0) return;
    this.#memory.giveBlock(u32[at]!, u32[at + 1]!);
    u32[at] = 0;
    u32[at + 1] = 0;
  }

  /** Copies a program's bytes into a ring that has room for them. */
  put(ring: number, sequence: number, source: Uint8Array, from: number, count: number): void {
    const { u8, u32 } = this.#memory;
    const at = ring >> 2;
    const sizeBytes = u32[at + 1]!;
    const start = (sequence - u32[at + 2]!) & (sizeBytes - 1);
    const first = Math.min(count, sizeBytes - start);
    u8.set(source.subarray(from, from + first), u32[at]! + start);
    if (first < count) u8.set(source.subarray(from + first, from + count), u32[at]!);
  }

  /** Copies bytes of a received frame, which lie in memory, into a ring that has room for them. */
  putFrom(ring: number, sequence: number, address: number, count: number): void {
    const { u8, u32 } = this.#memory;
    const at = ring >> 2;
    const sizeBytes = u32[at + 1]!;
    const start = (sequence - u32[at + 2]!) & (sizeBytes - 1);
    const first = Math.min(count, sizeBytes - start);
    u8.copyWithin(u32[at]! + start, address, address + first);
    if (first < count) u8.copyWithin(u32[at]!, address + first, address + count);
  }

  /** Copies bytes of a ring to memory: into a frame. */
  takeTo(ring: number, sequence: number, address: number, count: number): void {
    const { u8, u32 } = this.#memory;
    const at = ring >> 2;
    const block = u32[at]!;
    const sizeBytes = u32[at + 1]!;
    const start = (sequence - u32[at + 2]!) & (sizeBytes - 1);
    const first = Math.min(count, sizeBytes - start);
    u8.copyWithin(address, block + start, block + start + first);
    if (first < count) u8.copyWithin(address + first, block, block + count - first);
  }

  /** Address of a byte of a ring. */
  addressOf(ring: number, sequence: number): number {
    const { u32 } = this.#memory;
    const at = ring >> 2;
    return u32[at]! + ((sequence - u32[at + 2]!) & (u32[at + 1]! - 1));
  }

  /** Bytes from a byte of a ring to where the ring begins anew. */
  straight(ring: number, sequence: number): number {
    const { u32 } = this.#memory;
    const at = ring >> 2;
    return u32[at + 1]! - ((sequence - u32[at + 2]!) & (u32[at + 1]! - 1));
  }
}
