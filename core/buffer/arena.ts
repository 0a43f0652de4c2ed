/**
 * The pinned arena: memory that the kernel or a device may use while an operation is in flight. It
 * is made of SharedArrayBuffers, which cannot be detached or moved, and it never hands out memory
 * of an ordinary ArrayBuffer, whose bytes the garbage collector may move or free.
 *
 * Blocks are powers of two from 64 bytes; a freed block serves the next request of its size, last
 * freed first, so the same program gets the same addresses relative to the arena in every run.
 */
import { ReelError } from "../errors.ts";

/** Tells the arena the absolute address of memory that it has allocated; 0 where none matters. */
export type PinMemory = (bytes: Uint8Array) => number;

const BLOCK_SHIFT_MIN = 6;
const CHUNK_SHIFT = 20;
const CHUNK_BYTES = 1 << CHUNK_SHIFT;
/** The largest single block. */
export const BLOCK_BYTES_MAX = 1 << 30;
/** Blocks of a page and more lie on page boundaries, as direct I/O wants them. */
const PAGE_BYTES = 4096;
/** A power of two: how many views of its memory an arena keeps at hand. */
const VIEWS = 512;

/** A run of the arena's memory. */
export interface Block {
  /** Exactly as many bytes as were asked for. */
  readonly bytes: Uint8Array;
  /** Absolute address of the first byte, 0 on a backend that has none. */
  readonly address: number;
  /** log2 of the block's real size. */
  readonly sizeClass: number;
  /** Where the block begins in the arena, counted over all chunks: the same in every run. */
  readonly offset: number;
}

interface Chunk {
  readonly bytes: Uint8Array;
  readonly address: number;
  /** Arena offset of the chunk's first byte. */
  readonly offset: number;
  used: number;
}

export class Arena {
  readonly #pin: PinMemory;
  readonly #limitBytes: number;
  readonly #chunks: Chunk[] = [];
  readonly #free: Block[][] = [];
  /** Views that were given out last, by their addresses: the same runs are asked for repeatedly. */
  readonly #views: (Uint8Array | undefined)[] = Array.from({ length: VIEWS });
  readonly #viewed = new Float64Array(VIEWS);
  #reservedBytes = 0;
  #inUseBytes = 0;

  /**
   * @param pin gives the absolute address of fresh memory
   * @param limitBytes the most that the arena may reserve
   */
  constructor(pin: PinMemory, limitBytes = 1 << 30) {
    this.#pin = pin;
    this.#limitBytes = limitBytes;
  }

  get reservedBytes(): number {
    return this.#reservedBytes;
  }

  /** Bytes of blocks that are handed out, counted by their real size. */
  get inUseBytes(): number {
    return this.#inUseBytes;
  }

  /**
   * Takes a block.
   * @param sizeBytes 0 to 1 GiB
   * @throws {RangeError} for another size
   * @throws {ReelError} ERR_LIMIT when the arena may not grow far enough
   */
  take(sizeBytes: number): Block {
    if (!Number.isInteger(sizeBytes) || sizeBytes < 0 || sizeBytes > BLOCK_BYTES_MAX) {
      throw new RangeError(
        `Cannot take a buffer of ${sizeBytes} bytes: it must be 0 to ${BLOCK_BYTES_MAX}`,
      );
    }
    const sizeClass = Math.max(BLOCK_SHIFT_MIN, 32 - Math.clz32(Math.max(sizeBytes, 1) - 1));
    const freed = this.#free[sizeClass]?.pop();
    this.#inUseBytes += 2 ** sizeClass;
    if (freed !== undefined) {
      if (freed.bytes.length === sizeBytes) return freed;
      const bytes = new Uint8Array(freed.bytes.buffer, freed.bytes.byteOffset, sizeBytes);
      return { ...freed, bytes };
    }
    try {
      return this.#carve(sizeBytes, sizeClass);
    } catch (error) {
      this.#inUseBytes -= 2 ** sizeClass;
      throw error;
    }
  }

  /** Whether memory is the arena's own. */
  owns(memory: ArrayBufferLike): boolean {
    return this.#chunks.some((chunk) => chunk.bytes.buffer === memory);
  }

  /** Gives a block back. The caller vouches that nothing uses it any more. */
  give(block: Block): void {
    this.#inUseBytes -= 2 ** block.sizeClass;
    (this.#free[block.sizeClass] ??= []).push(block);
  }

  /**
   * The memory behind an absolute address.
   * @returns undefined when the run does not lie in one chunk of the arena
   */
  resolve(address: number, length: number): Uint8Array | undefined {
    // Neighbours have places of their own, be they pages or the smallest blocks.
    const place = ((address / 2 ** BLOCK_SHIFT_MIN) ^ (address / PAGE_BYTES)) & (VIEWS - 1);
    const kept = this.#views[place];
    if (kept?.length === length && this.#viewed[place] === address) return kept;
    for (const chunk of this.#chunks) {
      const at = address - chunk.address;
      if (!(at >= 0 && at + length <= chunk.bytes.length)) continue;
      const view = chunk.bytes.subarray(at, at + length);
      this.#views[place] = view;
      this.#viewed[place] = address;
      return view;
    }
    return undefined;
  }

  #carve(sizeBytes: number, sizeClass: number): Block {
    const realBytes = 2 ** sizeClass;
    let chunk = this.#chunks.at(-1);
    if (chunk === undefined || alignedUse(chunk, realBytes) + realBytes > chunk.bytes.length) {
      chunk = this.#grow(Math.max(CHUNK_BYTES, realBytes));
    }
    const at = alignedUse(chunk, realBytes);
    chunk.used = at + realBytes;
    return {
      bytes: new Uint8Array(chunk.bytes.buffer, chunk.bytes.byteOffset + at, sizeBytes),
      address: chunk.address + at,
      sizeClass,
      offset: chunk.offset + at,
    };
  }

  #grow(sizeBytes: number): Chunk {
    if (this.#reservedBytes + sizeBytes > this.#limitBytes) {
      throw new ReelError(
        "ERR_LIMIT",
        `Cannot take a buffer: the arena holds ${this.#reservedBytes} of ${this.#limitBytes} bytes`,
        { mend: "Dispose of buffers that are done, or start the runtime with a larger arenaBytes" },
      );
    }
    // One page more than needed, so that the first block can begin on a page boundary.
    const memory = new Uint8Array(new SharedArrayBuffer(sizeBytes + PAGE_BYTES));
    const start = this.#pin(memory);
    const skip = start === 0 ? 0 : (PAGE_BYTES - (start % PAGE_BYTES)) % PAGE_BYTES;
    const offset = this.#chunks.reduce((sum, each) => sum + each.bytes.length, 0);
    const chunk: Chunk = {
      bytes: memory.subarray(skip, skip + sizeBytes),
      // Where there are no addresses, arena offsets plus a page stand in for them: never 0.
      address: start === 0 ? PAGE_BYTES + offset : start + skip,
      offset,
      used: 0,
    };
    this.#chunks.push(chunk);
    this.#reservedBytes += sizeBytes;
    return chunk;
  }
}

function alignedUse(chunk: Chunk, realBytes: number): number {
  const align = Math.min(realBytes, PAGE_BYTES);
  return Math.ceil(chunk.used / align) * align;
}
