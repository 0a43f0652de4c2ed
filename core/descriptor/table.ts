/**
 * The bounded descriptor table (the KAsyncDesc of the notes): every operation in flight is one slot
 * of one SharedArrayBuffer. Acquiring and releasing a slot allocates nothing.
 *
 * Slot life: free → starting → in flight → terminal → free. A handle names slot and generation,
 * so a handle of a released slot is refused even after the slot serves another operation.
 */
import { ReelError } from "../errors.ts";
import { allocateSlab, type Slab } from "../state/slab.ts";
import {
  COUNTERS,
  ENDS_MAX,
  END_WORDS,
  FREE,
  GENERATION,
  HEADER_SHIFT,
  HEADER_WORDS,
  HELD,
  LIST,
  LIST_WORDS,
  NEXT,
  PAGE,
  PAGE_BYTES,
  PARENT,
  STARTING,
  STATE,
  TERMINAL,
} from "./layout.ts";

/** A handle is `generation * SLOTS_MAX + slot`: both are exact in a JavaScript number. */
export const SLOTS_MAX = 65536;
export const GENERATION_MAX = 0x7fffffff;
const PAGES_MAX = 65536;
const LISTS_MAX = 1 << 20;

export interface TableLimits {
  /** Operations at once: 1 to 65,536, default 1,024. */
  slots?: number;
  /** Overflow pages of 1 KiB for deep operations, shared by all: 0 to 65,536, default 256. */
  overflowPages?: number;
  /** Wait lists: interrupt lines, locks and queues of all providers, default 4,096. */
  lists?: number;
  /** Ends open at once: 1 to 65,536, default 4,096. */
  ends?: number;
}

function limit(name: string, value: number, low: number, high: number): number {
  if (!Number.isInteger(value) || value < low || value > high) {
    throw new RangeError(
      `Cannot make the descriptor table: ${name} must be ${low} to ${high}: found ${value}`,
    );
  }
  return value;
}

/**
 * Plain fields instead of private ones: JavaScriptCore inlines methods by the size of their
 * bytecode, and each private name doubles it. They are written here alone.
 */
export class DescriptorTable {
  readonly slots: number;
  readonly overflowPages: number;
  readonly lists: number;
  readonly ends: number;
  readonly slab: Slab;
  readonly i32: Int32Array;
  readonly f64: Float64Array;
  /** First 32-bit word of the list records. */
  readonly listsAt: number;
  /** First 32-bit word of the end records. */
  readonly endsAt: number;
  /** First double of the counters. */
  readonly countersAt: number;
  /** Byte offset of slot 0's stack page. */
  readonly pagesAt: number;
  /** Byte offset of the first overflow page. */
  readonly overflowAt: number;
  /** First of the free slots that were in use before, linked through NEXT; -1 for none. */
  freeHead = -1;
  /** Slots that were ever in use: scans need look no further. */
  highWater = 0;

  constructor(limits: TableLimits = {}) {
    this.slots = limit("slots", limits.slots ?? 1024, 1, SLOTS_MAX);
    this.overflowPages = limit("overflowPages", limits.overflowPages ?? 256, 0, PAGES_MAX);
    this.lists = limit("lists", limits.lists ?? 4096, 128, LISTS_MAX);
    this.ends = limit("ends", limits.ends ?? 4096, 1, ENDS_MAX);
    this.listsAt = this.slots * HEADER_WORDS;
    this.endsAt = this.listsAt + this.lists * LIST_WORDS;
    this.countersAt = (this.endsAt + this.ends * END_WORDS) / 2;
    const headBytes = (this.countersAt + COUNTERS) * 8;
    this.pagesAt = Math.ceil(headBytes / PAGE_BYTES) * PAGE_BYTES;
    this.overflowAt = this.pagesAt + this.slots * PAGE_BYTES;
    this.slab = allocateSlab(this.overflowAt + this.overflowPages * PAGE_BYTES);
    this.i32 = this.slab.i32;
    this.f64 = new Float64Array(this.slab.buffer);
  }

  /** Slots in use. Counted anew at each call: nothing on the way of an operation keeps count. */
  get used(): number {
    return this.highWater - this.freeOrder().length;
  }

