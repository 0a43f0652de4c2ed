/**
 * Recovery: a recording whose process died is what is committed in its file and what its tail holds
 * from the first event on that is not. Reading it changes nothing on disk.
 */
import { isReelError } from "../../errors.ts";
import { SegmentDecoder } from "../codec/decoder.ts";
import { CODEC_CHECKSUMS, CODEC_FIRST, CODEC_HOW, CODEC_VERSION } from "../codec/format.ts";
import { EVENT, EventRecord } from "../event.ts";
import type { RecordedPolicy } from "../record-policy.ts";
import { SegmentChain } from "../segment.ts";
import type { RawSegment, SealedSegment, SegmentSource } from "../segment.ts";
import { placeOf } from "../store/claim.ts";
import type { RecordingProgress } from "../store/header.ts";
import type { StoredHeader } from "../store/reader.ts";
import type { RecoveredInfo } from "../opened.ts";
import { TAIL_BYTES_MAX } from "../tail/layout.ts";
import { TailFrames } from "./tail-frames.ts";
import type { TailFrame } from "./tail-frames.ts";

/** A recording as it was when its process died. */
export interface Recovered {
  readonly info: RecoveredInfo;
  readonly progress: RecordingProgress;
  /** The segments that were in the tail, in their order. */
  readonly segments: readonly SealedSegment[];
  /** All segments: the file's, then the tail's. */
  readonly source: SegmentSource;
}

/** A file of which recovery needs the segments and the place. */
interface Committed extends SegmentSource {
  readonly path: string;
  readonly wasLive: boolean;
}

/**
 * Finds what is left of a recording that was not ended.
 * @returns undefined for one that was, and for one whose process still records
 * @throws {ReelError} as reading segments does
 */
export function recoverTail(file: Committed, header: StoredHeader): Recovered | undefined {
  const { progress, row } = header;
  if (progress.state !== "recording" || file.wasLive) return undefined;
  const { eventCount } = progress;
  const last = eventCount === 0 ? undefined : file.segmentAt(eventCount - 1);
  const follows = last === undefined || last.firstSequence + last.eventCount === eventCount;
  const found = new TailSegments(eventCount, last);
  const isFlight = parseMode(row.options) === "flight";
  using tail = follows ? TailFrames.open(placeOf(file.path), row.uuid) : undefined;
  if (tail !== undefined) found.take(isFlight ? fromBeginning(tail.frames()) : tail.frames(), tail);
  const { segments } = found;
  const fromTail = found.sequence - eventCount;
  return {
    info: {
      fromTail,
      segments: segments.length,
      lostBytes: found.lostBytes,
      // What a power failure took from the tail's own pages, nobody can say.
      isWhole: found.reachedEnd && found.lostBytes === 0 && tail?.sameBoot === true,
    },
    progress: {
      state: "recovered",
      eventCount: found.sequence,
      digest: segments.length === 0 ? progress.digest : found.digest,
      outcome: found.outcome ?? progress.outcome,
    },
    segments,
    source: {
      segmentAt: (sequence) =>
        sequence < eventCount ? file.segmentAt(sequence) : found.segmentAt(sequence, file),
    },
  };
}

function parseMode(options: string): unknown {
  try {
    return (JSON.parse(options) as { record?: RecordedPolicy } | null)?.record?.mode;
  } catch {
    return undefined;
  }
}

/** The frames of a flight recording, whose first kept event has the number 0 and the time 0. */
function fromBeginning(frames: readonly TailFrame[]): TailFrame[] {
  const [first] = frames;
  if (first === undefined) return [];
  return frames.map(({ sealed, ...frame }) => ({
    ...frame,
    firstSequence: frame.firstSequence - first.firstSequence,
    timeFirstNs: frame.timeFirstNs - first.timeFirstNs,
    sealed: sealed && { ...sealed, timeLastNs: sealed.timeLastNs - first.timeFirstNs },
  }));
}

/** Collects the segments of a tail that follow on what is committed. */
class TailSegments {
  readonly segments: SealedSegment[] = [];
  sequence: number;
  lostBytes = 0;
  /** Whether the frame that was open last is there. */
  reachedEnd = false;
  outcome: string | undefined;
  readonly #chain: SegmentChain;
  readonly #committed: number;
  #timeNs: number;
  /** What is held in memory: as much as the largest tail, its frames' own files included. */
  #sizeBytes = 0;

