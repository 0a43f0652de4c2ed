/**
 * What the kernel keeps at hand for requests: files, which it need not look up, and memory, which
 * it need not pin, for each of them (registered files and buffers, io_uring_register(2)). It is
 * asked for by file. A request on such a file is handed over with the registered numbers wherever
 * there are any, so the program sees no difference but speed.
 *
 * Memory is registered region by region, as it was pinned, and counts as locked: where the limit is
 * low, some of it is refused, and requests on that go the ordinary way.
 */
import { ptr } from "bun:ffi";

import { OPCODE } from "../contract.ts";
import type { AtHand } from "../contract.ts";
import {
  ENTRY,
  ENTRY_FIXED_FILE,
  REGISTER_BUFFERS2,
  REGISTER_BUFFERS_UPDATE,
  REGISTER_FILES2,
  REGISTER_FILES_UPDATE2,
  REGISTER_SPARSE,
  RESOURCES_BYTES,
} from "./abi.ts";
import type { RegisterCall } from "./registration.ts";
import { putAddress } from "./setup.ts";

const FILES_MAX = 256;
const REGIONS_MAX = 64;
/** What is smaller would fill the table sooner than it would pay. */
const REGION_BYTES_MIN = 256 * 1024;
/** The kernel's limit for one buffer (io_uring/rsrc.c). */
const REGION_BYTES_MAX = 2 ** 30;
const NONE = -1;

export class AtHandTable {
  readonly #register: RegisterCall;
  readonly #refused: "files" | "memory" | "both" | undefined;
  readonly #freeFiles: number[] = [];
  /** Begin and end of each registered region; a place without one begins nowhere. */
  readonly #starts = new Float64Array(REGIONS_MAX).fill(Infinity);
  readonly #ends = new Float64Array(REGIONS_MAX);
  #regions = 0;
  /** The region that was found last: most often it is the next one too. */
  #latest = 0;
  #filesReady: boolean | undefined;
  #memoryReady: boolean | undefined;

  /** @param refused what to simulate that the kernel refuses */
  constructor(register: RegisterCall, refused: "files" | "memory" | "both" | undefined) {
    this.#register = register;
    this.#refused = refused;
  }

  /** Registers a file. @returns its number, or -1 */
  addFile(fd: number): number {
    this.#filesReady ??= this.#makeTable(REGISTER_FILES2, FILES_MAX, "files");
    if (!this.#filesReady) return NONE;
    if (this.#freeFiles.length === 0) return NONE;
    const number = this.#freeFiles.pop()!;
    if (this.#putFile(number, fd)) return number;
    this.#freeFiles.push(number);
    return NONE;
  }

  /** Ends {@link addFile}. */
  removeFile(number: number): void {
    this.#putFile(number, NONE);
    this.#freeFiles.push(number);
  }

  /**
   * Begins to register memory, with what is pinned by now.
   * @returns whether the kernel takes any
   */
  beginMemory(pinned: Iterable<{ address: number; bytes: Uint8Array }>): boolean {
    if (this.#memoryReady === undefined) {
      this.#memoryReady = this.#makeTable(REGISTER_BUFFERS2, REGIONS_MAX, "memory");
      for (const { address, bytes } of pinned) this.addMemory(address, bytes.length);
    }
    return this.#memoryReady;
  }

  /** Registers a region, if memory is registered at all. */
  addMemory(address: number, length: number): void {
    if (this.#memoryReady !== true || this.#regions === REGIONS_MAX) return;
    if (length < REGION_BYTES_MIN || length > REGION_BYTES_MAX) return;
    const vector = new Uint32Array(new ArrayBuffer(16));
    putAddress(vector, 0, address);
    vector[2] = length;
    if (this.#update(REGISTER_BUFFERS_UPDATE, this.#regions, vector)) {
      this.#starts[this.#regions] = address;
      this.#ends[this.#regions] = address + length;
      this.#regions++;
    } else if (this.#regions === 0) this.#memoryReady = false;
  }

  /** The registered region that a run of memory lies in, or -1. */
  regionOf(address: number, length: number): number {
    const latest = this.#latest;
    const end = address + length;
    if (address >= this.#starts[latest]! && end <= this.#ends[latest]!) return latest;
    for (let region = 0; region < this.#regions; region++) {
      if (address >= this.#starts[region]! && end <= this.#ends[region]!) {
        this.#latest = region;
        return region;
      }
    }
    return NONE;
  }

  #makeTable(operation: number, count: number, what: "files" | "memory"): boolean {
    if (this.#refused === what || this.#refused === "both") return false;
    const words = new Uint32Array(new ArrayBuffer(RESOURCES_BYTES));
    words[0] = count;
    words[1] = REGISTER_SPARSE;
    if (this.#register(operation, ptr(words), RESOURCES_BYTES) < 0) return false;
    if (what === "files") for (let at = count - 1; at >= 0; at--) this.#freeFiles.push(at);
    return true;
  }

  #putFile(number: number, fd: number): boolean {
    const fds = new Int32Array(new ArrayBuffer(4));
    fds[0] = fd;
    return this.#update(REGISTER_FILES_UPDATE2, number, fds);
  }

  /** struct io_uring_rsrc_update2: offset, reserved, data, tags, count, reserved. */
  #update(operation: number, at: number, data: NodeJS.TypedArray): boolean {
    const words = new Uint32Array(new ArrayBuffer(RESOURCES_BYTES));
    words[0] = at;
    putAddress(words, 2, ptr(data));
    words[6] = 1;
    return this.#register(operation, ptr(words), RESOURCES_BYTES) >= 0;
  }
}

/**
 * Fills a submission entry in with registered numbers.
 * @param file the registered file
 * @returns the region that the entry names, or -1
 */
export function putAtHand(
  table: AtHandTable,
  entries: Int32Array,
  at: number,
  opcode: number,
  file: number,
  address: number,
): number {
  entries[at + ENTRY.FD] = file;
  entries[at]! |= ENTRY_FIXED_FILE;
  if (opcode !== OPCODE.READ && opcode !== OPCODE.WRITE) return NONE;
  const region = table.regionOf(address, entries[at + ENTRY.LENGTH]!);
  if (region === NONE) return NONE;
  // The fixed forms stand in for the plain ones: their words are laid out alike.
  entries[at]! += opcode === OPCODE.READ ? OPCODE.READ_FIXED - opcode : OPCODE.WRITE_FIXED - opcode;
  entries[at + ENTRY.BUFFER] = region;
  return region;
}

/** What the kernel took of a file and its requests' memory. */
export function atHand(file: number, memory: boolean): AtHand {
  return { file: file !== NONE, memory };
}
