/**
 * The machine's memory: what devices reach by DMA and drivers place their buffers in. Every access
 * is bounds-checked; a device that names a wrong address gets a bus error as on real hardware,
 * never an exception and never somebody else's byte.
 *
 * Pages that somebody reached are remembered, so that a snapshot costs what was used and not what
 * there is.
 */
import { ReelError } from "../../errors.ts";

/** Unit of allocation and of snapshots: the page of every machine that these devices come from. */
export const PAGE_BYTES = 4096;
/** Bound on memory: a snapshot must fit into one blob, and addresses into 32 bits. */
export const RAM_BYTES_MAX = 1 << 29;

/** Up to so many bytes, a descriptor or a short frame, a loop is quicker than making a view. */
const LOOP_BYTES_MAX = 64;

/** A snapshot's memory, checked and not yet applied. */
export interface RamState {
  dmaErrors: number;
  /** Allocations: first page and number of pages, by rising address. */
  allocations: { page: number; pages: number }[];
  /** Pages that are not all zero, by rising address. */
  contents: { page: number; bytes: Uint8Array }[];
}

export class Ram {
  readonly sizeBytes: number;
  /** DMA accesses that named memory which is not there. */
  dmaErrors = 0;

  readonly #bytes: Uint8Array;
  readonly #words: Uint32Array;
  /** Pages that may hold something other than zeros. */
  readonly #touched: Uint8Array;
  /** Pages that belong to an allocation. */
  readonly #taken: Uint8Array;
  /** At the first page of an allocation: its number of pages. */
  readonly #runs: Uint32Array;

  /**
   * @param sizeBytes a multiple of {@link PAGE_BYTES}, two pages to {@link RAM_BYTES_MAX}. The host
   *   hands out memory as it is touched.
   * @throws {RangeError} for another size
   */
  constructor(sizeBytes: number) {
    const pages = sizeBytes / PAGE_BYTES;
    if (!Number.isInteger(pages) || pages < 2 || sizeBytes > RAM_BYTES_MAX) {
      throw new RangeError(
        `Cannot build memory: ramBytes must be a multiple of ${PAGE_BYTES} ` +
          `from ${2 * PAGE_BYTES} to ${RAM_BYTES_MAX}: found ${sizeBytes}`,
      );
    }
    const buffer = new SharedArrayBuffer(sizeBytes);
    this.sizeBytes = sizeBytes;
    this.#bytes = new Uint8Array(buffer);
    this.#words = new Uint32Array(buffer);
    this.#touched = new Uint8Array(pages);
    this.#taken = new Uint8Array(pages);
    this.#runs = new Uint32Array(pages);
    // Address 0 is never given out: a descriptor that nobody filled in must not name a buffer.
    this.#taken[0] = 1;
  }

