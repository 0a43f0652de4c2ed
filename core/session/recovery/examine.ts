/**
 * Examines a damaged recording: which segments are damaged or gone, with their events, although
 * the first of them is where a reader has to stop.
 */
import { resolve } from "node:path";
import { isReelError, ReelError } from "../../errors.ts";
import { SegmentDecoder } from "../codec/decoder.ts";
import { EventRecord } from "../event.ts";
import { SegmentChecker } from "../segment.ts";
import type { SealedSegment } from "../segment.ts";
import type { RecordingProgress } from "../store/header.ts";
import { RecordingReader } from "../store/reader.ts";
import type { StoredHeader } from "../store/reader.ts";
import { recoverTail } from "./recover.ts";

/** A place where a recording is not what was recorded. */
export interface Damage {
  readonly what: "header" | "segment" | "attachment" | "places";
  readonly message: string;
  /** Number of the segment, from 0. */
  readonly segment?: number;
  readonly firstSequence?: number;
  readonly lastSequence?: number;
  readonly name?: string;
}

/** What is left of a damaged recording. */
export interface Examination {
  readonly uuid: string;
  readonly state: string;
  /** Events that the recording has had. */
  readonly eventCount: number;
  /** Events before the first damage: what salvaging keeps. */
  readonly soundEvents: number;
  readonly damage: readonly Damage[];
}

/** Damages that are listed. */
const LISTED = 100;

/**
 * Examines a recording that does not open.
 * @param why what opening it said
 * @throws {ReelError} `why` itself, when not even the header is what it was
 */
export function examineRecording(path: string, why: ReelError): Examination {
  let reader: RecordingReader | undefined;
  try {
    reader = new RecordingReader(resolve(path), { mayBeCut: true });
    const header = reader.header();
    return new Examiner(reader, header).examine(why);
  } catch (error) {
    if (isReelError(error)) throw why;
    throw error;
  } finally {
    reader?.close();
  }
}

class Examiner {
  readonly #reader: RecordingReader;
  readonly #header: StoredHeader;
  readonly #damage: Damage[] = [];
  #checker: SegmentChecker | undefined = new SegmentChecker();
  #soundEvents: number | undefined;
  #segment = 0;

  constructor(reader: RecordingReader, header: StoredHeader) {
    this.#reader = reader;
    this.#header = header;
  }

  examine(why: ReelError): Examination {
    const { attachments, progress, row } = this.#header;
    for (const entry of attachments) {
      const message = problem(() => void this.#reader.attachment(entry));
      if (message !== undefined) this.#add({ what: "attachment", name: entry.name, message });
    }
    let at = 0;
    while (at < progress.eventCount && this.#damage.length < LISTED) at = this.#examineAt(at);
    const { eventCount, state } = this.#withTail();
    const soundEvents = this.#soundEvents ?? eventCount;
    if (this.#damage.length === 0) this.#add({ what: "places", message: why.message });
    return { uuid: row.uuid, state, eventCount, soundEvents, damage: this.#damage };
  }

  /** What the recording comes to with its tail, which follows only where nothing is damaged. */
  #withTail(): RecordingProgress {
    const { progress } = this.#header;
    if (this.#soundEvents !== undefined) return progress;
    return recoverTail(this.#reader, this.#header)?.progress ?? progress;
  }

  /** Examines the segment that begins with an event. @returns where the next one begins */
  #examineAt(begin: number): number {
    const { eventCount } = this.#header.progress;
    let next = eventCount;
    let found: string | undefined;
    try {
      const range = this.#reader.segmentFrom(begin);
      if (range?.firstSequence !== begin) {
        next = Math.min(range?.firstSequence ?? eventCount, eventCount);
        found = "it is missing";
        this.#checker = undefined;
      } else {
        next = Math.min(begin + range.eventCount, eventCount);
        found = this.#check(begin);
      }
    } catch (error) {
      if (!isReelError(error)) throw error;
      found = error.message;
      this.#checker = undefined;
    }
    if (found !== undefined) {
      this.#soundEvents ??= begin;
      const range = { firstSequence: begin, lastSequence: next - 1 };
      this.#add({ what: "segment", segment: this.#segment, ...range, message: found });
    }
    this.#segment++;
    return next;
  }

  #check(begin: number): string | undefined {
    const segment = this.#reader.segmentAt(begin)!;
    const found = checkSegment(segment, this.#checker);
    this.#checker = new SegmentChecker();
    this.#checker.follow(segment);
    return found;
  }

  #add(damage: Damage): void {
    this.#damage.push(damage);
  }
}

/**
 * Checks a segment and decodes all of it.
 * @param checker of what is before it; without one its link is not checked
 * @returns what is wrong, or undefined
 */
export function checkSegment(
  segment: SealedSegment,
  checker: SegmentChecker | undefined,
): string | undefined {
  const { bytes, crc32, eventCount, timeFirstNs, timeLastNs } = segment;
  const found = checker?.check(segment);
  if (found !== undefined) return found;
  if (eventCount < 1) return `found ${eventCount} events, wanted at least one`;
  if (Bun.hash.crc32(bytes) !== crc32) return "its checksum is another";
  return problem(() => {
    const decoder = new SegmentDecoder();
    const record = new EventRecord();
    decoder.load(bytes, timeFirstNs, "the segment");
    for (let i = 0; i < eventCount; i++) decoder.next(record);
    if (decoder.done && decoder.timeNs === timeLastNs) return;
    throw new ReelError("ERR_CORRUPT_RECORDING", "Cannot decode it: found another end than it had");
  });
}

/** What a failure says, or undefined for none. */
function problem(act: () => void): string | undefined {
  try {
    act();
    return undefined;
  } catch (error) {
    if (isReelError(error)) return error.message;
    throw error;
  }
}
