/**
 * Groups of buffers from which the kernel picks one for each completion (buffer rings, Linux 5.19).
 *
 * A group's ring is memory of ours that the kernel reads: an entry for each buffer that it may
 * pick, and the place up to which they are filled. A buffer is the kernel's from when it is put
 * there until a completion names it. The kernel writes nothing into this ring, so once it is
 * unregistered its memory may go.
 */
import { ptr } from "bun:ffi";

import { ERRNO, ReelError, codeOfResult } from "../../errors.ts";
import {
  BUFFER_ENTRIES_MAX,
  BUFFER_ENTRY_BYTES,
  BUFFER_REGISTRATION_BYTES,
  BUFFER_TAIL_HALF,
  REGISTER_PBUF_RING,
  UNREGISTER_PBUF_RING,
} from "./abi.ts";
import type { RegisterCall } from "./registration.ts";
import { takePages } from "./ring-memory.ts";
import { putAddress } from "./setup.ts";

/** The kernel takes lengths as unsigned 32-bit numbers; nobody needs more than half of that. */
const BUFFER_BYTES_MAX = 2 ** 31 - 1;
/** Group numbers are the upper 15 bits of a request's HOW word. */
const GROUPS_MAX = 1 << 15;
const NO_GROUP = -1;

class BufferGroup {
  readonly address: number;
  readonly count: number;
  /** By buffer: 1 while it is not the kernel's. */
  readonly out: Uint8Array;
  /** Requests in flight that select from the group. */
  inFlight = 0;
  readonly #mask: number;
  /** The ring's entries, as words and as half words, and each buffer's address as two words. */
  readonly #words: Uint32Array;
  readonly #halves: Uint16Array;
  readonly #addresses: Uint32Array;
  readonly #bufferBytes: number;
  /** Filled up to here: a 16-bit number that wraps around. */
  #tail = 0;

