/**
 * Open ends: what a program holds after opening a provider (the reading end of a pipe, a disk).
 * Like slots they are rows of numbers in one slab, and their handles carry a generation.
 *
 * Life: free → open → closing (nothing new starts, what is in flight is cancelled) → free.
 */
import { ReelError } from "../errors.ts";
import { allocateSlab, type Slab } from "../state/slab.ts";

export const ENDS_MAX = 65536;
const WORDS = 8;
const STATE = 0;
const GENERATION = 1;
const PROVIDER = 2;
const RESOURCE = 3;
const KIND = 4;
const IN_FLIGHT = 5;
const NEXT_FREE = 6;

export const END_FREE = 0;
export const END_OPEN = 1;
export const END_CLOSING = 2;

export class EndTable {
  readonly capacity: number;
  readonly slab: Slab;
  readonly #i32: Int32Array;
  #freeHead = -1;
  #fresh = 0;
  #used = 0;

  /** @param capacity ends open at once, 1 to 65,536 */
  constructor(capacity = 4096) {
    if (!Number.isInteger(capacity) || capacity < 1 || capacity > ENDS_MAX) {
      throw new RangeError(
        `Cannot make the end table: capacity must be 1 to ${ENDS_MAX}: ${capacity}`,
      );
    }
    this.capacity = capacity;
    this.slab = allocateSlab(capacity * WORDS * 4);
    this.#i32 = this.slab.i32;
  }

  get used(): number {
    return this.#used;
  }

  /**
   * Opens an end.
   * @param provider index of the provider in the session
   * @param resource the provider's own number of what was opened
   * @param kind which of the provider's ends it is
   * @returns its index
   * @throws {ReelError} ERR_LIMIT when the table is full
   */
  open(provider: number, resource: number, kind: number): number {
    let end = this.#freeHead;
    if (end === -1) {
      if (this.#fresh === this.capacity) {
        throw new ReelError("ERR_LIMIT", `Cannot open another end: all ${this.capacity} are open`, {
          mend: "Close what is no longer needed, or start the runtime with a larger limits.ends",
        });
      }
      end = this.#fresh++;
    } else {
      this.#freeHead = this.#i32[end * WORDS + NEXT_FREE]!;
    }
    const at = end * WORDS;
    const generation = this.#i32[at + GENERATION]!;
    this.#i32[at + STATE] = END_OPEN;
    this.#i32[at + GENERATION] = generation === 0x7fffffff ? 1 : generation + 1;
    this.#i32[at + PROVIDER] = provider;
    this.#i32[at + RESOURCE] = resource;
    this.#i32[at + KIND] = kind;
    this.#i32[at + IN_FLIGHT] = 0;
    this.#used++;
    return end;
  }

  /** Marks an end as closing: nothing new may start on it. */
  beginClose(end: number): void {
    this.#i32[end * WORDS + STATE] = END_CLOSING;
  }

  /** Frees an end; its handles are stale from now on. */
  free(end: number): void {
    const at = end * WORDS;
    this.#i32[at + STATE] = END_FREE;
    this.#i32[at + NEXT_FREE] = this.#freeHead;
    this.#freeHead = end;
    this.#used--;
  }

  handleOf(end: number): number {
    return this.#i32[end * WORDS + GENERATION]! * ENDS_MAX + end;
  }

  /**
   * The end that a handle names.
   * @throws {ReelError} ERR_CLOSED for one that was closed, ERR_BAD_HANDLE for no handle at all
   */
  require(handle: number, action: string): number {
    const end = Number.isSafeInteger(handle) && handle >= ENDS_MAX ? handle % ENDS_MAX : -1;
    if (end === -1 || end >= this.#fresh) {
      throw new ReelError("ERR_BAD_HANDLE", `Cannot ${action} handle ${handle}: no such handle`, {
        mend: "Use a handle that opening a provider returned",
        details: { handle },
      });
    }
    const generation = (handle - end) / ENDS_MAX;
    const at = end * WORDS;
    if (this.#i32[at + GENERATION] !== generation || this.#i32[at + STATE] === END_FREE) {
      throw new ReelError("ERR_CLOSED", `Cannot ${action} handle ${handle}: it was closed`, {
        mend: "Open it again, or stop using it before it is closed",
        details: { handle },
      });
    }
    return end;
  }

  /** Whether an end is open and the handle is its present one. */
  isOpen(end: number, handle: number): boolean {
    return this.#i32[end * WORDS + STATE] === END_OPEN && this.handleOf(end) === handle;
  }

  state(end: number): number {
    return this.#i32[end * WORDS + STATE]!;
  }

  provider(end: number): number {
    return this.#i32[end * WORDS + PROVIDER]!;
  }

  resource(end: number): number {
    return this.#i32[end * WORDS + RESOURCE]!;
  }

  kind(end: number): number {
    return this.#i32[end * WORDS + KIND]!;
  }

  /** Operations in flight on an end. */
  inFlight(end: number): number {
    return this.#i32[end * WORDS + IN_FLIGHT]!;
  }

  addInFlight(end: number, change: 1 | -1): void {
    const at = end * WORDS + IN_FLIGHT;
    this.#i32[at] = this.#i32[at]! + change;
  }

  /** Indices of open ends, lowest first. */
  *all(): Iterable<number> {
    for (let end = 0; end < this.#fresh; end++) if (this.state(end) !== END_FREE) yield end;
  }

  snapshotCounters(): Int32Array {
    return Int32Array.of(this.#freeHead, this.#fresh, this.#used);
  }

  restoreCounters(words: Int32Array): void {
    this.#freeHead = words[0]!;
    this.#fresh = words[1]!;
    this.#used = words[2]!;
  }
}
