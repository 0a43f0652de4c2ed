/**
 * Walks over the events of a recording, one segment in memory at a time. Each segment is checked
 * against its checksum and the chain before its first event is decoded, so a cursor never gives out
 * an event that was not recorded.
 */
import { ReelError } from "../errors.ts";
import { SegmentDecoder } from "./codec/decoder.ts";
import { beginsOperation, EVENT, EventRecord } from "./event.ts";
import { nameSegment, SegmentChecker } from "./segment.ts";
import type { SealedSegment, SegmentSource } from "./segment.ts";

/** What is known of the whole: where the walk must end. */
export interface Extent {
  readonly eventCount: number;
  /** The last link of the chain, in hexadecimal. */
  readonly digest: string;
  /** The file, for errors. */
  readonly path?: string;
}

/** Raises the one error for a recording that is not what was recorded. */
export function corrupt(
  message: string,
  details: Record<string, unknown> = {},
  path?: string,
): never {
  const name = path === undefined ? "the recording" : `the recording ${path}`;
  throw new ReelError("ERR_CORRUPT_RECORDING", `Cannot read ${name}: ${message}`, {
    mend: "Record the session again, or restore the file from a copy",
    details,
  });
}

export class EventCursor {
  readonly #source: SegmentSource;
  readonly #extent: Extent;
  readonly #checker = new SegmentChecker();
  readonly #decoder = new SegmentDecoder();
  readonly #record = new EventRecord();
  /** Number of the latest operation in each slot, 0 for none. */
  #operationBySlot = new Float64Array(1024);
  #segment: SealedSegment | undefined;
  #segments = 0;
  #ordinalKnown = true;
  /** Events of the current segment that are decoded. */
  #decoded = 0;
  #peeked = false;
  #sequence = 0;
  #operations = 0;
  #steps = 0;
  #timeNs = 0;

  /**
   * @param from number of the first event; what is counted is counted from the first event of the
   *   segment that holds it
   */
  constructor(source: SegmentSource, extent: Extent, from = 0) {
    this.#source = source;
    this.#extent = extent;
    if (from > 0) this.#goTo(from);
  }

  /** Number of the event that {@link peek} shows. */
  get sequence(): number {
    return this.#sequence;
  }

  /** Operations that began before the event that {@link peek} shows. */
  get operations(): number {
    return this.#operations;
  }

  /** Task resumptions up to the last turn passed. */
  get steps(): number {
    return this.#steps;
  }

  /** The session's clock at the last event passed. */
  get timeNs(): number {
    return this.#timeNs;
  }

  /** Segments opened so far. */
  get segments(): number {
    return this.#segments;
  }

  /** Number of the first event that is in no verified segment yet. */
  get decodableEnd(): number {
    return this.#checker.nextSequence;
  }

  /** Number of the operation, from 1, that began last in a slot; 0 when none has. */
  operationOf(slot: number): number {
    return this.#operationBySlot[slot] ?? 0;
  }

