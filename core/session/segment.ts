/**
 * Segments: the unit in which events are stored, checked and found again. Each carries a CRC-32 of
 * its bytes and a link of a SHA-256 chain over everything before it, so that a flipped bit, a lost
 * segment, a swapped or a foreign one are all found. The last link is the digest of the session:
 * equal for two runs that lived through the same events.
 */
import type { StatePart } from "./tap.ts";
import { CODEC_FIRST, CODEC_VERSION, SEGMENT_BYTES_MAX } from "./codec/format.ts";

/** A full segment as the recorder hands it over, not yet sealed. */
export interface RawSegment {
  /** Sequence number of its first event; the session's first event is 0. */
  readonly firstSequence: number;
  readonly eventCount: number;
  /** The session's clock where the segment begins and where it ends. */
  readonly timeFirstNs: number;
  readonly timeLastNs: number;
  readonly codec: number;
  /** Valid during the call only. */
  readonly bytes: Uint8Array;
}

/** What sealing adds. */
export interface Seal {
  readonly crc32: number;
  readonly chain: Uint8Array;
}

export type SealedSegment = RawSegment & Seal;

/** Where full segments go. */
export interface SegmentSink {
  /**
   * Takes a segment; its bytes may not be kept.
   * @param last whether no other one follows
   * @throws {ReelError} ERR_STORE
   */
  write(segment: RawSegment, last?: boolean): void;
  /** Whether there is little room left, so that only what is small should come. */
  readonly isPressed?: boolean;
  /**
   * Keeps the parts of a state, whose checksums (`digests`) are the event of this number. A sink
   * that keeps events only, or none, leaves it out.
   */
  keepState?(sequence: number, parts: readonly StatePart[], digests: readonly number[]): void;
}

/** Where the bytes of a segment are written, so that each event is in the session at once. */
export interface OpenFrame {
  /** Room for a segment that is almost full and one more event. */
  readonly bytes: Uint8Array;
  /** Views of the memory that the frame is in, and the word of it that its header begins with. */
  readonly words: Int32Array;
  readonly headerWord: number;
}

/** A sink that has the memory itself in which segments are filled. */
export interface FrameSink extends SegmentSink {
  /** The room for the segment that is filled next; another one after each {@link write}. */
  readonly frame: OpenFrame;
}

/** Where segments come from. Reading changes nothing, so that several cursors can share one. */
export interface SegmentSource {
  /** Whether every segment is checked against its seal before it is given out. Default false. */
  readonly checked?: boolean;
  /** The segment that holds the event of this number, or the last one before it. */
  segmentAt(sequence: number): SealedSegment | undefined;
}

export const CHAIN_BYTES = 32;
const HEADER_BYTES = 48;
/** What the first link is chained to: separates these digests from any other use of SHA-256. */
const CHAIN_ROOT: Uint8Array = new Uint8Array(
  new Bun.CryptoHasher("sha256").update("ioreel session 1").digest(),
);

/** Computes the links of a chain, one segment after the other. */
export class SegmentChain {
  #link: Uint8Array;
  readonly #header = new Uint8Array(HEADER_BYTES);
  readonly #view = new DataView(this.#header.buffer);

  /** @param link where to go on; by default a session's beginning */
  constructor(link: Uint8Array = CHAIN_ROOT) {
    this.#link = link;
  }

  /** Takes back what was sealed after this link. */
  goBack(link: Uint8Array): void {
    this.#link = link;
  }

  /** The last link: 32 bytes. Before the first segment, the chain's root. */
  get link(): Uint8Array {
    return this.#link;
  }

  /** The last link in hexadecimal: the session's digest so far. */
  get digest(): string {
    return this.#link.toHex();
  }

