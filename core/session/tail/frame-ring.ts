/**
 * Places frames in a tail's ring, each behind the one before it, and knows which of them may not be
 * overwritten yet. One frame of events is open at a time; parts of snapshots are placed behind the
 * room that the open frame has.
 */
import { FRAME_BYTES } from "../codec/format.ts";
import {
  alignFrame,
  DIRECTORY_FRAMES,
  FRAME_FLAG,
  FRAME_HEADER_BYTES,
  FRAME_KIND,
  FRAME_MAGIC,
  FRAME_ROOM_BYTES,
  FRAME_WORD,
  TAIL_HEADER_BYTES,
  TAIL_WORD,
} from "./layout.ts";
import type { TailMemory } from "./tail-file.ts";

/** What is true of a frame from its beginning. */
export interface FrameStart {
  readonly kind: number;
  readonly firstSequence: number;
  readonly timeFirstNs: number;
}

/** What is known of a frame when it is full. */
export interface FrameEnd {
  readonly codec: number;
  readonly eventCount: number;
  readonly timeLastNs: number;
  readonly crc32: number;
}

export class FrameRing {
  readonly #memory: TailMemory;
  /** Byte where the frame with ordinal `n` begins, at `n % DIRECTORY_FRAMES`. */
  readonly #starts = new Int32Array(DIRECTORY_FRAMES);
  /** Ordinal that the next frame gets. */
  #next = 0;
  /** Where the last placed frame, and the room that it may still take, ends. */
  #end = TAIL_HEADER_BYTES;
  #open = -1;
  /** The oldest frame that the directory names. */
  #listed = 0;
  /** Frames placed behind the open one while it is open. */
  #behind = 0;

  constructor(memory: TailMemory) {
    this.#memory = memory;
  }

  /** Ordinal of the open frame. */
  get open(): number {
    return this.#open;
  }

  /** How many frames are sealed, of all that ever were. */
  get sealed(): number {
    return this.#memory.words[TAIL_WORD.SEALED]!;
  }

  /** Word of the open frame's header. */
  get headerWord(): number {
    return this.#starts[this.#open % DIRECTORY_FRAMES]! >>> 2;
  }

  /** The room of the open frame. */
  get room(): Uint8Array {
    const at = this.#starts[this.#open % DIRECTORY_FRAMES]! + FRAME_HEADER_BYTES;
    return this.#memory.bytes.subarray(at, at + FRAME_BYTES);
  }

  /**
   * Whether a frame of so many bytes, header included, has room.
   * @param committed how many frames need not be kept any more
   */
  fits(roomBytes: number, committed: number): boolean {
    return this.#place(roomBytes, committed) !== undefined;
  }

