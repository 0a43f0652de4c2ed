/**
 * What the backend keeps about each slot's request: enough to recognise its completion, to issue it
 * again, and to know which file it holds. Typed arrays, so that a request allocates nothing.
 */
import { OPCODE } from "../contract.ts";
import { ENTRY, MSG_DONTWAIT, RWF_NOWAIT } from "./abi.ts";

/** The word that stands for "no request" among the generations. */
export const IDLE = -1;

/** What is special about an opcode's requests. */
export const TRAIT_FILE_RESULT = 1; // a successful result is a descriptor
export const TRAIT_RETRY = 2; // interrupted or not ready yet: nothing has happened, ask again
export const TRAIT_TRANSFER = 4; // its length is a number of bytes to move
export const TRAIT_DIRECTORY = 8; // without a file it starts at the working directory
export const TRAIT_CLOSES = 16; // its success ends the ring file
export const TRAIT_SPECIAL = 32; // its words are not laid out like everybody's
export const TRAIT_LOOKUP = 64; // the kernel is asked for a NOP in its place
export const TRAIT_AT_HAND = 128; // may name a registered file

const R = TRAIT_RETRY;
const T = TRAIT_TRANSFER;
const A = TRAIT_AT_HAND;
/** Traits by opcode. */
export const TRAITS = new Uint8Array(256);
for (const [opcode, traits] of [
  [OPCODE.READV, R],
  [OPCODE.WRITEV, R],
  [OPCODE.READ_FIXED, R | T],
  [OPCODE.WRITE_FIXED, R | T],
  [OPCODE.READ, R | T | A],
  [OPCODE.WRITE, R | T | A],
  [OPCODE.FSYNC, R | A],
  [OPCODE.FALLOCATE, A],
  [OPCODE.SENDMSG, R],
  [OPCODE.RECVMSG, R],
  [OPCODE.SEND, R | T],
  [OPCODE.RECV, R | T],
  [OPCODE.ACCEPT, R | TRAIT_FILE_RESULT | TRAIT_SPECIAL],
  [OPCODE.OPENAT, R | TRAIT_FILE_RESULT | TRAIT_DIRECTORY | TRAIT_SPECIAL],
  [OPCODE.SOCKET, TRAIT_FILE_RESULT | TRAIT_SPECIAL],
  [OPCODE.STATX, TRAIT_DIRECTORY],
  [OPCODE.CLOSE, TRAIT_CLOSES],
  [OPCODE.SPLICE, R | T | TRAIT_SPECIAL],
  [OPCODE.TEE, R | T | TRAIT_SPECIAL],
  [OPCODE.LOOKUP, TRAIT_LOOKUP],
] as const) {
  TRAITS[opcode] = traits;
}

/** Flag words with which the caller itself asked not to wait: then "not ready" is the answer. */
const NO_WAIT = new Int32Array(256);
for (const opcode of [OPCODE.READ, OPCODE.WRITE, OPCODE.READV, OPCODE.WRITEV]) {
  NO_WAIT[opcode] = RWF_NOWAIT;
}
for (const opcode of [OPCODE.SEND, OPCODE.RECV, OPCODE.SENDMSG, OPCODE.RECVMSG]) {
  NO_WAIT[opcode] = MSG_DONTWAIT;
}

/** Words of a slot's record: the first eight of its submission entry, then these. */
export const RECORD_SHIFT = 4;
export const RECORD_FILE = 8; // ring file, or -1
export const RECORD_MARKS = 9; // what is out of the ordinary: the marks below
export const RECORD_FROM = 10; // with MARK_FROM: ring file that a splice takes from, or -1
/** With MARK_GROUP: group that its buffers come from; with MARK_REGION: its registered memory. */
export const RECORD_GROUP = 11;
export const RECORD_LIMIT = 12; // with MARK_LIMIT: its timeout in seconds, then nanoseconds

/** How often it was issued again. */
export const MARK_ATTEMPTS = 15;
/** Its cancellation was asked for. */
export const MARK_CANCELLED = 16;
export const MARK_FROM = 32;
export const MARK_GROUP = 64;
export const MARK_LIMIT = 128;
export const MARK_REGION = 256;

/** A request that is still in flight although its slot was given to another. */
export interface Orphan {
  readonly opcode: number;
  readonly file: number;
  readonly from: number;
  readonly group: number;
}

