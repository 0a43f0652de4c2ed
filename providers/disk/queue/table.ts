/**
 * The requests of each disk: a bounded table, one line for each operation that waits or is under
 * way, in columns of bytes that the session saves. Knows which request must wait for which.
 *
 * The rules of order: an operation that must be alone (flushing, forgetting) passes nobody and
 * nobody passes it; of two requests that overlap, the later waits if one of them writes.
 */
import {
  bool,
  bytes,
  struct,
  u32,
  u53,
  u8,
  type DriverContext,
  type WaitQueue,
} from "../../../core/provider/index.ts";

/** Requests that a disk has in its table at most; more operations wait to get in. */
export const REQUESTS_MAX = 64;
/** Commands that a disk can have under way at most: AHCI's slots. */
export const TAGS_MAX = 32;

export const STATE = {
  FREE: 0,
  /** In line for the elevator. */
  WAITING: 1,
  /** Part of a command; its operation has yet to hear of it. */
  GRANTED: 2,
  /** Part of a command, and its data in place. */
  PLACED: 3,
  /** Its operation has ended, its command has not. */
  ORPHAN: 4,
} as const;
export const KIND = { READ: 0, WRITE: 1, ALONE: 2 } as const;
/** What else is to be known of a request. */
export const TRAIT = { DURABLE: 1, UNMERGED: 2 } as const;

const WORD_BITS = 32;

/** What a disk's queue remembers beside its requests. */
const shape = {
  elevator: u8,
  /** Whether requests may go now: not while an error is seen to. */
  open: bool,
  /** Commands that may be under way, and a bit for each of them that is. */
  tags: u8,
  held: u32,
  /** Sectors that one command moves at most. */
  sectorsMax: u32,
  waiting: u8,
  /** Requests in the table that write, and those that must be alone. */
  writes: u8,
  alones: u8,
  /** Of the batch that the elevator is in: of what kind, and how many of it went. */
  batchKind: u8,
  batch: u8,
  /** Batches of reads that went while a write waited. */
  readBatches: u8,
  /** Operations for which the table had no line, where they wait, and those told to come in. */
  outside: u32,
  promised: u8,
  door: u32,
  /** Requests that went in another's command, and the most that waited at once: for reports. */
  merged: u53,
  queuedMax: u32,
} as const;

/** A column of the table: a value for each request, or each tag, of every disk. */
function column(cx: DriverContext, name: string, sizeBytes: number): ArrayBufferLike {
  return cx.records(name, struct({ values: bytes(sizeBytes) })).slab.buffer;
}

export class RequestTable {
  readonly cx: DriverContext;
  readonly #records;
  // A line of the table, at `resource * REQUESTS_MAX + slot`.
  readonly state: Uint8Array;
  readonly kind: Uint8Array;
  readonly traits: Uint8Array;
  readonly tag: Uint8Array;
  /** The next request of the same command, plus one. */
  readonly next: Uint8Array;
  /** The first sector of the part that is to go, and how many it has. */
  readonly lba: Float64Array;
  readonly sectors: Uint32Array;
  /** The sector behind all that the operation has still to do. */
  readonly end: Float64Array;
  readonly order: Float64Array;
  readonly bornNs: Float64Array;
  readonly #queues: Uint32Array;
  // One value for each disk.
  /** The sector behind the last command that went. */
  readonly position: Float64Array;
  readonly #nextOrder: Float64Array;
  /** A bit for each line that is in use. */
  readonly #used: Uint32Array;

  constructor(cx: DriverContext) {
    this.cx = cx;
    this.#records = cx.records("line", struct(shape));
    this.state = new Uint8Array(column(cx, "request-state", REQUESTS_MAX));
    this.kind = new Uint8Array(column(cx, "request-kind", REQUESTS_MAX));
    this.traits = new Uint8Array(column(cx, "request-traits", REQUESTS_MAX));
    this.tag = new Uint8Array(column(cx, "request-tag", REQUESTS_MAX));
    this.next = new Uint8Array(column(cx, "request-next", REQUESTS_MAX));
    this.lba = new Float64Array(column(cx, "request-lba", REQUESTS_MAX * 8));
    this.sectors = new Uint32Array(column(cx, "request-sectors", REQUESTS_MAX * 4));
    this.end = new Float64Array(column(cx, "request-end", REQUESTS_MAX * 8));
    this.order = new Float64Array(column(cx, "request-order", REQUESTS_MAX * 8));
    this.bornNs = new Float64Array(column(cx, "request-born", REQUESTS_MAX * 8));
    this.position = new Float64Array(column(cx, "position", 8));
    this.#nextOrder = new Float64Array(column(cx, "next-order", 8));
    this.#queues = new Uint32Array(column(cx, "request-queue", REQUESTS_MAX * 4));
    this.#used = new Uint32Array(column(cx, "request-used", (REQUESTS_MAX / WORD_BITS) * 4));
  }