  /** How much of the ring is taken by frames that have to be kept, from 0 to 1. */
  fill(committed: number): number {
    const size = this.#memory.bytes.length;
    if (committed >= this.#next) return 0;
    const start = this.#starts[committed % DIRECTORY_FRAMES]!;
    const used = this.#end - start;
    const ring = size - TAIL_HEADER_BYTES;
    return (used > 0 ? used : used + ring) / ring;
  }

  /**
   * Opens a frame of events. There must be room, and none be open.
   * @param committed as for {@link fits}
   */
  openFrame(start: FrameStart, committed: number): void {
    const ordinal = this.#begin(start, FRAME_ROOM_BYTES, committed);
    this.#open = ordinal;
    this.#behind = 0;
    this.#memory.words[TAIL_WORD.OPEN] = ordinal;
  }

  /** Whether the bytes of a frame that is still there are in a file of their own. */
  isInFile(ordinal: number): boolean {
    return isInFile(this.#memory.words, this.#starts[ordinal % DIRECTORY_FRAMES]! >>> 2);
  }

  /** Says that the open frame's bytes are in a file of their own, which is whole. */
  moveOut(): void {
    this.#memory.words[this.headerWord + FRAME_WORD.KIND] = FRAME_KIND.OUTSIZE;
  }

  /**
   * Seals the open frame, and with it all that was placed behind it.
   * @param length of its bytes, as published already
   */
  sealFrame(length: number, end: FrameEnd): void {
    const { words } = this.#memory;
    const at = this.headerWord;
    this.#seal(at, end);
    if (this.#behind === 0) {
      const inside = words[at + FRAME_WORD.KIND] === FRAME_KIND.OUTSIZE ? 0 : length;
      this.#end = at * 4 + alignFrame(FRAME_HEADER_BYTES + inside);
    }
    this.#open = -1;
    words[TAIL_WORD.SEALED] = this.#next;
  }

  /**
   * Places a sealed frame behind the room of the open one. There must be room.
   * @param committed as for {@link fits}
   * @param write fills the bytes behind the frame's header, or a file of its own by the ordinal
   */
  placeBehind(
    start: FrameStart,
    size: { readonly bytes: number; readonly inFile: boolean },
    committed: number,
    write: (room: Uint8Array, ordinal: number) => Omit<FrameEnd, "crc32">,
  ): void {
    const inside = size.inFile ? 0 : size.bytes;
    const ordinal = this.#begin(start, FRAME_HEADER_BYTES + inside, committed);
    const byte = this.#starts[ordinal % DIRECTORY_FRAMES]!;
    const { bytes, words } = this.#memory;
    const from = byte + FRAME_HEADER_BYTES;
    const room = size.inFile ? new Uint8Array(size.bytes) : bytes.subarray(from, from + inside);
    const end = write(room, ordinal);
    const at = byte >>> 2;
    if (size.inFile) words[at + FRAME_WORD.FLAGS] = FRAME_FLAG.IN_FILE;
    words[at + FRAME_WORD.LENGTH] = size.bytes;
    this.#seal(at, { ...end, crc32: Bun.hash.crc32(room) });
    this.#behind++;
  }

  #begin(start: FrameStart, roomBytes: number, committed: number): number {
    const byte = this.#place(roomBytes, committed)!;
    const ordinal = this.#next++;
    const { words, floats } = this.#memory;
    // Nobody is to take for a frame what is written over one from here on.
    for (; this.#listed < committed; this.#listed++) {
      words[TAIL_WORD.DIRECTORY + (this.#listed % DIRECTORY_FRAMES)] = 0;
    }
    const at = byte >>> 2;
    // The length first: what the place held before is nothing's events from here on.
    words[at + FRAME_WORD.LENGTH] = 0;
    words[at + FRAME_WORD.FLAGS] = 0;
    words[at + FRAME_WORD.KIND] = start.kind;
    words[at + FRAME_WORD.CODEC] = 0;
    words[at + FRAME_WORD.CHECKED_LENGTH] = 0;
    floats[(at + FRAME_WORD.FIRST_SEQUENCE) >>> 1] = start.firstSequence;
    floats[(at + FRAME_WORD.TIME_FIRST) >>> 1] = start.timeFirstNs;
    words[at + FRAME_WORD.ORDINAL] = ordinal;
    words[at + FRAME_WORD.MAGIC] = FRAME_MAGIC;
    words[TAIL_WORD.DIRECTORY + (ordinal % DIRECTORY_FRAMES)] = byte;
    this.#starts[ordinal % DIRECTORY_FRAMES] = byte;
    this.#end = byte + alignFrame(roomBytes);
    return ordinal;
  }

  #seal(at: number, { codec, eventCount, timeLastNs, crc32 }: FrameEnd): void {
    const { words, floats } = this.#memory;
    words[at + FRAME_WORD.CODEC] = codec;
    floats[(at + FRAME_WORD.TIME_LAST) >>> 1] = timeLastNs;
    words[at + FRAME_WORD.EVENT_COUNT] = eventCount;
    words[at + FRAME_WORD.CRC32] = crc32;
    words[at + FRAME_WORD.FLAGS]! |= FRAME_FLAG.SEALED;
  }

  /** Where a frame of so many bytes can begin without touching one that is still needed. */
  #place(roomBytes: number, committed: number): number | undefined {
    const size = this.#memory.bytes.length;
    const behind = this.#end;
    if (committed >= this.#next) {
      return behind + roomBytes <= size ? behind : TAIL_HEADER_BYTES;
    }
    if (this.#next - committed >= DIRECTORY_FRAMES) return undefined;
    const oldest = this.#starts[committed % DIRECTORY_FRAMES]!;
    if (oldest >= behind) return behind + roomBytes <= oldest ? behind : undefined;
    if (behind + roomBytes <= size) return behind;
    return TAIL_HEADER_BYTES + roomBytes <= oldest ? TAIL_HEADER_BYTES : undefined;
  }
}

/** Whether the bytes of the frame at this word are in a file of their own. */
export function isInFile(words: Int32Array, at: number): boolean {
  const isOutsize = words[at + FRAME_WORD.KIND] === FRAME_KIND.OUTSIZE;
  return isOutsize || (words[at + FRAME_WORD.FLAGS]! & FRAME_FLAG.IN_FILE) !== 0;
}
