/**
 * The stack of an operation: frames of layers, in the slot's own page of 127 words and, when that
 * is full, in overflow pages from a pool. Depth under the limit costs no allocation; beyond the
 * pool or the hard limit a push is refused.
 *
 * A page begins with one word, which in overflow pages names the page below. A frame is one header
 * word (its layer, the frame below) and its data. The slot's header has what concerns the running
 * frame, so that an operation of one small layer never leaves it.
 */
import { HEADER_SHIFT, LAYER, PAGE, PAGE_BYTES, PAGE_COUNT, TOP } from "./layout.ts";
import type { DescriptorTable } from "./table.ts";

/** Overflow pages that one operation may use: about 1,000 frames of the usual size. */
export const PAGES_PER_OPERATION_MAX = 64;
const PAGE_HEADER_BYTES = 8;
const FRAME_HEADER_BYTES = 8;
/** Where an operation's first frame begins in its page. */
export const FIRST_FRAME = PAGE_HEADER_BYTES + FRAME_HEADER_BYTES;
/** The largest frame: it fits an empty page. */
export const FRAME_BYTES_MAX = PAGE_BYTES - FIRST_FRAME;

/** A frame of a stack, as inspection and snapshots see it. */
export interface FrameAt {
  readonly layer: number;
  /** Byte offset of the frame's data in the slab. */
  readonly base: number;
}

export class FrameStacks {
  readonly #table: DescriptorTable;
  readonly i32: Int32Array;
  readonly pagesAt: number;
  #freePage = 0;
  #freshPages = 0;
  #pagesUsed = 0;

  constructor(table: DescriptorTable) {
    this.#table = table;
    this.i32 = table.i32;
    this.pagesAt = table.pagesAt;
  }

  /** Overflow pages in use, by all operations. */
  get pagesUsed(): number {
    return this.#pagesUsed;
  }

  /**
   * Pushes an operation's first frame, zeroed. It always fits.
   * @param sizeBytes the layer's frame size, whole words up to {@link FRAME_BYTES_MAX}
   */
  pushFirst(slot: number, layer: number, sizeBytes: number): void {
    const i32 = this.i32;
    const header = slot << HEADER_SHIFT;
    const base = this.pagesAt + slot * PAGE_BYTES + FIRST_FRAME;
    i32[header + TOP] = base;
    i32[header + LAYER] = layer;
    if (sizeBytes !== 0) zero(i32, base >> 2, (base + sizeBytes) >> 2);
  }

  /**
   * Pushes a zeroed frame.
   * @param belowBytes the size of the frame that is running now
   * @returns the frame's byte offset in the slab, or 0 when the operation is too deep
   */
  push(slot: number, layer: number, sizeBytes: number, belowBytes: number): number {
    const i32 = this.i32;
    const header = slot << HEADER_SHIFT;
    const top = i32[header + TOP]!;
    if (top === 0) {
      this.pushFirst(slot, layer, sizeBytes);
      return i32[header + TOP]!;
    }
    let base = top + belowBytes + FRAME_HEADER_BYTES;
    if (base + sizeBytes > i32[header + PAGE]! + PAGE_BYTES) {
      const page = this.#extend(header);
      if (page === 0) return 0;
      base = page + FIRST_FRAME;
    }
    i32[(top - 8) >> 2] = i32[header + LAYER]!;
    i32[(base - 4) >> 2] = top;
    i32[header + TOP] = base;
    i32[header + LAYER] = layer;
    zero(i32, base >> 2, (base + sizeBytes) >> 2);
    return base;
  }

  /** Pops the running frame. @returns the frame below, or 0 when the stack is empty now */
  pop(slot: number): number {
    const i32 = this.i32;
    const header = slot << HEADER_SHIFT;
    const base = i32[header + TOP]!;
    if (base === i32[header + PAGE]! + FIRST_FRAME) {
      if (i32[header + PAGE_COUNT] === 0) {
        i32[header + TOP] = 0;
        return 0;
      }
      this.#shrink(header);
    }
    const below = i32[(base - 4) >> 2]!;
    i32[header + TOP] = below;
    i32[header + LAYER] = i32[(below - 8) >> 2]!;
    return below;
  }

  /** An operation's frames, the running one last. Allocates: for snapshots and inspection. */
  frames(slot: number): FrameAt[] {
    const i32 = this.i32;
    const header = slot << HEADER_SHIFT;
    const bottom = this.pagesAt + slot * PAGE_BYTES + FIRST_FRAME;
    const frames: FrameAt[] = [];
    let base = i32[header + TOP]!;
    if (base === 0) return frames;
    frames.push({ layer: i32[header + LAYER]!, base });
    while (base !== bottom) {
      base = i32[(base - 4) >> 2]!;
      frames.push({ layer: i32[(base - 8) >> 2]!, base });
    }
    return frames.toReversed();
  }

  #extend(header: number): number {
    const i32 = this.i32;
    if (i32[header + PAGE_COUNT]! >= PAGES_PER_OPERATION_MAX) return 0;
    let page = this.#freePage;
    if (page !== 0) {
      this.#freePage = i32[page >> 2]!;
    } else {
      if (this.#freshPages === this.#table.overflowPages) return 0;
      page = this.#table.overflowAt + this.#freshPages++ * PAGE_BYTES;
    }
    i32[page >> 2] = i32[header + PAGE]!;
    i32[header + PAGE] = page;
    i32[header + PAGE_COUNT] = i32[header + PAGE_COUNT]! + 1;
    this.#pagesUsed++;
    return page;
  }

  #shrink(header: number): void {
    const i32 = this.i32;
    const page = i32[header + PAGE]!;
    i32[header + PAGE] = i32[page >> 2]!;
    i32[page >> 2] = this.#freePage;
    this.#freePage = page;
    i32[header + PAGE_COUNT] = i32[header + PAGE_COUNT]! - 1;
    this.#pagesUsed--;
  }
}

/** A loop, because most frames are a few words and a call to `fill` costs more than those. */
function zero(i32: Int32Array, from: number, to: number): void {
  if (to - from > 32) i32.fill(0, from, to);
  else for (let word = from; word < to; word++) i32[word] = 0;
}
