/**
 * The HBA's way to memory: small reads of what software put there, and data through a command's
 * physical region descriptor table. An address that is not memory ends in a status, never in an
 * exception, and nothing is written outside of what the table names.
 *
 * References: [AHCI] 4.2.3.3 (PRDT), 6.1 (errors).
 */
import type { DeviceHost } from "../disk/host.ts";
import { PRD_BYTES, PRD_COUNT_MASK, PRD_INTERRUPT, TABLE_PRDT } from "./registers.ts";

export const DMA = {
  OK: 0,
  /** An address is not memory: PxIS.HBFS. */
  BAD_ADDRESS: 1,
  /** The table is shorter than the data: PxIS.OFS. */
  OVERFLOW: 2,
  /** Data were damaged on their way: PxIS.HBDS. */
  BAD_DATA: 3,
} as const;
export type DmaStatus = (typeof DMA)[keyof typeof DMA];

/** Data in transit: a whole number of sectors of every size that drives have. */
export const STAGE_BYTES = 64 * 1024;
const HIGH = 2 ** 32;

export class Dma {
  /** Where data stand between drive and memory. */
  readonly stage = new Uint8Array(STAGE_BYTES);
  /** Whether the function may reach memory: PCI command register, bus master enable. */
  enabled: () => boolean = () => true;
  readonly #host: DeviceHost;
  readonly #words = new Uint32Array(16);
  readonly #views: Uint8Array[];
  readonly #bytes: Uint8Array;
  readonly #entry = new Uint8Array(PRD_BYTES);
  readonly #entryWords = new Uint32Array(this.#entry.buffer);
  /** The view of the stage that was last needed: commands in a row are of one size. */
  #part: Uint8Array = this.stage.subarray(0, 0);

  constructor(host: DeviceHost) {
    this.#host = host;
    const bytes = new Uint8Array(this.#words.buffer);
    this.#bytes = bytes;
    this.#views = [4, 16, 32, 64].map((length) => bytes.subarray(0, length));
  }

  /** The words of the last {@link fetch}. */
  get words(): Uint32Array {
    return this.#words;
  }

  /** The bytes of the last {@link fetch}. */
  get bytes(): Uint8Array {
    return this.#bytes;
  }

  /** Reads 4, 16, 32 or 64 bytes into {@link words}. @returns whether all of them are memory */
  fetch(address: number, length: 4 | 16 | 32 | 64): boolean {
    const view = this.#views[length === 4 ? 0 : length === 16 ? 1 : length === 32 ? 2 : 3]!;
    return this.enabled() && this.#host.readMemory(address, view);
  }

  /** Writes one 32-bit word. */
  storeWord(address: number, value: number): boolean {
    this.#words[0] = value;
    return this.store(address, this.#views[0]!);
  }

  store(address: number, bytes: Uint8Array): boolean {
    return this.enabled() && this.#host.writeMemory(address, bytes);
  }

  /** Loads entry `index` of a table. @returns false, with nothing changed, for a bad address */
  loadEntry(cursor: PrdCursor): boolean {
    const at = cursor.table + TABLE_PRDT + cursor.index * PRD_BYTES;
    if (!this.enabled() || !this.#host.readMemory(at, this.#entry)) return false;
    const words = this.#entryWords;
    // Bit 0 of the address is reserved: data are word aligned.
    cursor.address = words[1]! * HIGH + words[0]! - (words[0]! & 1);
    cursor.left = (words[3]! & PRD_COUNT_MASK) + 1;
    // The byte count is even: bit 0 of "count minus one" is always taken for 1.
    cursor.left += cursor.left & 1;
    cursor.interrupt = (words[3]! & PRD_INTERRUPT) !== 0;
    cursor.index += 1;
    return true;
  }

  /**
   * Moves the first `length` bytes of the stage to or from the regions that the cursor stands at,
   * and moves the cursor on. On a status other than OK what came before the bad region has moved.
   */
  move(cursor: PrdCursor, length: number, toMemory: boolean): DmaStatus {
    let at = 0;
    while (at < length) {
      if (cursor.left === 0) {
        if (cursor.index >= cursor.entries) return DMA.OVERFLOW;
        if (!this.loadEntry(cursor)) return DMA.BAD_ADDRESS;
      }
      const count = Math.min(length - at, cursor.left);
      const part = this.#stagePart(at, count);
      const { address } = cursor;
      const moved =
        this.enabled() &&
        (toMemory ? this.#host.writeMemory(address, part) : this.#host.readMemory(address, part));
      if (!moved) return DMA.BAD_ADDRESS;
      at += count;
      cursor.address += count;
      cursor.left -= count;
      cursor.movedBytes += count;
      if (cursor.left === 0 && cursor.interrupt) cursor.processed = true;
    }
    return DMA.OK;
  }

  #stagePart(at: number, length: number): Uint8Array {
    const part = this.#part;
    if (part.byteOffset === at && part.length === length) return part;
    return (this.#part = this.stage.subarray(at, at + length));
  }
}

/** How far a command has got in its table. Plain numbers, so that it can be saved. */
export class PrdCursor {
  /** Address of the command table. */
  table = 0;
  /** Entries of the PRDT. */
  entries = 0;
  /** The next entry to load. */
  index = 0;
  /** What is left of the loaded one. */
  address = 0;
  left = 0;
  interrupt = false;
  /** Bytes moved, for PRDBC. */
  movedBytes = 0;
  /** A region with the interrupt bit is done: PxIS.DPS. */
  processed = false;

  begin(table: number, entries: number): void {
    this.table = table;
    this.entries = entries;
    this.index = 0;
    this.address = 0;
    this.left = 0;
    this.interrupt = false;
    this.movedBytes = 0;
    this.processed = false;
  }
}
