/**
 * Reads the frames of a tail that its recorder left behind. The file may be anything: every place
 * and length in it is held against the file's size and the format's bounds before it is used, and
 * no link is followed.
 */
import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { FRAME_BYTES, SEGMENT_BYTES_MAX } from "../codec/format.ts";
import {
  DIRECTORY_FRAMES,
  FRAME_ALIGNMENT,
  FRAME_FLAG,
  FRAME_HEADER_BYTES,
  FRAME_KIND,
  FRAME_MAGIC,
  FRAME_WORD,
  outsizePath,
  TAIL_BYTES_MAX,
  TAIL_HEADER_BYTES,
  TAIL_MAGIC,
  TAIL_VERSION,
  TAIL_WORD,
  tailPath,
} from "../tail/layout.ts";
import { bootId } from "../tail/process-start.ts";

/** What a frame of events says of itself. */
export interface TailFrame {
  readonly ordinal: number;
  readonly firstSequence: number;
  readonly timeFirstNs: number;
  /** How many bytes of events it holds. */
  readonly length: number;
  /** How many more it says to hold, of which nobody knows whether they came to the disk. */
  readonly unsureBytes: number;
  /** What is known once it is full. */
  readonly sealed:
    | {
        readonly codec: number;
        readonly eventCount: number;
        readonly timeLastNs: number;
        readonly crc32: number;
      }
    | undefined;
  /** Byte of the file where its events begin, or -1 when they are in a file of their own. */
  readonly at: number;
}

const UUID_BYTES = 16;
/** A negative zero is another one: checksums over numbers tell it from zero. */
const whole = (value: number): boolean =>
  Number.isSafeInteger(value) && value >= 0 && !Object.is(value, -0);

function openFile(path: string): number | undefined {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch {
    return undefined;
  }
}

/** Exactly so many bytes of a file, or undefined when they cannot be read. */
function readAt(file: number, at: number, length: number): Uint8Array | undefined {
  const bytes = new Uint8Array(length);
  let count = 0;
  try {
    while (count < length) {
      const got = readSync(file, bytes, count, length - count, at + count);
      if (got === 0) return undefined;
      count += got;
    }
    return bytes;
  } catch {
    // A place of the disk that cannot be read holds nothing.
    return undefined;
  }
}

const viewOf = (bytes: Uint8Array): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.length);

export class TailFrames implements Disposable {
  readonly #path: string;
  readonly #file: number;
  readonly #sizeBytes: number;
  readonly #header: DataView;
  /** Whether the machine has not started again since: then its memory was the file. */
  readonly sameBoot: boolean;

  private constructor(path: string, file: number, sizeBytes: number, header: DataView) {
    this.#path = path;
    this.#file = file;
    this.#sizeBytes = sizeBytes;
    this.#header = header;
    const boot = new Uint8Array(header.buffer, header.byteOffset + TAIL_WORD.BOOT * 4, UUID_BYTES);
    this.sameBoot = boot.toHex() === bootId().toHex();
  }

  /**
   * Opens the tail of a recording.
   * @param path of the recording
   * @param uuid of the recording: the tail of another one is none
   * @returns undefined when there is no tail, or none that this release understands
   */
  static open(path: string, uuid: string): TailFrames | undefined {
    const file = openFile(tailPath(path));
    if (file === undefined) return undefined;
    try {
      const stats = fstatSync(file);
      const fits = stats.size >= TAIL_HEADER_BYTES && stats.size <= TAIL_BYTES_MAX;
      const header = stats.isFile() && fits ? readAt(file, 0, TAIL_HEADER_BYTES) : undefined;
      if (header !== undefined && isTail(header, uuid)) {
        return new TailFrames(path, file, stats.size, viewOf(header));
      }
    } catch {
      // A tail that cannot be read is none.
    }
    closeSync(file);
    return undefined;
  }

