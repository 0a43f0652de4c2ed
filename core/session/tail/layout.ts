/**
 * The layout of a tail, the file beside a recording into which events are encoded: shared by who
 * writes it, who archives from it and who recovers from it. Numbers are little-endian; a "word" is
 * the index of a 32-bit one. See docs/design/0011-the-write-path.md.
 */
import { FRAME_BYTES } from "../codec/format.ts";

/** "REEL" and "TAIL". */
export const TAIL_MAGIC = [0x4c454552, 0x4c494154] as const;
export const TAIL_VERSION = 1;
/** Header and directory; the ring of frames follows up to the file's end. */
export const TAIL_HEADER_BYTES = 64 * 1024;
/** Size of the file, unless a flight recording wants another one. */
export const TAIL_BYTES = 4 * 1024 * 1024;
/** What a reader takes for one: a larger file is not ours. */
export const TAIL_BYTES_MAX = 1024 * 1024 * 1024;

/** Words of the tail's header. */
export const TAIL_WORD = {
  MAGIC: 0,
  VERSION: 2,
  SIZE: 3,
  /** The recording's UUID, 16 bytes. */
  UUID: 4,
  PROCESS: 8,
  /** When that process started, clock ticks since boot: Float64. `/proc/PID/stat` field 22. */
  PROCESS_START: 10,
  /** How many frames are sealed, of all that ever were. */
  SEALED: 12,
  /** How many of them are in the database, as the archiver saw last. The database knows. */
  COMMITTED: 13,
  /** Ordinal of the open frame. */
  OPEN: 14,
  MODE: 15,
  /** Which start of the machine it is of, 16 bytes: after another only what is checked holds. */
  BOOT: 16,
  /** Which byte of the file the frame with ordinal `n` begins at: word `DIRECTORY + n % FRAMES`. */
  DIRECTORY: 1024,
} as const;
/** Frames that the directory names. */
export const DIRECTORY_FRAMES = 1024;

export const TAIL_MODE = { BLOCK: 0, DIGEST: 1, FLIGHT: 2 } as const;

/** Words of a frame's header, counted from the frame's first. Frames begin at multiples of 64. */
export const FRAME_WORD = {
  MAGIC: 0,
  ORDINAL: 1,
  KIND: 2,
  CODEC: 3,
  /** Sequence number of its first event: Float64. */
  FIRST_SEQUENCE: 4,
  /** The session's clock where it begins: Float64. */
  TIME_FIRST: 6,
  /** The session's clock where it ends: Float64, once sealed. */
  TIME_LAST: 8,
  /** Once sealed. */
  EVENT_COUNT: 10,
  /** Of the frame's bytes, or of its file's; once sealed. */
  CRC32: 11,
  FLAGS: 12,
  /**
   * The commit word: how many bytes of events are behind the header, or in the frame's file. Its
   * store is the last one of an event; what is beyond it is not in the session.
   */
  LENGTH: 13,
  /**
   * So many of the bytes have this CRC-32: written before the file is synchronised, for frames that
   * are open when the power fails. What is beyond may have reached the disk in part.
   */
  CHECKED_LENGTH: 14,
  CHECKED_CRC32: 15,
} as const;
/** "FRAM". */
export const FRAME_MAGIC = 0x4d415246;
export const FRAME_HEADER_BYTES = 64;
export const FRAME_ALIGNMENT = 64;

export const FRAME_KIND = {
  /** Events, behind the header. */
  EVENTS: 0,
  /** Events in a file of their own: {@link outsizePath} of the frame's ordinal. */
  OUTSIZE: 1,
  /**
   * Parts of a snapshot (`snapshot-frame.ts`), whose `state` event has the number FIRST_SEQUENCE;
   * no events. It is sealed before the event frame that was open when it was placed.
   */
  SNAPSHOT: 2,
} as const;
export const FRAME_FLAG = {
  SEALED: 1,
  /** The parts of a snapshot are in a file of their own, as outsize events are. */
  IN_FILE: 2,
} as const;

/** A frame with its header. */
export const FRAME_ROOM_BYTES = FRAME_HEADER_BYTES + FRAME_BYTES;

/** Rounds up to where a frame can begin. */
export function alignFrame(bytes: number): number {
  return Math.ceil(bytes / FRAME_ALIGNMENT) * FRAME_ALIGNMENT;
}

/** Where the tail of a recording is. @param path of the recording, `NAME.reel` or any other */
export function tailPath(path: string): string {
  return `${path}-tail`;
}

/** Where the bytes of a frame are that does not hold them itself. */
export function outsizePath(path: string, ordinal: number): string {
  return `${tailPath(path)}.${ordinal}`;
}
