/**
 * What a session's side of the door knows of memory: the request in flight in each slot and the
 * groups of buffers from which the kernel picks, and so where the bytes of a completion are. A
 * recorder takes them from there and a replay puts them there, by the same rules.
 */
import { COMPLETE_BUFFER, groupOf, HOW } from "../backend/contract.ts";
import { locate, NO_MEMORY, USE } from "./memory-use.ts";
import type { TapMemory } from "./memory-use.ts";
import { SlotMemory } from "./slots.ts";

/** A group's number is what is left of the 32 bits of a HOW word. */
const GROUP_MAX = 0x7fff;

interface Group {
  readonly bytes: Uint8Array;
  readonly bufferBytes: number;
  /** 1 for each buffer that a completion used and nobody has given back. */
  readonly taken: Uint8Array;
}

export class DoorMemory {
  readonly memory: TapMemory;
  readonly slots = new SlotMemory();
  readonly #groups: (Group | undefined)[] = [];
  readonly #refuse: (found: string) => never;

  /** @param refuse raises the error for a completion that no such request can have had */
  constructor(memory: TapMemory | undefined, refuse: (found: string) => never) {
    this.memory = memory ?? NO_MEMORY;
    this.#refuse = refuse;
  }

  /** Notes a group of buffers, all of them the kernel's. */
  openGroup(group: number, bytes: Uint8Array, bufferBytes: number, count: number): void {
    if ((group & GROUP_MAX) !== group || this.#groups[group] !== undefined) {
      this.#refuse(`a new group of buffers has number ${group}, which is none or in use`);
    }
    this.#groups[group] = { bytes, bufferBytes, taken: new Uint8Array(count) };
  }

  giveBuffer(group: number, buffer: number): void {
    const taken = this.#groups[group]?.taken;
    if (taken !== undefined) taken[buffer] = 0;
  }

  closeGroup(group: number): void {
    this.#groups[group] = undefined;
  }

  /**
   * Where the bytes are that a completion of a request in flight brings: in the request's own
   * memory, or in the buffer that it used, which is taken then.
   * @returns undefined when it brings none
   */
  arrival(slot: number, result: number, flags: number, isWanted = true): Uint8Array | undefined {
    const { slots } = this;
    const use = slots.use[slot]!;
    const used = (flags & COMPLETE_BUFFER) !== 0;
    // A buffer can be used up by a completion that brings nothing, and has to be given back.
    const group = used ? this.#take(slot, flags >>> 16) : undefined;
    if (!isWanted || result <= 0) return undefined;
    if (use !== USE.READS && use !== USE.EXCHANGE) return undefined;
    const asked = slots.length[slot]!;
    if ((slots.how[slot]! & HOW.BUFFER_SELECT) === 0) {
      if (result > asked) {
        this.#refuse(`a completion brings ${result} bytes to slot ${slot}, which has ${asked}`);
      }
      return locate(this.memory, slots.address[slot]!, result);
    }
    if (group === undefined) {
      this.#refuse(`a completion brings ${result} bytes to slot ${slot} in no buffer of its group`);
    }
    const { bufferBytes } = group;
    if (result > (asked === 0 ? bufferBytes : Math.min(asked, bufferBytes))) {
      this.#refuse(`a completion brings ${result} bytes in a buffer of ${bufferBytes}`);
    }
    const at = (flags >>> 16) * bufferBytes;
    return group.bytes.subarray(at, at + result);
  }

  #take(slot: number, buffer: number): Group {
    const { slots } = this;
    // Only what reads may select a buffer; of others nothing is kept.
    const how = slots.use[slot] === USE.READS ? slots.how[slot]! : 0;
    const number = groupOf(how);
    const group = this.#groups[number];
    if ((how & HOW.BUFFER_SELECT) === 0 || group === undefined) {
      this.#refuse(`a completion of slot ${slot} uses a buffer and has no group of them`);
    }
    const { taken } = group;
    if (taken[buffer] !== 0) {
      const found = buffer < taken.length ? "which is in use" : `one of ${taken.length}`;
      this.#refuse(`a completion uses buffer ${buffer} of group ${number}, ${found}`);
    }
    taken[buffer] = 1;
    return group;
  }
}