  constructor(committed: number, last: SealedSegment | undefined) {
    this.#committed = committed;
    this.sequence = committed;
    this.#timeNs = last?.timeLastNs ?? 0;
    this.#chain = last === undefined ? new SegmentChain() : new SegmentChain(last.chain);
  }

  get digest(): string {
    return this.#chain.digest;
  }

  segmentAt(sequence: number, file: SegmentSource): SealedSegment | undefined {
    const found = this.segments.findLast(({ firstSequence }) => firstSequence <= sequence);
    return found ?? (this.#committed > 0 ? file.segmentAt(this.#committed - 1) : undefined);
  }

  /** Takes all frames that follow on each other; the rest is lost. */
  take(frames: readonly TailFrame[], tail: TailFrames): void {
    let ended = false;
    const { openOrdinal } = tail;
    for (const frame of frames) {
      if (frame.ordinal === openOrdinal) this.reachedEnd = true;
      if (frame.firstSequence < this.#committed) continue;
      this.lostBytes += frame.unsureBytes;
      if (ended || frame.firstSequence !== this.sequence) {
        this.lostBytes += frame.length;
        continue;
      }
      if (frame.length === 0) continue;
      this.#sizeBytes += frame.length;
      if (this.#sizeBytes > TAIL_BYTES_MAX) ended = true;
      if (ended) {
        this.lostBytes += frame.length;
        continue;
      }
      const bytes = tail.bytes(frame);
      const segment = bytes === undefined ? undefined : this.#decoded(frame, bytes);
      this.lostBytes += frame.length - (segment?.bytes.length ?? 0);
      ended = frame.sealed === undefined || segment === undefined;
      if (segment === undefined) continue;
      this.segments.push({ ...segment, ...this.#chain.seal(segment) });
      this.sequence += segment.eventCount;
      this.#timeNs = segment.timeLastNs;
    }
  }

  /** A frame's events as a segment: all of a sealed one, or what decodes of the open one. */
  #decoded(frame: TailFrame, bytes: Uint8Array): RawSegment | undefined {
    const { firstSequence, sealed, timeFirstNs } = frame;
    if (timeFirstNs !== this.#timeNs) return undefined;
    const read = decodeAll(bytes, timeFirstNs);
    const { codec, eventCount, length, timeNs } = read;
    if (sealed !== undefined) {
      const agrees =
        length === bytes.length &&
        sealed.eventCount === eventCount &&
        sealed.timeLastNs === timeNs &&
        sealed.codec >= CODEC_FIRST &&
        sealed.codec <= CODEC_VERSION &&
        sealed.crc32 === Bun.hash.crc32(bytes);
      if (!agrees) return undefined;
    }
    if (eventCount === 0) return undefined;
    this.outcome = read.outcome;
    return {
      firstSequence,
      eventCount,
      timeFirstNs,
      timeLastNs: timeNs,
      codec: sealed?.codec ?? codec,
      bytes: bytes.subarray(0, length),
    };
  }
}

/** What the first events of some bytes are, up to their end or to where they are none. */
function decodeAll(bytes: Uint8Array, timeFirstNs: number) {
  const decoder = new SegmentDecoder();
  const record = new EventRecord();
  let [codec, eventCount, length, timeNs]: number[] = [CODEC_FIRST, 0, 0, timeFirstNs];
  let outcome: string | undefined;
  decoder.load(bytes, timeFirstNs, "the tail");
  while (!decoder.done) {
    try {
      decoder.next(record);
    } catch (error) {
      if (!isReelError(error, "ERR_CORRUPT_RECORDING")) throw error;
      break;
    }
    eventCount!++;
    length = decoder.position;
    timeNs = decoder.timeNs;
    codec = Math.max(codec!, codecOf(record));
    outcome = record.kind === EVENT.END ? record.text : undefined;
  }
  return { codec: codec!, eventCount: eventCount!, length: length!, timeNs: timeNs!, outcome };
}

/** The first codec that has an event: an encoder finds the same. */
function codecOf({ how, kind, missing }: EventRecord): number {
  if (kind === EVENT.STATE || missing >= 0) return CODEC_CHECKSUMS;
  return kind === EVENT.SUBMIT && how !== 0 ? CODEC_HOW : CODEC_FIRST;
}
