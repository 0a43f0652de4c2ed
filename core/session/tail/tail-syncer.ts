/**
 * Brings a tail to the disk while it is written, so that it survives a power failure. Events are
 * stored in memory one by one and reach the disk together: one call takes all of a few
 * milliseconds.
 */
import { closeSync, fdatasyncSync, openSync } from "node:fs";
import { DIRECTORY_FRAMES, FRAME_HEADER_BYTES, FRAME_WORD, TAIL_WORD } from "./layout.ts";
import type { TailMemory } from "./tail-file.ts";

export class TailSyncer {
  readonly #memory: TailMemory;
  readonly #file: number;
  #ordinal = -1;
  #length = -1;

  /** @throws what the host says when the file cannot be opened */
  constructor(file: string, memory: TailMemory) {
    this.#memory = memory;
    this.#file = openSync(file, "r+");
  }

  /**
   * Brings what happened since the last call to the disk, if anything did. When it returns, every
   * event that was in the session when it was called is there.
   * @throws what the host says
   */
  sync(): void {
    const { words, bytes } = this.#memory;
    const ordinal = Atomics.load(words, TAIL_WORD.OPEN);
    const at = words[TAIL_WORD.DIRECTORY + (ordinal % DIRECTORY_FRAMES)]!;
    const word = at >>> 2;
    const length = Atomics.load(words, word + FRAME_WORD.LENGTH);
    if (ordinal === this.#ordinal && length === this.#length) return;
    const from = at + FRAME_HEADER_BYTES;
    // The frame may be sealed by now; its place stays its own as long as this thread, which
    // archives, is here.
    words[word + FRAME_WORD.CHECKED_LENGTH] = length;
    words[word + FRAME_WORD.CHECKED_CRC32] = Bun.hash.crc32(bytes.subarray(from, from + length));
    fdatasyncSync(this.#file);
    this.#ordinal = ordinal;
    this.#length = length;
  }

  close(): void {
    closeSync(this.#file);
  }
}
