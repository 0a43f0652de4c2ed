/**
 * Wait lists: intrusive, doubly linked, first in first out, inside the table's slab. A list costs
 * one record; linking and unlinking a slot costs a few stores and never allocates. Locks are lists
 * with an owner.
 */
import { ReelError } from "../errors.ts";
import {
  HEADER_SHIFT,
  HELD,
  LIST,
  LIST_COUNT,
  LIST_HEAD,
  LIST_KIND,
  LIST_KIND_FREE,
  LIST_NEXT_FREE,
  LIST_NEXT_HELD,
  LIST_OWNER,
  LIST_SHIFT,
  LIST_TAIL,
  NEXT,
  PREVIOUS,
} from "./layout.ts";
import type { DescriptorTable } from "./table.ts";

export class WaitLists {
  readonly #i32: Int32Array;
  readonly #at: number;
  readonly #capacity: number;
  #freeHead = -1;
  #fresh = 0;

  constructor(table: DescriptorTable) {
    this.#i32 = table.i32;
    this.#at = table.listsAt;
    this.#capacity = table.lists;
  }

  /**
   * Makes an empty list.
   * @param kind one of the LIST_KIND numbers
   * @throws {ReelError} ERR_LIMIT when the table has no list record left
   */
  create(kind: number): number {
    let list = this.#freeHead;
    if (list === -1) {
      if (this.#fresh === this.#capacity) {
        throw new ReelError(
          "ERR_LIMIT",
          `Cannot make a wait list: all ${this.#capacity} of the table are in use`,
          { mend: "Start the runtime with a larger table.lists, or close what is no longer needed" },
        );
      }
      list = this.#fresh++;
    } else {
      this.#freeHead = this.#i32[this.#record(list) + LIST_NEXT_FREE]!;
    }
    const record = this.#record(list);
    this.#i32[record + LIST_HEAD] = -1;
    this.#i32[record + LIST_TAIL] = -1;
    this.#i32[record + LIST_COUNT] = 0;
    this.#i32[record + LIST_OWNER] = -1;
    this.#i32[record + LIST_NEXT_HELD] = -1;
    this.#i32[record + LIST_KIND] = kind;
    return list;
  }

  /** Gives an empty list's record back. @throws {RangeError} when slots still wait in it */
  destroy(list: number): void {
    const record = this.#record(list);
    if (this.#i32[record + LIST_COUNT] !== 0) {
      throw new RangeError(`Cannot remove wait list ${list}: operations still wait in it`);
    }
    this.#i32[record + LIST_KIND] = LIST_KIND_FREE;
    this.#i32[record + LIST_NEXT_FREE] = this.#freeHead;
    this.#freeHead = list;
  }

  /** Links a slot at the end. The slot must be in no list. */
  append(list: number, slot: number): void {
    const i32 = this.#i32;
    const record = this.#record(list);
    const header = slot << HEADER_SHIFT;
    if (i32[header + LIST] !== -1) {
      throw new RangeError(`Cannot queue slot ${slot}: it already waits in list ${i32[header + LIST]}`);
    }
    const tail = i32[record + LIST_TAIL]!;
    i32[header + NEXT] = -1;
    i32[header + PREVIOUS] = tail;
    i32[header + LIST] = list;
    if (tail === -1) i32[record + LIST_HEAD] = slot;
    else i32[(tail << HEADER_SHIFT) + NEXT] = slot;
    i32[record + LIST_TAIL] = slot;
    i32[record + LIST_COUNT] = i32[record + LIST_COUNT]! + 1;
  }

  /** Unlinks a slot from wherever it waits. @returns the list, or -1 when it was in none */
  unlink(slot: number): number {
    const i32 = this.#i32;
    const header = slot << HEADER_SHIFT;
    const list = i32[header + LIST]!;
    if (list === -1) return -1;
    const record = this.#record(list);
    const next = i32[header + NEXT]!;
    const previous = i32[header + PREVIOUS]!;
    if (previous === -1) i32[record + LIST_HEAD] = next;
    else i32[(previous << HEADER_SHIFT) + NEXT] = next;
    if (next === -1) i32[record + LIST_TAIL] = previous;
    else i32[(next << HEADER_SHIFT) + PREVIOUS] = previous;
    i32[header + NEXT] = -1;
    i32[header + PREVIOUS] = -1;
    i32[header + LIST] = -1;
    i32[record + LIST_COUNT] = i32[record + LIST_COUNT]! - 1;
    return list;
  }

  /** Takes the first slot out. @returns -1 when the list is empty */
  shift(list: number): number {
    const slot = this.#i32[this.#record(list) + LIST_HEAD]!;
    if (slot !== -1) this.unlink(slot);
    return slot;
  }

  first(list: number): number {
    return this.#i32[this.#record(list) + LIST_HEAD]!;
  }

  count(list: number): number {
    return this.#i32[this.#record(list) + LIST_COUNT]!;
  }

  kind(list: number): number {
    return this.#i32[this.#record(list) + LIST_KIND]!;
  }

  /** The slot that holds a lock, or -1. */
  owner(lock: number): number {
    return this.#i32[this.#record(lock) + LIST_OWNER]!;
  }

  /** Makes a slot the owner of a free lock. */
  own(lock: number, slot: number): void {
    const header = slot << HEADER_SHIFT;
    const record = this.#record(lock);
    this.#i32[record + LIST_OWNER] = slot;
    this.#i32[record + LIST_NEXT_HELD] = this.#i32[header + HELD]!;
    this.#i32[header + HELD] = lock;
  }

  /** Takes a lock from its owner; nobody owns it afterwards. */
  disown(lock: number): void {
    const i32 = this.#i32;
    const record = this.#record(lock);
    const header = i32[record + LIST_OWNER]! << HEADER_SHIFT;
    const after = i32[record + LIST_NEXT_HELD]!;
    let held = i32[header + HELD]!;
    if (held === lock) {
      i32[header + HELD] = after;
    } else {
      while (i32[this.#record(held) + LIST_NEXT_HELD] !== lock) {
        held = i32[this.#record(held) + LIST_NEXT_HELD]!;
      }
      i32[this.#record(held) + LIST_NEXT_HELD] = after;
    }
    i32[record + LIST_OWNER] = -1;
    i32[record + LIST_NEXT_HELD] = -1;
  }

  /** The free records' list, which lies outside the slab. */
  snapshotCounters(): Int32Array {
    return Int32Array.of(this.#freeHead, this.#fresh);
  }

  restoreCounters(words: Int32Array): void {
    this.#freeHead = words[0]!;
    this.#fresh = words[1]!;
  }

  #record(list: number): number {
    return this.#at + (list << LIST_SHIFT);
  }
}
