/** The tail of a recording in the making: its memory, its ring, and the files beside it. */
import { rmSync, writeFileSync } from "node:fs";
import type { ReelError } from "../../errors.ts";
import type { OpenFrame, RawSegment } from "../segment.ts";
import { storeError } from "../store/errors.ts";
import { FrameRing } from "../tail/frame-ring.ts";
import type { FrameStart } from "../tail/frame-ring.ts";
import { FRAME_WORD, outsizePath } from "../tail/layout.ts";
import { draftTail, dropDraft, placeTail } from "../tail/tail-file.ts";
import type { TailFacts, TailMemory } from "../tail/tail-file.ts";

export class OpenTail {
  readonly memory: TailMemory;
  readonly ring: FrameRing;
  readonly #path: string;
  readonly #durable: boolean;

  /**
   * @param path of the recording
   * @param durable whether what is beside the ring is to survive a power failure
   * @throws {ReelError} ERR_STORE when it cannot be made
   */
  constructor(path: string, facts: TailFacts, durable = false) {
    this.#path = path;
    this.#durable = durable;
    try {
      this.memory = draftTail(path, facts);
    } catch (error) {
      throw storeError(`record to ${path}`, error);
    }
    this.ring = new FrameRing(this.memory);
  }

  /**
   * Puts the tail in its place once the recording is in its own.
   * @param make makes the recording
   * @throws {ReelError} ERR_STORE
   */
  place<T extends { abandon(): void }>(make: () => T): T {
    let made: T | undefined;
    try {
      made = make();
      placeTail(this.#path);
      return made;
    } catch (error) {
      made?.abandon();
      dropDraft(this.#path);
      throw error instanceof RangeError ? error : storeError(`record to ${this.#path}`, error);
    }
  }

  /** Opens a frame. @param committed how many frames need not be kept any more */
  open(start: FrameStart, committed: number): OpenFrame {
    const { memory, ring } = this;
    ring.openFrame(start, committed);
    return { bytes: ring.room, words: memory.words, headerWord: ring.headerWord };
  }

  /**
   * Seals the open frame: puts the segment's bytes where they survive and says so, in this order.
   * @param frame the open one
   * @returns why the segment's last event is not kept, if it is not
   */
  seal(raw: RawSegment, frame: OpenFrame): ReelError | undefined {
    const { codec, timeLastNs } = raw;
    const { words } = this.memory;
    const at = frame.headerWord;
    let { bytes, eventCount } = raw;
    let failure: ReelError | undefined;
    if (bytes.buffer !== frame.bytes.buffer) {
      // The last event was so large that the segment has outgrown its frame.
      try {
        this.writeFile(this.ring.open, bytes);
        this.ring.moveOut();
      } catch (error) {
        failure = error as ReelError;
        bytes = frame.bytes.subarray(0, words[at + FRAME_WORD.LENGTH]);
        eventCount--;
        if (eventCount === 0) return failure;
      }
    }
    words[at + FRAME_WORD.CODEC] = codec;
    words[at + FRAME_WORD.LENGTH] = bytes.length;
    const crc32 = Bun.hash.crc32(bytes);
    this.ring.sealFrame(bytes.length, { codec, eventCount, timeLastNs, crc32 });
    return failure;
  }

  /** Writes what does not fit into the ring to a file of its own. @throws {ReelError} ERR_STORE */
  writeFile(ordinal: number, bytes: Uint8Array): void {
    const file = outsizePath(this.#path, ordinal);
    try {
      writeFileSync(file, bytes, { flush: this.#durable });
    } catch (error) {
      rmSync(file, { force: true });
      throw storeError(`record to ${this.#path}`, error);
    }
  }

  /** Removes what a frame, that need not be kept any more, has beside the ring. */
  drop(ordinal: number): void {
    if (this.ring.isInFile(ordinal)) rmSync(outsizePath(this.#path, ordinal), { force: true });
  }
}