/** Both halves of a request's user data. */
export interface RequestName {
  readonly slot: number;
  readonly generation: number;
}

export class RequestTable {
  readonly slots: number;
  /** By slot: the generation of the request in flight, as a signed word, or {@link IDLE}. */
  readonly generations: Int32Array;
  /** By slot: the opcode of its latest request. */
  readonly opcodes: Uint8Array;
  /** By slot: 16 words. Not kept for NOP, which names nothing and is never issued again. */
  readonly records: Int32Array;
  readonly #orphans = new Map<number, Orphan>();

  constructor(slots: number) {
    this.slots = slots;
    this.generations = new Int32Array(slots).fill(IDLE);
    this.opcodes = new Uint8Array(slots);
    this.records = new Int32Array(slots << RECORD_SHIFT);
  }

  /** Whether this very request is in flight in its slot. */
  holds(slot: number, generation: number): boolean {
    return slot < this.slots && this.generations[slot] === (generation | 0);
  }

  /** Puts a slot's request aside, because the slot begins another before it ended. */
  orphan(slot: number): void {
    this.#orphans.set(keyOf(slot, this.generations[slot]!), {
      opcode: this.opcodes[slot]!,
      file: this.opcodes[slot] === OPCODE.NOP ? -1 : this.#word(slot, RECORD_FILE),
      from: this.isMarked(slot, MARK_FROM) ? this.#word(slot, RECORD_FROM) : -1,
      group: this.isMarked(slot, MARK_GROUP) ? this.#word(slot, RECORD_GROUP) : -1,
    });
    this.generations[slot] = IDLE;
  }

  /** The orphan that a completion belongs to; forgotten when the completion is its last. */
  findOrphan(slot: number, generation: number, last: boolean): Orphan | undefined {
    const key = keyOf(slot, generation);
    const orphan = this.#orphans.get(key);
    if (orphan !== undefined && last) this.#orphans.delete(key);
    return orphan;
  }

  /** Notes that a request's cancellation was asked for. @returns whether it had been before */
  markCancelled(slot: number): boolean {
    if (this.opcodes[slot] === OPCODE.NOP) return false;
    const before = this.isMarked(slot, MARK_CANCELLED);
    this.records[(slot << RECORD_SHIFT) + RECORD_MARKS]! |= MARK_CANCELLED;
    return before;
  }

  /** Whether a slot's request has a mark. NOP has none. */
  isMarked(slot: number, mark: number): boolean {
    if (this.opcodes[slot] === OPCODE.NOP) return false;
    return (this.#word(slot, RECORD_MARKS) & mark) !== 0;
  }

  /** Marks every request in flight, or only those on one file, as cancelled. @returns them */
  markInFlight(file: number | undefined): RequestName[] {
    const found: RequestName[] = [];
    for (let slot = 0; slot < this.slots; slot++) {
      if (this.generations[slot] === IDLE) continue;
      if (file !== undefined && !this.#names(slot, file)) continue;
      this.markCancelled(slot);
      found.push({ slot, generation: this.generations[slot]! });
    }
    for (const [key, orphan] of this.#orphans) {
      if (file !== undefined && orphan.file !== file && orphan.from !== file) continue;
      found.push({ slot: Math.floor(key / 4294967296), generation: key % 4294967296 });
    }
    return found;
  }

  /** Whether an interrupted request may be issued again: it can wait, and nobody cancelled it. */
  mayRetry(slot: number): boolean {
    if (this.isMarked(slot, MARK_CANCELLED)) return false;
    return (this.#word(slot, ENTRY.OP_FLAGS) & NO_WAIT[this.opcodes[slot]!]!) === 0;
  }

  #names(slot: number, file: number): boolean {
    if (this.opcodes[slot] === OPCODE.NOP) return false;
    if (this.#word(slot, RECORD_FILE) === file) return true;
    return this.isMarked(slot, MARK_FROM) && this.#word(slot, RECORD_FROM) === file;
  }

  #word(slot: number, word: number): number {
    return this.records[(slot << RECORD_SHIFT) + word]!;
  }
}

/** Both halves of a completion's user data as one exact number. */
function keyOf(slot: number, generation: number): number {
  return slot * 4294967296 + (generation >>> 0);
}