  get free(): number {
    return this.slots - this.used;
  }

  /** Whether a slot is free. */
  get hasFree(): boolean {
    return this.freeHead !== -1 || this.highWater < this.slots;
  }

  /**
   * Takes a free slot. A free slot is in no list, holds no lock, buffer, frame or child, and has no
   * parent: whoever ends an operation leaves it so, and whoever starts one need not look.
   * @returns its index, or -1 when all are in use
   */
  acquire(): number {
    const slot = this.freeHead === -1 ? this.refill() : this.freeHead;
    if (slot === -1) return -1;
    const header = slot << HEADER_SHIFT;
    this.freeHead = this.i32[header + NEXT]!;
    this.i32[header + STATE] = STARTING;
    return slot;
  }

  /**
   * Puts a slot that was never in use onto the empty free list.
   * @returns its index, or -1 when there is none
   */
  refill(): number {
    if (this.highWater === this.slots) return -1;
    const slot = this.highWater;
    this.extend(slot + 1);
    this.i32[(slot << HEADER_SHIFT) + NEXT] = -1;
    this.freeHead = slot;
    return slot;
  }

  /**
   * Writes the headers of slots that were never in use. Not before that: a large table then costs
   * only the memory of the slots that a program has needed.
   * @param highWater the slots that are then in use or were
   */
  extend(highWater: number): void {
    for (; this.highWater < highWater; this.highWater++) {
      const header = this.highWater << HEADER_SHIFT;
      this.i32[header + GENERATION] = 1;
      this.i32[header + LIST] = -1;
      this.i32[header + PARENT] = -1;
      this.i32[header + HELD] = -1;
      this.i32[header + PAGE] = this.pagesAt + this.highWater * PAGE_BYTES;
    }
  }

  /** Gives a slot back; every handle of it is stale from now on. */
  release(slot: number): void {
    const i32 = this.i32;
    const header = slot << HEADER_SHIFT;
    const generation = i32[header + GENERATION]!;
    i32[header + GENERATION] = generation === GENERATION_MAX ? 1 : generation + 1;
    i32[header + STATE] = FREE;
    i32[header + NEXT] = this.freeHead;
    this.freeHead = slot;
  }

  /** The handle that names a slot in its present life. */
  handleOf(slot: number): number {
    return this.i32[(slot << HEADER_SHIFT) + GENERATION]! * SLOTS_MAX + slot;
  }

  /**
   * The slot that a handle names.
   * @returns -1 when the handle is stale, was never given out, or is no handle at all
   */
  slotOf(handle: number): number {
    if (!Number.isSafeInteger(handle) || handle < SLOTS_MAX) return -1;
    // Division by a power of two is exact, and much cheaper than `%` on numbers above 2³¹.
    const generation = Math.floor(handle / SLOTS_MAX);
    const slot = handle - generation * SLOTS_MAX;
    if (slot >= this.slots) return -1;
    const header = slot << HEADER_SHIFT;
    if (this.i32[header + GENERATION] !== generation) return -1;
    // Forked children have slots but no handles: they belong to their operation.
    if (this.i32[header + STATE] === FREE || this.i32[header + PARENT] !== -1) return -1;
    return slot;
  }

  /**
   * The slot that a handle names.
   * @param action what was being done, for the message: "wait for"
   * @throws {ReelError} ERR_BAD_HANDLE
   */
  requireSlot(handle: number, action: string): number {
    const slot = this.slotOf(handle);
    if (slot !== -1) return slot;
    throw new ReelError(
      "ERR_BAD_HANDLE",
      `Cannot ${action} operation ${handle}: no such operation`,
      {
        mend: "Use the handle that starting returned, and not after its release",
        details: { handle },
      },
    );
  }

  isTerminal(slot: number): boolean {
    return this.i32[(slot << HEADER_SHIFT) + STATE] === TERMINAL;
  }

  /** Free slots that were in use before, in the order in which they will be taken. */
  freeOrder(): number[] {
    const order: number[] = [];
    for (let slot = this.freeHead; slot !== -1; slot = this.i32[(slot << HEADER_SHIFT) + NEXT]!) {
      order.push(slot);
    }
    return order;
  }
}
