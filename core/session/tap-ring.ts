/**
 * A ring with a tap: each request goes to the ring behind, then the tap is told of it. A recorder
 * has the kernel's ring behind; a replay has one behind that does nothing.
 */
import type { Ring } from "../backend/contract.ts";
import { OPCODE } from "../backend/contract.ts";
import type { DoorMemory } from "./door-memory.ts";
import { locate, outgoing, USE, useOf } from "./memory-use.ts";
import type { Tap } from "./tap.ts";

/**
 * Asks for a group's number, which is the host's answer like that of any host call.
 * @param open asks the ring behind
 */
export type OpenGroup = (bufferBytes: number, count: number, open: () => number) => number;

export class TapRing implements Ring {
  private readonly inner: Ring;
  private readonly tap: Tap;
  private readonly door: DoorMemory;
  readonly #openGroup: OpenGroup;

  constructor(inner: Ring, tap: Tap, door: DoorMemory, openGroup: OpenGroup) {
    this.inner = inner;
    this.tap = tap;
    this.door = door;
    this.#openGroup = openGroup;
  }

  prepare(
    opcode: number,
    slot: number,
    generation: number,
    file: number,
    address: number,
    length: number,
    offset: number,
    opFlags: number,
    how = 0,
  ): void {
    const { door, tap } = this;
    const use = useOf(opcode, address, how);
    if (use !== USE.READS && use !== USE.NONE && (use !== USE.WRITES || tap.wantsPayload)) {
      this.prepareOutgoing(
        use,
        opcode,
        slot,
        generation,
        file,
        address,
        length,
        offset,
        opFlags,
        how,
      );
      return;
    }
    this.inner.prepare(opcode, slot, generation, file, address, length, offset, opFlags, how);
    door.slots.prepare(slot, generation, use, address, length, how);
    tap.submit(slot, opcode, file, length, offset, opFlags, undefined, how >>> 0);
  }

  /** Prepares a request whose memory is looked at: what goes out, and numbers that it points to. */
  private prepareOutgoing(
    use: number,
    opcode: number,
    slot: number,
    generation: number,
    file: number,
    address: number,
    length: number,
    offset: number,
    opFlags: number,
    how: number,
  ): void {
    const { door } = this;
    const bytes = outgoing(door.memory, use, address, length, offset, opFlags);
    const roomBytes = use === USE.EXCHANGE ? opFlags : length;
    // The length of a path is as much the host's as the path.
    const place = use === USE.SOCKET_ADDRESS ? bytes!.length : offset;
    this.inner.prepare(opcode, slot, generation, file, address, length, offset, opFlags, how);
    door.slots.prepare(slot, generation, use, address, roomBytes, how);
    this.tap.submit(slot, opcode, file, length, place, opFlags, bytes, how >>> 0);
  }

  /** The limit is part of the session as a request of its own opcode, with the time as offset. */
  limit(slot: number, generation: number, timeoutNs: number): void {
    this.inner.limit(slot, generation, timeoutNs);
    this.tap.submit(slot, OPCODE.LINK_TIMEOUT, -1, 0, timeoutNs, 0, undefined);
  }

  openGroup(address: number, bufferBytes: number, count: number): number {
    const bytes = locate(this.door.memory, address, bufferBytes * count);
    const open = (): number => this.inner.openGroup(address, bufferBytes, count);
    const group = this.#openGroup(bufferBytes, count, open);
    this.door.openGroup(group, bytes, bufferBytes, count);
    return group;
  }

  giveBuffer(group: number, buffer: number): void {
    this.inner.giveBuffer(group, buffer);
    this.door.giveBuffer(group, buffer);
  }

  closeGroup(group: number): void {
    this.inner.closeGroup(group);
    this.door.closeGroup(group);
  }

  cancel(slot: number, generation: number): void {
    this.inner.cancel(slot, generation);
    this.tap.cancel(slot);
  }

  flush(): void {
    this.inner.flush();
  }
}