  [Symbol.dispose](): void {
    closeSync(this.#file);
  }

  /** Ordinal of the frame that was open last. */
  get openOrdinal(): number {
    return this.#header.getUint32(TAIL_WORD.OPEN * 4, true);
  }

  /** The frames of events that are whole as far as their headers tell, by their ordinals. */
  frames(): TailFrame[] {
    const frames: TailFrame[] = [];
    for (let index = 0; index < DIRECTORY_FRAMES; index++) {
      const at = this.#header.getUint32((TAIL_WORD.DIRECTORY + index) * 4, true);
      const frame = at === 0 ? undefined : this.#frame(index, at);
      if (frame !== undefined) frames.push(frame);
    }
    return frames.toSorted((a, b) => a.ordinal - b.ordinal);
  }

  /** The bytes of a frame's events, or undefined when they are not there. */
  bytes(frame: TailFrame): Uint8Array | undefined {
    if (frame.at >= 0) return readAt(this.#file, frame.at, frame.length);
    const file = openFile(outsizePath(this.#path, frame.ordinal));
    if (file === undefined) return undefined;
    try {
      const stats = fstatSync(file);
      if (!stats.isFile() || stats.size < frame.length) return undefined;
      return readAt(file, 0, frame.length);
    } finally {
      closeSync(file);
    }
  }

  /**
   * How much of an open frame is sure after the machine has started again: pages reach the disk in
   * any order, but what the recorder had synchronised has a checksum.
   */
  #checkedLength(at: number, length: number, checked: { length: number; crc32: number }): number {
    if (length !== checked.length) return 0;
    const bytes = readAt(this.#file, at + FRAME_HEADER_BYTES, length);
    return bytes !== undefined && Bun.hash.crc32(bytes) === checked.crc32 ? length : 0;
  }

  #frame(index: number, at: number): TailFrame | undefined {
    const end = this.#sizeBytes - FRAME_HEADER_BYTES;
    if (at < TAIL_HEADER_BYTES || at % FRAME_ALIGNMENT !== 0 || at > end) return undefined;
    const bytes = readAt(this.#file, at, FRAME_HEADER_BYTES);
    if (bytes === undefined) return undefined;
    const view = viewOf(bytes);
    const word = (name: keyof typeof FRAME_WORD): number =>
      view.getUint32(FRAME_WORD[name] * 4, true);
    const float = (name: keyof typeof FRAME_WORD): number =>
      view.getFloat64(FRAME_WORD[name] * 4, true);
    const [ordinal, kind, length] = [word("ORDINAL"), word("KIND"), word("LENGTH")];
    const [firstSequence, timeFirstNs] = [float("FIRST_SEQUENCE"), float("TIME_FIRST")];
    if (word("MAGIC") !== FRAME_MAGIC || ordinal % DIRECTORY_FRAMES !== index) return undefined;
    if (kind !== FRAME_KIND.EVENTS && kind !== FRAME_KIND.OUTSIZE) return undefined;
    const inFile = kind === FRAME_KIND.OUTSIZE;
    const room = Math.min(FRAME_BYTES, end - at);
    if (length > (inFile ? SEGMENT_BYTES_MAX : room)) return undefined;
    if (!whole(firstSequence) || !whole(timeFirstNs)) return undefined;
    const isSealed = (word("FLAGS") & FRAME_FLAG.SEALED) !== 0;
    const timeLastNs = float("TIME_LAST");
    if (isSealed && !whole(timeLastNs)) return undefined;
    const [codec, eventCount, crc32] = [word("CODEC"), word("EVENT_COUNT"), word("CRC32")];
    const isSure = isSealed || this.sameBoot;
    const checked = { length: word("CHECKED_LENGTH"), crc32: word("CHECKED_CRC32") };
    const sure = isSure
      ? length
      : this.#checkedLength(at, Math.min(length, checked.length), checked);
    return {
      ordinal,
      firstSequence,
      timeFirstNs,
      length: sure,
      unsureBytes: length - sure,
      sealed: isSealed ? { codec, eventCount, timeLastNs, crc32 } : undefined,
      at: inFile ? -1 : at + FRAME_HEADER_BYTES,
    };
  }
}

function isTail(header: Uint8Array, uuid: string): boolean {
  const view = viewOf(header);
  const word = (index: number): number => view.getUint32(index * 4, true);
  const found = header.subarray(TAIL_WORD.UUID * 4, TAIL_WORD.UUID * 4 + UUID_BYTES).toHex();
  return (
    word(TAIL_WORD.MAGIC) === TAIL_MAGIC[0] &&
    word(TAIL_WORD.MAGIC + 1) === TAIL_MAGIC[1] &&
    word(TAIL_WORD.VERSION) === TAIL_VERSION &&
    found === uuid.replaceAll("-", "")
  );
}