  /**
   * A live view of memory: for a driver, the buffer itself; for a device, what DMA would read.
   * @returns undefined, counted as a DMA error, when any byte is outside memory
   */
  read(address: number, length: number): Uint8Array | undefined {
    if (!this.#reach(address, length)) return undefined;
    this.#touch(address, length);
    return this.#bytes.subarray(address, address + length);
  }

  /** Copies memory out. @returns false, counted and with `target` unchanged, when out of bounds */
  readInto(address: number, target: Uint8Array): boolean {
    const { length } = target;
    if (!this.#reach(address, length)) return false;
    const bytes = this.#bytes;
    if (length > LOOP_BYTES_MAX) target.set(bytes.subarray(address, address + length));
    else for (let i = 0; i < length; i++) target[i] = bytes[address + i]!;
    return true;
  }

  /** Copies bytes in. @returns false, counted and with nothing written, when out of bounds */
  write(address: number, bytes: Uint8Array): boolean {
    if (!this.#reach(address, bytes.length)) return false;
    this.#touch(address, bytes.length);
    this.#bytes.set(bytes, address);
    return true;
  }

  /**
   * Takes whole pages for a DMA buffer, zeroed, at the lowest address that fits.
   * @param sizeBytes at least 1
   * @param alignBytes a power of two; a page is the least that is given
   * @param boundaryBytes a power of two that the buffer must not cross, as the 64 KiB of ISA DMA
   *   and of bus-master tables; 0 for none
   * @returns the address, never 0
   * @throws {ReelError} ENOMEM when no free run is long enough
   * @throws {RangeError} for other arguments
   */
  allocate(sizeBytes: number, alignBytes = PAGE_BYTES, boundaryBytes = 0): number {
    this.#checkRequest(sizeBytes, alignBytes, boundaryBytes);
    const pages = Math.ceil(sizeBytes / PAGE_BYTES);
    const step = Math.max(1, alignBytes / PAGE_BYTES);
    const boundary = boundaryBytes / PAGE_BYTES;
    let page = 0;
    while (page + pages <= this.#taken.length) {
      const last = page + pages - 1;
      const crosses = boundary > 0 && Math.floor(page / boundary) !== Math.floor(last / boundary);
      const obstacle = crosses
        ? Math.floor(last / boundary) * boundary - 1
        : this.#obstacle(page, pages);
      if (obstacle < 0) return this.#take(page, pages);
      page = Math.ceil((obstacle + 1) / step) * step;
    }
    throw new ReelError(
      "ENOMEM",
      `Cannot allocate ${sizeBytes} bytes of the machine's memory: no free run is that long`,
      {
        mend: "Give the machine more memory (ramBytes) or free buffers",
        details: { sizeBytes, alignBytes, boundaryBytes, ramBytes: this.sizeBytes },
      },
    );
  }

  /** Gives an allocation back. @throws {RangeError} when none begins at this address */
  free(address: number): void {
    const page = address / PAGE_BYTES;
    const pages = this.#runs[page];
    if (pages === undefined || pages === 0) {
      throw new RangeError(`Cannot free memory at ${address}: no allocation begins there`);
    }
    this.#runs[page] = 0;
    this.#taken.fill(0, page, page + pages);
  }

  /** Copies out what a snapshot needs. `bytes` are views, so encode them before memory changes. */
  capture(): RamState {
    const state: RamState = { dmaErrors: this.dmaErrors, allocations: [], contents: [] };
    for (let page = 0; page < this.#touched.length; page++) {
      const pages = this.#runs[page]!;
      if (pages > 0) state.allocations.push({ page, pages });
      if (this.#touched[page] === 0 || this.#isZero(page)) continue;
      const start = page * PAGE_BYTES;
      state.contents.push({ page, bytes: this.#bytes.subarray(start, start + PAGE_BYTES) });
    }
    return state;
  }

  /** Puts a state, which somebody has checked, in place of what is there. */
  apply(state: RamState): void {
    this.dmaErrors = state.dmaErrors;
    this.#taken.fill(0);
    this.#taken[0] = 1;
    this.#runs.fill(0);
    for (const { page, pages } of state.allocations) {
      this.#runs[page] = pages;
      this.#taken.fill(1, page, page + pages);
    }
    // Touched pages stay marked: a driver may still hold a view of one and write to it later.
    for (let page = 0; page < this.#touched.length; page++) {
      if (this.#touched[page] !== 0) this.#zero(page, 1);
    }
    for (const { page, bytes } of state.contents) {
      this.#touched[page] = 1;
      this.#bytes.set(bytes, page * PAGE_BYTES);
    }
  }

  #reach(address: number, length: number): boolean {
    const end = address + length;
    if (address >= 0 && length >= 0 && end <= this.sizeBytes) {
      if (Number.isInteger(address) && Number.isInteger(length)) return true;
    }
    this.dmaErrors += 1;
    return false;
  }

  #touch(address: number, length: number): void {
    const end = address + length;
    for (let start = address; start < end; start += PAGE_BYTES) {
      this.#touched[Math.floor(start / PAGE_BYTES)] = 1;
    }
    if (length > 0) this.#touched[Math.floor((end - 1) / PAGE_BYTES)] = 1;
  }

  /** The last taken page of a run, or -1 when all of it is free. */
  #obstacle(page: number, pages: number): number {
    const at = this.#taken.subarray(page, page + pages).lastIndexOf(1);
    return at < 0 ? -1 : page + at;
  }

  #take(page: number, pages: number): number {
    this.#taken.fill(1, page, page + pages);
    this.#runs[page] = pages;
    // Zeroed now rather than when freed, so that what a run left behind cannot steer the next.
    this.#zero(page, pages);
    return page * PAGE_BYTES;
  }

  #zero(page: number, pages: number): void {
    this.#bytes.fill(0, page * PAGE_BYTES, (page + pages) * PAGE_BYTES);
  }

  #isZero(page: number): boolean {
    const words = this.#words;
    const end = ((page + 1) * PAGE_BYTES) / 4;
    for (let word = (page * PAGE_BYTES) / 4; word < end; word++) {
      if (words[word] !== 0) return false;
    }
    return true;
  }

  #checkRequest(sizeBytes: number, alignBytes: number, boundaryBytes: number): void {
    const powerOfTwo = (value: number): boolean =>
      Number.isInteger(value) && value >= 1 && Number.isInteger(Math.log2(value));
    if (!Number.isInteger(sizeBytes) || sizeBytes < 1) {
      throw new RangeError(
        `Cannot allocate memory: sizeBytes must be 1 or more: found ${sizeBytes}`,
      );
    }
    if (!powerOfTwo(alignBytes)) {
      throw new RangeError(
        `Cannot allocate memory: alignBytes must be a power of two: found ${alignBytes}`,
      );
    }
    if (boundaryBytes === 0) return;
    const whole = Math.ceil(sizeBytes / PAGE_BYTES) * PAGE_BYTES;
    if (!powerOfTwo(boundaryBytes) || boundaryBytes < whole) {
      throw new RangeError(
        `Cannot allocate ${sizeBytes} bytes: boundaryBytes must be a power of two ` +
          `not below ${whole}: found ${boundaryBytes}`,
      );
    }
  }
}
