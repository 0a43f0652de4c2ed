/**
 * The memory of frames on their way: slots of three sizes, each a window that never moves, so that
 * a frame is a slot's number, and sending one makes no object. Slots are reused, newest first.
 */

/** Sizes of slots: acknowledgements and lines of text, full segments, full loopback segments. */
const SLOT_BYTES = [256, 2048, 4096] as const;
/** Slots of one size are made in blocks of so many. */
const BLOCK_SLOTS = 16;
/** Bound on all frames in flight together: beyond it the wire drops. */
const STORE_BYTES_MAX = 1 << 26;
const NONE = -1;

/** A store's state as numbers; the bytes of the frames are kept beside it. */
export interface FrameStoreState {
  /** The size of each slot, as an index; slots are numbered in this order. */
  sizes: number[];
  /** Free slots of each size, the next one to be taken last. */
  free: number[][];
}

export class FrameStore {
  /** Bytes of the frame in a slot. */
  readonly lengths: number[] = [];
  /** For whoever holds the slot: the number of the link and direction that the frame travels. */
  readonly ways: number[] = [];
  /** For whoever holds the slot: the next one in a list, -1 for none. */
  readonly nexts: number[] = [];

  readonly #sizes: number[] = [];
  readonly #memory: Uint8Array[] = [];
  /** The last window that was asked for; frames of one length follow each other. */
  readonly #windows: Uint8Array[] = [];
  readonly #free: number[][] = SLOT_BYTES.map(() => []);
  #bytes = 0;

  /** How many slots there are. */
  get count(): number {
    return this.#sizes.length;
  }

  /**
   * Takes a slot for a frame.
   * @param length bytes, at most 4096
   * @returns its number, or -1 when the store is full
   */
  take(length: number): number {
    const size = length <= SLOT_BYTES[0] ? 0 : length <= SLOT_BYTES[1] ? 1 : 2;
    const free = this.#free[size]!;
    if (free.length === 0 && !this.#makeBlock(size)) return NONE;
    const slot = free.pop()!;
    this.lengths[slot] = length;
    this.nexts[slot] = NONE;
    return slot;
  }

  /** Gives a slot back. */
  give(slot: number): void {
    this.lengths[slot] = 0;
    this.#free[this.#sizes[slot]!]!.push(slot);
  }

  /** The bytes of a slot's frame: a window, good until the slot is given back. */
  window(slot: number): Uint8Array {
    const length = this.lengths[slot]!;
    const last = this.#windows[slot]!;
    if (last.length === length) return last;
    return (this.#windows[slot] = this.#memory[slot]!.subarray(0, length));
  }

  /** Whether a slot holds a frame. */
  holds(slot: number): boolean {
    return (this.lengths[slot] ?? 0) > 0;
  }

  capture(): FrameStoreState {
    return { sizes: [...this.#sizes], free: this.#free.map((slots) => [...slots]) };
  }

  /**
   * Whether a state is one that a store can be in: every slot of a known size, each at most once
   * free, in the list of its size, and not too many of them.
   */
  static accepts({ sizes, free }: FrameStoreState): boolean {
    const whole = sizes.every((size) => size === 0 || size === 1 || size === 2);
    const bytes = sizes.reduce((sum, size) => sum + (SLOT_BYTES[size] ?? 0), 0);
    const seen = new Set(free.flat());
    if (!whole || bytes > STORE_BYTES_MAX || free.length !== SLOT_BYTES.length) return false;
    if (seen.size !== free.reduce((sum, slots) => sum + slots.length, 0)) return false;
    return free.every((slots, size) => slots.every((slot) => sizes[slot] === size));
  }

  /** The most bytes that a slot of a size holds. */
  static sizeBytes(size: number): number {
    return SLOT_BYTES[size]!;
  }

  /** Puts a state, which somebody has checked, in place. All slots are without frames then. */
  apply({ sizes, free }: FrameStoreState): void {
    for (const list of [this.lengths, this.ways, this.nexts, this.#sizes]) list.length = 0;
    this.#memory.length = 0;
    this.#windows.length = 0;
    this.#bytes = 0;
    for (const size of sizes) this.#makeSlot(size, new Uint8Array(SLOT_BYTES[size]!));
    for (const [size, slots] of free.entries()) this.#free[size] = [...slots];
  }

  /** Puts a restored frame into its slot. */
  fill(slot: number, bytes: Uint8Array, way: number): void {
    this.lengths[slot] = bytes.length;
    this.ways[slot] = way;
    this.window(slot).set(bytes);
  }

  #makeBlock(size: number): boolean {
    const slotBytes = SLOT_BYTES[size]!;
    if (this.#bytes + slotBytes * BLOCK_SLOTS > STORE_BYTES_MAX) return false;
    const block = new Uint8Array(new ArrayBuffer(slotBytes * BLOCK_SLOTS));
    for (let i = BLOCK_SLOTS - 1; i >= 0; i--) {
      const slot = this.#makeSlot(size, block.subarray(i * slotBytes, (i + 1) * slotBytes));
      this.#free[size]!.push(slot);
    }
    return true;
  }

  #makeSlot(size: number, memory: Uint8Array): number {
    const slot = this.#sizes.length;
    this.#sizes.push(size);
    this.#memory.push(memory);
    this.#windows.push(memory);
    this.lengths.push(0);
    this.ways.push(0);
    this.nexts.push(NONE);
    this.#bytes += memory.length;
    return slot;
  }
}