  constructor(address: number, bufferBytes: number, count: number) {
    const pages = takePages(count * BUFFER_ENTRY_BYTES);
    this.address = pages.address;
    this.count = count;
    this.out = new Uint8Array(count);
    this.#mask = count - 1;
    this.#words = new Uint32Array(pages.buffer, pages.offset, count * 4);
    this.#halves = new Uint16Array(pages.buffer, pages.offset, count * 8);
    this.#addresses = new Uint32Array(count * 2);
    this.#bufferBytes = bufferBytes;
    for (let buffer = 0; buffer < count; buffer++) {
      putAddress(this.#addresses, buffer * 2, address + buffer * bufferBytes);
      this.put(buffer);
    }
  }

  /** Lets the kernel have a buffer. */
  put(buffer: number): void {
    const place = this.#tail & this.#mask;
    const word = place << 2;
    this.#words[word] = this.#addresses[buffer * 2]!;
    this.#words[word + 1] = this.#addresses[buffer * 2 + 1]!;
    this.#words[word + 2] = this.#bufferBytes;
    // Half a word: beside the number of the first entry's buffer is the tail.
    this.#halves[(place << 3) + 6] = buffer;
    this.out[buffer] = 0;
    this.#tail = (this.#tail + 1) & 0xffff;
    Atomics.store(this.#halves, BUFFER_TAIL_HALF, this.#tail);
  }
}

export class BufferGroups {
  readonly #register: RegisterCall;
  /** Simulates a kernel that knows no such thing. */
  readonly #refused: boolean;
  readonly #groups: (BufferGroup | undefined)[] = [];

  constructor(register: RegisterCall, refused: boolean) {
    this.#register = register;
    this.#refused = refused;
  }

  /** See {@link Ring.openGroup}. @throws {RangeError} for numbers that make no group */
  open(address: number, bufferBytes: number, count: number): number {
    check("count", count, 1, BUFFER_ENTRIES_MAX);
    if ((count & (count - 1)) !== 0) {
      throw new RangeError(
        `Cannot open a group of buffers: count must be a power of two: found ${count}`,
      );
    }
    check("bufferBytes", bufferBytes, 1, BUFFER_BYTES_MAX);
    check("address", address, 1, Number.MAX_SAFE_INTEGER);
    const free = this.#groups.indexOf(undefined);
    const number = free === -1 ? this.#groups.length : free;
    if (number === GROUPS_MAX) {
      throw new ReelError("ENOMEM", `Cannot open another group of buffers: ${number} are open`);
    }
    const group = new BufferGroup(address, bufferBytes, count);
    const errno = this.#refused
      ? ERRNO.EINVAL
      : register(this.#register, REGISTER_PBUF_RING, number, group.address, count);
    if (errno !== 0) throw refusal(errno);
    this.#groups[number] = group;
    return number;
  }

  /**
   * See {@link Ring.giveBuffer}.
   * @throws {RangeError} for a buffer that does not exist, or that is the kernel's already
   */
  give(number: number, buffer: number): void {
    const group = this.#groups[number];
    if (group === undefined || group.out[buffer] !== 1) this.#refuseToGive(number, buffer);
    else group.put(buffer);
  }

  /**
   * See {@link Ring.closeGroup}.
   * @throws {RangeError} for no such group
   * @throws {ReelError} ERR_OPERATION_BUSY while requests select from it
   */
  close(number: number): void {
    const { inFlight } = this.#groups[this.require(number)]!;
    if (inFlight > 0) {
      throw new ReelError(
        "ERR_OPERATION_BUSY",
        `Cannot close buffer group ${number}: ${inFlight} requests select from it, wanted none`,
        { mend: "Cancel these requests and await their ends first" },
      );
    }
    register(this.#register, UNREGISTER_PBUF_RING, number, 0, 0);
    this.#groups[number] = undefined;
  }

  /** Takes every group from the kernel. Nothing may be in flight. */
  closeAll(): void {
    for (const [number, group] of this.#groups.entries()) {
      if (group !== undefined) register(this.#register, UNREGISTER_PBUF_RING, number, 0, 0);
    }
    this.#groups.length = 0;
  }

  /** Makes sure that a group is open. @returns its number @throws {RangeError} if it is not */
  require(number: number): number {
    if (this.#groups[number] !== undefined) return number;
    throw new RangeError(`Cannot use buffer group ${number}: there is no such group`);
  }

  /** Notes a request that selects from an open group. @returns the group's number */
  hold(number: number): number {
    this.#groups[number]!.inFlight++;
    return number;
  }

  /** Ends what {@link hold} noted. */
  letGo(number: number): void {
    if (number !== NO_GROUP) this.#groups[number]!.inFlight--;
  }

  /** A completion that is delivered names a buffer: it is the layer's until given back. */
  handOut(number: number, buffer: number): void {
    const group = this.#groups[number];
    if (group !== undefined) group.out[buffer] = 1;
  }

  /** A completion that nobody gets names a buffer: it is the kernel's again. */
  putBack(number: number, buffer: number): void {
    this.#groups[number]?.put(buffer);
  }

  #refuseToGive(number: number, buffer: number): never {
    const group = this.#groups[this.require(number)]!;
    const known = Number.isInteger(buffer) && buffer >= 0 && buffer < group.count;
    throw new RangeError(
      `Cannot give buffer ${buffer} of group ${number} back: ` +
        (known ? "no completion has used it since" : `it has ${group.count} buffers`),
    );
  }
}

/** struct io_uring_buf_reg. @returns 0 or an error number */
function register(
  call: RegisterCall,
  operation: number,
  group: number,
  address: number,
  count: number,
): number {
  const words = new Uint32Array(new ArrayBuffer(BUFFER_REGISTRATION_BYTES));
  putAddress(words, 0, address);
  words[2] = count;
  words[3] = group;
  return Math.max(0, -call(operation, ptr(words), 1));
}

function check(name: string, value: number, least: number, most: number): void {
  if (Number.isInteger(value) && value >= least && value <= most) return;
  throw new RangeError(
    `Cannot open a group of buffers: ${name} must be a whole number from ${least} to ${most}: ` +
      `found ${value}`,
  );
}

function refusal(errno: number): ReelError {
  const code = codeOfResult(-errno);
  const what = `Cannot open a group of buffers: io_uring_register gave ${code}`;
  // The arguments have been checked, so it is the call that the kernel does not know.
  if (errno === ERRNO.EINVAL) {
    return new ReelError("EOPNOTSUPP", `${what}, wanted a kernel that knows buffer rings`, {
      mend: "Use Linux 5.19 or newer, or receive into memory that the request names",
    });
  }
  return new ReelError(code, what, {
    mend: "Raise the limit of locked memory (ulimit -l), or make groups of fewer buffers",
  });
}
