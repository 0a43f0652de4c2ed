/**
 * The stack of an operation: frames of layers, in the slot's own page of 127 words and, when that
 * is full, in overflow pages from a pool. Depth under the limit costs no allocation; beyond the
 * pool or the hard limit a push is refused.
 *
 * A page's first word holds how many of its bytes are in use and, in overflow pages, the page below
 * it. A frame is one header word (layer, frame below) and its data.
 */
import { DEPTH, HEADER_SHIFT, PAGE, PAGE_BYTES, PAGE_COUNT, TOP } from "./layout.ts";
import type { DescriptorTable } from "./table.ts";

/** Overflow pages that one operation may use: about 1,000 frames of the usual size. */
export const PAGES_PER_OPERATION_MAX = 64;

export class FrameStacks {
  readonly #table: DescriptorTable;
  readonly #i32: Int32Array;
  readonly #u8: Uint8Array;
  #freePage = 0;
  #freshPages = 0;
  #pagesUsed = 0;

  constructor(table: DescriptorTable) {
    this.#table = table;
    this.#i32 = table.i32;
    this.#u8 = table.slab.u8;
  }

  /** Overflow pages in use, by all operations. */
  get pagesUsed(): number {
    return this.#pagesUsed;
  }

  /**
   * Pushes a zeroed frame.
   * @param sizeBytes the layer's frame size, whole words
   * @returns the frame's byte offset in the slab, or 0 when the operation is too deep
   */
  push(slot: number, layer: number, sizeBytes: number): number {
    const i32 = this.#i32;
    const header = slot << HEADER_SHIFT;
    let page = i32[header + PAGE]!;
    let used = i32[page >> 2]!;
    if (used + 8 + sizeBytes > PAGE_BYTES) {
      page = this.#extend(header);
      if (page === 0) return 0;
      used = 8;
    }
    const base = page + used + 8;
    i32[(base - 8) >> 2] = layer;
    i32[(base - 4) >> 2] = i32[header + TOP]!;
    if (sizeBytes <= 64) {
      for (let word = base >> 2, end = (base + sizeBytes) >> 2; word < end; word++) i32[word] = 0;
    } else {
      this.#u8.fill(0, base, base + sizeBytes);
    }
    i32[page >> 2] = used + 8 + sizeBytes;
    i32[header + TOP] = base;
    i32[header + DEPTH] = i32[header + DEPTH]! + 1;
    return base;
  }

  /** Pops the running frame. @returns the frame below, or 0 when the stack is empty now */
  pop(slot: number): number {
    const i32 = this.#i32;
    const header = slot << HEADER_SHIFT;
    const base = i32[header + TOP]!;
    const below = i32[(base - 4) >> 2]!;
    const page = i32[header + PAGE]!;
    i32[page >> 2] = base - 8 - page;
    i32[header + TOP] = below;
    i32[header + DEPTH] = i32[header + DEPTH]! - 1;
    if (base - 8 - page === 8 && i32[header + PAGE_COUNT] !== 0) this.#shrink(header, page);
    return below;
  }

  /** The layer whose frame this is. */
  layerOf(base: number): number {
    return this.#i32[(base - 8) >> 2]!;
  }

  /** The frame below, or 0. */
  below(base: number): number {
    return this.#i32[(base - 4) >> 2]!;
  }

  snapshotCounters(): Int32Array {
    return Int32Array.of(this.#freePage, this.#freshPages, this.#pagesUsed);
  }

  restoreCounters(words: Int32Array): void {
    this.#freePage = words[0]!;
    this.#freshPages = words[1]!;
    this.#pagesUsed = words[2]!;
  }

  #extend(header: number): number {
    const i32 = this.#i32;
    if (i32[header + PAGE_COUNT]! >= PAGES_PER_OPERATION_MAX) return 0;
    let page = this.#freePage;
    if (page !== 0) {
      this.#freePage = i32[(page >> 2) + 1]!;
    } else {
      if (this.#freshPages === this.#table.overflowPages) return 0;
      page = this.#table.overflowAt + this.#freshPages++ * PAGE_BYTES;
    }
    i32[page >> 2] = 8;
    i32[(page >> 2) + 1] = i32[header + PAGE]!;
    i32[header + PAGE] = page;
    i32[header + PAGE_COUNT] = i32[header + PAGE_COUNT]! + 1;
    this.#pagesUsed++;
    return page;
  }

  #shrink(header: number, page: number): void {
    const i32 = this.#i32;
    i32[header + PAGE] = i32[(page >> 2) + 1]!;
    i32[(page >> 2) + 1] = this.#freePage;
    this.#freePage = page;
    i32[header + PAGE_COUNT] = i32[header + PAGE_COUNT]! - 1;
    this.#pagesUsed--;
  }
}
