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
   * @throws {ReelError} ERR_STORE; the frame is as it was
   */
  take(): void {
    const ordinal = this.#committed;
    const at = frameWord(this.#memory, ordinal);
    const kind = this.#memory.words[at + FRAME_WORD.KIND];
    const segment = readSegment(this.#memory, this.#path, ordinal);
    // One that another thread has taken in already is not told twice.
    const isNew = segment !== undefined && segment.firstSequence >= this.#inserter.eventCount;
    if (isNew) this.#inserter.write(segment);
    this.#committed = ordinal + 1;
    this.#memory.words[TAIL_WORD.COMMITTED] = this.#committed;
    if (kind === FRAME_KIND.OUTSIZE) rmSync(outsizePath(this.#path, ordinal), { force: true });
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
  const { words, floats, bytes } = memory;
  const at = frameWord(memory, ordinal);
  if (words[at + FRAME_WORD.KIND] === FRAME_KIND.SNAPSHOT) return undefined;
  const length = words[at + FRAME_WORD.LENGTH]!;
  const from = at * 4 + FRAME_HEADER_BYTES;
  const inFile = words[at + FRAME_WORD.KIND] === FRAME_KIND.OUTSIZE;
  return {
    firstSequence: floats[(at + FRAME_WORD.FIRST_SEQUENCE) >>> 1]!,
    eventCount: words[at + FRAME_WORD.EVENT_COUNT]!,
    timeFirstNs: floats[(at + FRAME_WORD.TIME_FIRST) >>> 1]!,
    timeLastNs: floats[(at + FRAME_WORD.TIME_LAST) >>> 1]!,
    codec: words[at + FRAME_WORD.CODEC]!,
    bytes: inFile
      ? readFileSync(outsizePath(path, ordinal)).subarray(0, length)
      : bytes.subarray(from, from + length),
  };
}