  /** Computes a segment's checksum and its link, and goes on from there. */
  seal(segment: RawSegment): Seal {
    const crc32 = Bun.hash.crc32(segment.bytes);
    const view = this.#view;
    view.setFloat64(0, segment.firstSequence, true);
    view.setFloat64(8, segment.eventCount, true);
    view.setFloat64(16, segment.timeFirstNs, true);
    view.setFloat64(24, segment.timeLastNs, true);
    view.setUint32(32, segment.codec, true);
    view.setUint32(36, segment.bytes.length, true);
    view.setUint32(40, crc32, true);
    const hasher = new Bun.CryptoHasher("sha256");
    hasher.update(this.#link).update(this.#header).update(segment.bytes);
    this.#link = new Uint8Array(hasher.digest());
    return { crc32, chain: this.#link };
  }
}

const hex = (crc32: number): string => crc32.toString(16).padStart(8, "0");

/** Checks segments in their order. */
export class SegmentChecker {
  readonly #chain = new SegmentChain();
  #nextSequence = 0;
  #timeNs = 0;

  /** Sequence number that the next segment must begin with. */
  get nextSequence(): number {
    return this.#nextSequence;
  }

  get digest(): string {
    return this.#chain.digest;
  }

  /** Goes on behind a segment, whose link is taken as it is. */
  follow(segment: SealedSegment): void {
    this.#chain.goBack(segment.chain);
    this.#nextSequence = segment.firstSequence + segment.eventCount;
    this.#timeNs = segment.timeLastNs;
  }

  /**
   * Checks the next segment against its seal and against what came before it.
   * @param sealed whether its seal is checked already
   * @returns what is wrong, as "found x, wanted y", or undefined when all agrees
   */
  check(segment: SealedSegment, sealed = false): string | undefined {
    const { bytes, codec, firstSequence, timeFirstNs } = segment;
    if (codec < CODEC_FIRST || codec > CODEC_VERSION) {
      return `found event codec ${codec}, wanted ${CODEC_FIRST} to ${CODEC_VERSION}`;
    }
    if (firstSequence !== this.#nextSequence) {
      return `found first event ${firstSequence}, wanted ${this.#nextSequence}`;
    }
    if (timeFirstNs !== this.#timeNs) {
      return `found start time ${timeFirstNs}, wanted ${this.#timeNs}`;
    }
    if (bytes.length > SEGMENT_BYTES_MAX) {
      return `found ${bytes.length} bytes, wanted at most ${SEGMENT_BYTES_MAX}`;
    }
    if (sealed) {
      this.follow(segment);
      return undefined;
    }
    const { crc32, chain } = this.#chain.seal(segment);
    if (crc32 !== segment.crc32) {
      return `found checksum ${hex(crc32)}, wanted ${hex(segment.crc32)}`;
    }
    if (!Bun.deepEquals(chain, segment.chain)) {
      const wanted = segment.chain.toHex().slice(0, 16);
      return `found chain ${chain.toHex().slice(0, 16)}..., wanted ${wanted}...`;
    }
    this.#nextSequence = firstSequence + segment.eventCount;
    this.#timeNs = segment.timeLastNs;
    return undefined;
  }
}

/** Names a segment in messages. @param ordinal its number from 0, where that is known */
export function nameSegment(ordinal: number | undefined, segment: RawSegment): string {
  const last = segment.firstSequence + segment.eventCount - 1;
  const events = `events ${segment.firstSequence} to ${last}`;
  return ordinal === undefined ? `the segment of ${events}` : `segment ${ordinal} (${events})`;
}

/** Segments kept in memory: for tests, for tools, and where no file is wanted. */
export class MemorySegments implements SegmentSink, SegmentSource {
  readonly segments: SealedSegment[] = [];
  readonly #chain = new SegmentChain();

  get digest(): string {
    return this.#chain.digest;
  }

  write(segment: RawSegment): void {
    const bytes = segment.bytes.slice();
    this.segments.push({ ...segment, bytes, ...this.#chain.seal(segment) });
  }

  segmentAt(sequence: number): SealedSegment | undefined {
    let found: SealedSegment | undefined;
    for (const segment of this.segments) {
      if (segment.firstSequence <= sequence) found = segment;
    }
    return found;
  }
}

/** Computes a run's digest and keeps nothing. */
export class DigestSink implements SegmentSink {
  readonly #chain = new SegmentChain();

  get digest(): string {
    return this.#chain.digest;
  }

  write(segment: RawSegment): void {
    this.#chain.seal(segment);
  }
}
