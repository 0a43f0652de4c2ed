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
  LIST_KIND_LOCK,
  LIST_KIND_QUEUE,
  LIST_NEXT_FREE,
  LIST_NEXT_HELD,
  LIST_OWNER,
  LIST_SHIFT,
  LIST_TAIL,
  NEXT,
  PREVIOUS,
} from "./layout.ts";
import type { DescriptorTable } from "./table.ts";

/** Fields are plain for the reason given at {@link DescriptorTable}. */
export class WaitLists {
  readonly i32: Int32Array;
  /** First word of the list records. */
  readonly at: number;
  readonly capacity: number;
  #freeHead = -1;
  #fresh = 0;

  constructor(table: DescriptorTable) {
    this.i32 = table.i32;
    this.at = table.listsAt;
    this.capacity = table.lists;
  }

  /** List records that were ever in use: higher numbers have never been given out. */
  get fresh(): number {
    return this.#fresh;
  }

  /**
   * Makes an empty list.
   * @param kind one of the LIST_KIND numbers
   * @throws {ReelError} ERR_LIMIT when the table has no list record left
   */
  create(kind: number): number {
    let list = this.#freeHead;
    if (list === -1) {
      if (this.#fresh === this.capacity) {
        throw new ReelError(
          "ERR_LIMIT",
          `Cannot make a wait list: all ${this.capacity} of the table are in use`,
          {
            mend: "Start the runtime with a larger table.lists, or close what is no longer needed",
          },
        );
      }
      list = this.#fresh++;
    } else {
      this.#freeHead = this.i32[this.#record(list) + LIST_NEXT_FREE]!;
    }
    const record = this.#record(list);
    this.i32[record + LIST_HEAD] = -1;
    this.i32[record + LIST_TAIL] = -1;
    this.i32[record + LIST_COUNT] = 0;
    this.i32[record + LIST_OWNER] = -1;
    this.i32[record + LIST_NEXT_HELD] = -1;
    this.i32[record + LIST_KIND] = kind;
    return list;
  }

  /**
   * Gives the record of an empty queue or free lock back.
   * @throws {RangeError} when slots still wait in it or hold it, or when it is no such list
   */
  destroy(list: number): void {
    if (!this.is(list, LIST_KIND_QUEUE) && !this.is(list, LIST_KIND_LOCK)) {
      throw new RangeError(`Cannot remove wait list ${list}: there is no such queue or lock`);
    }
    const record = this.#record(list);
    if (this.i32[record + LIST_COUNT] !== 0 || this.i32[record + LIST_OWNER] !== -1) {
      throw new RangeError(
        `Cannot remove wait list ${list}: operations still wait in it or hold it`,
      );
    }
    this.i32[record + LIST_KIND] = LIST_KIND_FREE;
    this.i32[record + LIST_NEXT_FREE] = this.#freeHead;
    this.#freeHead = list;
  }

  /** Whether a number is that of a list of this kind. */
  is(list: number, kind: number): boolean {
    // A number that is no array index reads as undefined, which is no kind.
    return list >= 0 && list < this.#fresh && this.i32[this.#record(list) + LIST_KIND] === kind;
  }

  /** Links a slot at the end. @throws {RangeError} when the slot is in a list already */
  append(list: number, slot: number): void {
    const i32 = this.i32;
    const record = this.at + (list << LIST_SHIFT);
    const header = slot << HEADER_SHIFT;
    if (i32[header + LIST] !== -1) refuseSecondList(slot, i32[header + LIST]!);
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
    const i32 = this.i32;
    const header = slot << HEADER_SHIFT;
    const list = i32[header + LIST]!;
    if (list === -1) return -1;
    const record = this.at + (list << LIST_SHIFT);
    const next = i32[header + NEXT]!;
    const previous = i32[header + PREVIOUS]!;
    if (previous === -1) i32[record + LIST_HEAD] = next;
    else i32[(previous << HEADER_SHIFT) + NEXT] = next;
    if (next === -1) i32[record + LIST_TAIL] = previous;
    else i32[(next << HEADER_SHIFT) + PREVIOUS] = previous;
    i32[header + LIST] = -1;
    i32[record + LIST_COUNT] = i32[record + LIST_COUNT]! - 1;
    return list;
  }

  /** Takes the first slot out. @returns -1 when the list is empty */
  shift(list: number): number {
    const slot = this.i32[this.at + (list << LIST_SHIFT) + LIST_HEAD]!;
    if (slot !== -1) this.unlink(slot);
    return slot;
  }

  first(list: number): number {
    return this.i32[this.at + (list << LIST_SHIFT) + LIST_HEAD]!;
  }

  /** The slot that waits behind this one, or -1. */
  after(slot: number): number {
    return this.i32[(slot << HEADER_SHIFT) + NEXT]!;
  }

  count(list: number): number {
    return this.i32[this.at + (list << LIST_SHIFT) + LIST_COUNT]!;
  }

  kind(list: number): number {
    return this.i32[this.at + (list << LIST_SHIFT) + LIST_KIND]!;
  }

  /** The slot that holds a lock, or -1. */
  owner(lock: number): number {
    return this.i32[this.at + (lock << LIST_SHIFT) + LIST_OWNER]!;
  }

  /** Makes a slot the owner of a free lock. */
  own(lock: number, slot: number): void {
    const header = slot << HEADER_SHIFT;
    const record = this.#record(lock);
    this.i32[record + LIST_OWNER] = slot;
    this.i32[record + LIST_NEXT_HELD] = this.i32[header + HELD]!;
    this.i32[header + HELD] = lock;
  }

  /** Takes a lock from its owner; nobody owns it afterwards. */
  disown(lock: number): void {
    const i32 = this.i32;
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

  /** The lock that a slot took before this one and still holds, or -1. */
  heldBefore(lock: number): number {
    return this.i32[this.#record(lock) + LIST_NEXT_HELD]!;
  }

  /** Free records in the order in which they will be taken, for a snapshot. */
  freeOrder(): number[] {
    const order: number[] = [];
    let list = this.#freeHead;
    while (list !== -1) {
      order.push(list);
      list = this.i32[this.#record(list) + LIST_NEXT_FREE]!;
    }
    return order;
  }

  /**
   * Makes all records anew, for a restore: none holds a slot afterwards, and no lock is held.
   * @param kinds the kind of each record, 0 for a free one
   * @param freeOrder the free ones in the order in which they are to be taken
   */
  reset(kinds: readonly number[], freeOrder: readonly number[]): void {
    this.#freeHead = -1;
    this.#fresh = 0;
    for (const kind of kinds) this.create(kind);
    for (const list of freeOrder.toReversed()) {
      this.i32[this.#record(list) + LIST_NEXT_FREE] = this.#freeHead;
      this.#freeHead = list;
    }
  }

  #record(list: number): number {
    return this.at + (list << LIST_SHIFT);
  }
}

function refuseSecondList(slot: number, list: number): never {
  throw new RangeError(`Cannot queue slot ${slot}: it already waits in list ${list}`);
}
