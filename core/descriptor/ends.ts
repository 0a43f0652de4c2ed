/**
 * Open ends: what a program holds after opening a provider (the reading end of a pipe, a disk).
 * Like slots they are rows of numbers in the table's slab, and their handles carry a generation.
 *
 * Life: free → open → closing (nothing new starts, what is in flight is cancelled) → free.
 */
import { ReelError } from "../errors.ts";
import { ENDS_MAX, END_IN_FLIGHT, END_PROVIDER, END_SHIFT, END_WORDS } from "./layout.ts";
import type { DescriptorTable } from "./table.ts";

const STATE = 0;
const GENERATION = 1;
const RESOURCE = 3;
const KIND = 4;
const NEXT_FREE = 6;

export const END_FREE = 0;
export const END_OPEN = 1;
export const END_CLOSING = 2;

/** What a snapshot keeps of an end. */
export interface EndRow {
  readonly state: number;
  readonly generation: number;
  readonly provider: number;
  readonly resource: number;
  readonly kind: number;
}

/** Fields are plain for the reason given at `DescriptorTable`. */
export class EndTable {
  readonly capacity: number;
  readonly i32: Int32Array;
  /** First word of the end records, which lie in the table's slab. */
  readonly at: number;
  #freeHead = -1;
  #fresh = 0;
  #used = 0;

  constructor(table: DescriptorTable) {
    this.capacity = table.ends;
    this.i32 = table.i32;
    this.at = table.endsAt;
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
      this.#freeHead = this.i32[this.at + (end << END_SHIFT) + NEXT_FREE]!;
    }
    const at = this.at + (end << END_SHIFT);
    const generation = this.i32[at + GENERATION]!;
    this.i32[at + STATE] = END_OPEN;
    this.i32[at + GENERATION] = generation === 0x7fffffff ? 1 : generation + 1;
    this.i32[at + END_PROVIDER] = provider;
    this.i32[at + RESOURCE] = resource;
    this.i32[at + KIND] = kind;
    this.i32[at + END_IN_FLIGHT] = 0;
    this.#used++;
    return end;
  }

  /** Marks an end as closing: nothing new may start on it. */
  beginClose(end: number): void {
    this.i32[this.at + (end << END_SHIFT) + STATE] = END_CLOSING;
  }

  /** Frees an end; its handles are stale from now on. */
  free(end: number): void {
    const at = this.at + (end << END_SHIFT);
    this.i32[at + STATE] = END_FREE;
    this.i32[at + NEXT_FREE] = this.#freeHead;
    this.#freeHead = end;
    this.#used--;
  }

  handleOf(end: number): number {
    return this.i32[this.at + (end << END_SHIFT) + GENERATION]! * ENDS_MAX + end;
  }

  /**
   * The end that a handle names.
   * @throws {ReelError} ERR_CLOSED for one that was closed, ERR_BAD_HANDLE for no handle at all
   */
  require(handle: number, action: string): number {
    const valid = Number.isSafeInteger(handle) && handle >= ENDS_MAX;
    const generation = valid ? Math.floor(handle / ENDS_MAX) : -1;
    const end = handle - generation * ENDS_MAX;
    if (!valid || end >= this.#fresh) {
      throw new ReelError("ERR_BAD_HANDLE", `Cannot ${action} handle ${handle}: no such handle`, {
        mend: "Use a handle that opening a provider returned",
        details: { handle },
      });
    }
    const at = this.at + (end << END_SHIFT);
    if (this.i32[at + GENERATION] !== generation || this.i32[at + STATE] === END_FREE) {
      throw new ReelError("ERR_CLOSED", `Cannot ${action} handle ${handle}: it was closed`, {
        mend: "Open it again, or stop using it before it is closed",
        details: { handle },
      });
    }
    return end;
  }

  /** The end that a handle names, or -1 when it was closed or never was one. */
  endOf(handle: number): number {
    if (!Number.isSafeInteger(handle) || handle < ENDS_MAX) return -1;
    const end = handle % ENDS_MAX;
    if (end >= this.#fresh || this.handleOf(end) !== handle) return -1;
    return this.state(end) === END_FREE ? -1 : end;
  }

  /** Whether an end is open and the handle is its present one. */
  isOpen(end: number, handle: number): boolean {
    return this.state(end) === END_OPEN && this.handleOf(end) === handle;
  }

  state(end: number): number {
    return this.i32[this.at + (end << END_SHIFT) + STATE]!;
  }

  provider(end: number): number {
    return this.i32[this.at + (end << END_SHIFT) + END_PROVIDER]!;
  }

  resource(end: number): number {
    return this.i32[this.at + (end << END_SHIFT) + RESOURCE]!;
  }

  kind(end: number): number {
    return this.i32[this.at + (end << END_SHIFT) + KIND]!;
  }

  /** Operations in flight on an end. */
  inFlight(end: number): number {
    return this.i32[this.at + (end << END_SHIFT) + END_IN_FLIGHT]!;
  }

  addInFlight(end: number, change: 1 | -1): void {
    const at = this.at + (end << END_SHIFT) + END_IN_FLIGHT;
    this.i32[at] = this.i32[at]! + change;
  }

  /** Indices of open ends, lowest first. */
  *all(): Iterable<number> {
    for (let end = 0; end < this.#fresh; end++) if (this.state(end) !== END_FREE) yield end;
  }

  /** Every row that was ever in use, for a snapshot. */
  rows(): EndRow[] {
    return Array.from({ length: this.#fresh }, (_, end) => ({
      state: this.state(end),
      generation: this.i32[this.at + (end << END_SHIFT) + GENERATION]!,
      provider: this.provider(end),
      resource: this.resource(end),
      kind: this.kind(end),
    }));
  }

  /** Free rows that were in use before, in the order in which they will be taken. */
  freeOrder(): number[] {
    const order: number[] = [];
    for (
      let end = this.#freeHead;
      end !== -1;
      end = this.i32[this.at + (end << END_SHIFT) + NEXT_FREE]!
    ) {
      order.push(end);
    }
    return order;
  }

  /**
   * Makes the table anew, for a restore. Nothing is in flight on its ends afterwards.
   * @param freeOrder the rows that are free, in the order in which they are to be taken
   */
  reset(rows: readonly EndRow[], freeOrder: readonly number[]): void {
    this.i32.fill(0, this.at, this.at + this.capacity * END_WORDS);
    this.#freeHead = -1;
    this.#used = 0;
    this.#fresh = rows.length;
    for (let end = 0; end < rows.length; end++) {
      const row = rows[end]!;
      const at = this.at + (end << END_SHIFT);
      this.i32[at + STATE] = row.state;
      this.i32[at + GENERATION] = row.generation;
      this.i32[at + END_PROVIDER] = row.provider;
      this.i32[at + RESOURCE] = row.resource;
      this.i32[at + KIND] = row.kind;
      if (row.state !== END_FREE) this.#used++;
    }
    for (const end of freeOrder.toReversed()) {
      this.i32[this.at + (end << END_SHIFT) + NEXT_FREE] = this.#freeHead;
      this.#freeHead = end;
    }
  }
}
