/**
 * Takes sealed frames out of a tail, in their order, into the recording's database: the same work
 * in the Worker and, for short sessions or when there is no Worker any more, in the program's
 * thread.
 */
import { readFileSync, rmSync } from "node:fs";
import type { RawSegment } from "../segment.ts";
import type { SegmentInserter } from "../store/inserter.ts";
import {
  DIRECTORY_FRAMES,
  FRAME_HEADER_BYTES,
  FRAME_KIND,
  FRAME_WORD,
  outsizePath,
  TAIL_WORD,
} from "../tail/layout.ts";
import { isInFile } from "../tail/frame-ring.ts";
import { readSnapshot } from "../tail/snapshot-frame.ts";
import type { TailMemory } from "../tail/tail-file.ts";

export class Archiver {
  readonly #path: string;
  readonly #memory: TailMemory;
  readonly #inserter: SegmentInserter;
  #committed: number;

  /** @param committed how many frames are known to be in the database */
  constructor(path: string, memory: TailMemory, inserter: SegmentInserter, committed: number) {
    this.#path = path;
    this.#memory = memory;
    this.#inserter = inserter;
    this.#committed = committed;
  }

  /** How many frames are in the database. */
  get committed(): number {
    return this.#committed;
  }

  /**
   * Takes the next frame, which must be sealed.
   * @param isHurried whether others wait behind it: then its places are left for later
   * @throws {ReelError} ERR_STORE; the frame is as it was
   */
  take(isHurried: boolean): void {
    const ordinal = this.#committed;
    const at = frameWord(this.#memory, ordinal);
    const { words, floats } = this.#memory;
    const segment = readSegment(this.#memory, this.#path, ordinal);
    if (segment === undefined) {
      const sequence = floats[(at + FRAME_WORD.FIRST_SEQUENCE) >>> 1]!;
      this.#inserter.writeSnapshot(
        sequence,
        readSnapshot(frameBytes(this.#memory, this.#path, at)),
      );
    } else if (segment.firstSequence >= this.#inserter.eventCount) {
      // One that another thread has taken in already is not told twice.
      this.#inserter.write(segment, isHurried);
    }
    this.#committed = ordinal + 1;
    words[TAIL_WORD.COMMITTED] = this.#committed;
    if (isInFile(words, at)) rmSync(outsizePath(this.#path, ordinal), { force: true });
  }
}

/** Word of a frame's header. */
function frameWord({ words }: TailMemory, ordinal: number): number {
  return words[TAIL_WORD.DIRECTORY + (ordinal % DIRECTORY_FRAMES)]! >>> 2;
}

/**
 * A sealed frame of events as the segment that it is. Its bytes are the tail's own.
 * @returns undefined for a frame of something else
 */
export function readSegment(
  memory: TailMemory,
  path: string,
  ordinal: number,
): RawSegment | undefined {
  const { words, floats } = memory;
  const at = frameWord(memory, ordinal);
  if (words[at + FRAME_WORD.KIND] === FRAME_KIND.SNAPSHOT) return undefined;
  return {
    firstSequence: floats[(at + FRAME_WORD.FIRST_SEQUENCE) >>> 1]!,
    eventCount: words[at + FRAME_WORD.EVENT_COUNT]!,
    timeFirstNs: floats[(at + FRAME_WORD.TIME_FIRST) >>> 1]!,
    timeLastNs: floats[(at + FRAME_WORD.TIME_LAST) >>> 1]!,
    codec: words[at + FRAME_WORD.CODEC]!,
    bytes: frameBytes(memory, path, at),
  };
}

/** A frame's bytes, wherever they are. */
function frameBytes({ words, bytes }: TailMemory, path: string, at: number): Uint8Array {
  const length = words[at + FRAME_WORD.LENGTH]!;
  const from = at * 4 + FRAME_HEADER_BYTES;
  if (!isInFile(words, at)) return bytes.subarray(from, from + length);
  return readFileSync(outsizePath(path, words[at + FRAME_WORD.ORDINAL]!)).subarray(0, length);
}