  /**
   * The next event, or undefined at the end. The record is reused: it and its bytes are valid until
   * the first peek after {@link advance}.
   * @throws {ReelError} ERR_CORRUPT_RECORDING when the recording is damaged here
   */
  peek(): EventRecord | undefined {
    if (this.#peeked) return this.#record;
    if (this.#segment === undefined || this.#decoded === this.#segment.eventCount) {
      if (!this.#open()) return undefined;
    }
    this.#decoder.next(this.#record);
    this.#decoded++;
    this.#peeked = true;
    if (this.#decoded === this.#segment!.eventCount) this.#close(this.#segment!);
    return this.#record;
  }

  /** Passes the event that {@link peek} shows. */
  advance(): void {
    if (!this.#peeked && this.peek() === undefined) return;
    const record = this.#record;
    this.#peeked = false;
    this.#sequence++;
    if (beginsOperation(record.kind, record.opcode)) {
      this.#operations++;
      if (record.slot >= this.#operationBySlot.length) this.#grow(record.slot);
      this.#operationBySlot[record.slot] = this.#operations;
    } else if (record.kind === EVENT.TURN) {
      this.#steps += record.steps;
      this.#timeNs = record.nowNs;
    } else if (record.kind === EVENT.CLOCK || record.kind === EVENT.EXPIRE) {
      this.#timeNs = record.nowNs;
    }
  }

  /**
   * Decodes and checks everything up to the end.
   * @param observe is shown each event; the record is reused
   * @throws {ReelError} ERR_CORRUPT_RECORDING when the recording is damaged
   */
  skipToEnd(observe?: (record: EventRecord) => void): void {
    const decoder = this.#decoder;
    const record = this.#record;
    if (this.#peeked) this.advance();
    for (;;) {
      const segment = this.#segment;
      if (segment !== undefined) {
        for (; this.#decoded < segment.eventCount; this.#decoded++) {
          decoder.next(record);
          this.#sequence++;
          observe?.(record);
        }
        this.#close(segment);
      }
      if (!this.#open()) return;
    }
  }

  /** Goes to an event, or to the end, from the segment that holds it or is the last one. */
  #goTo(from: number): void {
    const { eventCount } = this.#extent;
    const segment = this.#source.segmentAt(Math.min(from, eventCount - 1));
    if (segment !== undefined && segment.firstSequence > 0) {
      const before = this.#source.segmentAt(segment.firstSequence - 1);
      if (before !== undefined) this.#checker.follow(before);
      this.#sequence = this.#checker.nextSequence;
      this.#timeNs = segment.timeFirstNs;
      this.#ordinalKnown = false;
    }
    while (this.#sequence < from && this.peek() !== undefined) this.advance();
  }

  /** Opens the next segment. @returns false when there is none and none is missing */
  #open(): boolean {
    const checker = this.#checker;
    const { eventCount, digest } = this.#extent;
    const begin = checker.nextSequence;
    if (begin === eventCount) {
      if (checker.digest !== digest) {
        const wanted = digest.slice(0, 16);
        this.#corrupt(`found digest ${checker.digest.slice(0, 16)}..., wanted ${wanted}...`);
      }
      return false;
    }
    const segment = this.#source.segmentAt(begin);
    if (segment === undefined || segment.firstSequence < begin) {
      const ordinal = this.#segments;
      this.#corrupt(`segment ${ordinal} (from event ${begin} of ${eventCount}) is missing`, {
        ordinal,
      });
    }
    const name = nameSegment(this.#ordinalKnown ? this.#segments : undefined, segment);
    const found = checker.check(segment, this.#source.checked);
    if (found !== undefined) {
      this.#corrupt(`${name} is damaged: ${found}`, {
        ...(this.#ordinalKnown && { segment: this.#segments }),
        firstSequence: segment.firstSequence,
        lastSequence: segment.firstSequence + segment.eventCount - 1,
      });
    }
    if (checker.nextSequence > eventCount || segment.eventCount < 1) {
      this.#corrupt(`${name} holds ${segment.eventCount} events of ${eventCount} in all`);
    }
    this.#decoder.load(segment.bytes, segment.timeFirstNs, name);
    this.#segment = segment;
    this.#segments++;
    this.#decoded = 0;
    return true;
  }

  /** All events of a segment are decoded: do they add up? */
  #close(segment: SealedSegment): void {
    const ordinal = this.#ordinalKnown ? this.#segments - 1 : undefined;
    const name = (): string => nameSegment(ordinal, segment);
    if (!this.#decoder.done) this.#corrupt(`${name()} goes on after its last event`);
    const { timeNs } = this.#decoder;
    if (timeNs !== segment.timeLastNs) {
      this.#corrupt(`${name()} ends at ${timeNs} ns, wanted ${segment.timeLastNs} ns`);
    }
  }

  #corrupt(message: string, details: Record<string, unknown> = {}): never {
    return corrupt(message, details, this.#extent.path);
  }

  #grow(slot: number): void {
    let size = this.#operationBySlot.length;
    while (size <= slot) size *= 2;
    const larger = new Float64Array(size);
    larger.set(this.#operationBySlot);
    this.#operationBySlot = larger;
  }
}

/**
 * The events before one of them, oldest first, read again from their segments.
 * @param sequence number of the first event that is not wanted any more
 * @param count how many, at most
 */
export function readBack<T>(
  source: SegmentSource,
  sequence: number,
  count: number,
  take: (record: EventRecord, sequence: number) => T,
): T[] {
  const taken: T[] = [];
  const decoder = new SegmentDecoder();
  const record = new EventRecord();
  const first = Math.max(0, sequence - count);
  let at = first;
  while (at < sequence) {
    const segment = source.segmentAt(at);
    if (segment === undefined || segment.firstSequence + segment.eventCount <= at) break;
    decoder.load(segment.bytes, segment.timeFirstNs, `the segment at event ${at}`);
    for (let i = 0; i < segment.eventCount && at < sequence; i++) {
      decoder.next(record);
      if (segment.firstSequence + i < at) continue;
      taken.push(take(record, at));
      at++;
    }
  }
  return taken;
}