  at(resource: number) {
    return this.#records.at(resource);
  }

  /** Where the operation of a request waits. */
  queueOf(resource: number, slot: number): WaitQueue {
    return this.#queues[resource * REQUESTS_MAX + slot] as WaitQueue;
  }

  /** Makes an empty table for a disk. */
  begin(resource: number): void {
    const first = resource * REQUESTS_MAX;
    for (let at = first; at < first + REQUESTS_MAX; at++) this.#queues[at] = this.cx.queue();
    this.at(resource).door = this.cx.queue();
  }

  /** Gives back what {@link begin} took. */
  release(resource: number): void {
    for (let slot = 0; slot < REQUESTS_MAX; slot++) this.cx.dispose(this.queueOf(resource, slot));
    this.cx.dispose(this.at(resource).door as WaitQueue);
  }

  /** Takes a line. @returns its number, or -1 when all are taken */
  take(resource: number, kind: number): number {
    const words = resource * (REQUESTS_MAX / WORD_BITS);
    for (let word = 0; word < REQUESTS_MAX / WORD_BITS; word++) {
      const used = this.#used[words + word]!;
      const free = ~used & (used + 1);
      if (free === 0) continue;
      this.#used[words + word] = used | free;
      if (kind === KIND.WRITE) this.at(resource).writes += 1;
      else if (kind === KIND.ALONE) this.at(resource).alones += 1;
      const slot = word * WORD_BITS + 31 - Math.clz32(free);
      const at = resource * REQUESTS_MAX + slot;
      this.kind[at] = kind;
      this.order[at] = this.#nextOrder[resource]!;
      this.#nextOrder[resource]! += 1;
      return slot;
    }
    return -1;
  }

  free(resource: number, slot: number): void {
    const at = resource * REQUESTS_MAX + slot;
    const kind = this.kind[at];
    if (kind === KIND.WRITE) this.at(resource).writes -= 1;
    else if (kind === KIND.ALONE) this.at(resource).alones -= 1;
    this.state[at] = STATE.FREE;
    const word = resource * (REQUESTS_MAX / WORD_BITS) + (slot >>> 5);
    this.#used[word] = this.#used[word]! & ~(1 << (slot & 31));
  }

  /** Puts a request in line. */
  wait(resource: number, slot: number): void {
    this.state[resource * REQUESTS_MAX + slot] = STATE.WAITING;
    this.at(resource).waiting += 1;
  }

  /** Lines that are free. */
  room(resource: number): number {
    const words = resource * (REQUESTS_MAX / WORD_BITS);
    let room = REQUESTS_MAX;
    for (let word = 0; word < REQUESTS_MAX / WORD_BITS; word++) {
      for (let used = this.#used[words + word]! | 0; used !== 0; used &= used - 1) room -= 1;
    }
    return room;
  }

  /** Whether a request has to wait for one that was there before it. */
  isBlocked(resource: number, slot: number): boolean {
    const { writes, alones } = this.at(resource);
    if (writes === 0 && alones === 0) return false;
    const first = resource * REQUESTS_MAX;
    const me = first + slot;
    const order = this.order[me]!;
    const lba = this.lba[me]!;
    const end = this.end[me]!;
    const kind = this.kind[me];
    for (let at = first; at < first + REQUESTS_MAX; at++) {
      if (this.state[at] === STATE.FREE || this.order[at]! >= order) continue;
      if (kind === KIND.ALONE || this.kind[at] === KIND.ALONE) return true;
      if (kind === KIND.READ && this.kind[at] === KIND.READ) continue;
      if (this.lba[at]! < end && lba < this.end[at]!) return true;
    }
    return false;
  }

  /** Whether two requests do the same, so that one command could do both. */
  isLike(request: number, other: number): boolean {
    const { kind, traits } = this;
    return kind[request] === kind[other] && traits[request] === traits[other];
  }

  /** Has operations whose requests wait in line hear of an error. */
  refuse(resource: number, result: number): void {
    for (let slot = 0; slot < REQUESTS_MAX; slot++) {
      const isWaiting = this.state[resource * REQUESTS_MAX + slot] === STATE.WAITING;
      if (isWaiting) this.cx.wake(this.queueOf(resource, slot), result);
    }
  }

  /** What is worth knowing about a disk's queue, for reports. */
  counts(resource: number): { merged: number; queuedMax: number } {
    const { merged, queuedMax } = this.at(resource);
    return { merged, queuedMax };
  }
}
