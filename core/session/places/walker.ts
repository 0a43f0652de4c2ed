/**
 * Walks over a recording with the table of operations at its side. A walk can be put at any place:
 * it begins at the nearest checkpoint before it and folds the rest, or from the first event where
 * there are none. It holds one segment and one table, whatever the recording's length.
 *
 * A place is a number of events: at place 5000 the events 0 to 4999 have happened, 5000 is next.
 */
import { SegmentDecoder } from "../codec/decoder.ts";
import { corrupt } from "../cursor.ts";
import { EventRecord } from "../event.ts";
import type { SealedSegment, SegmentSource } from "../segment.ts";
import { readCheckpoint } from "./collector.ts";
import type { CheckpointRow } from "./collector.ts";
import { OperationTable } from "./table.ts";

/** A recording, as far as places in it need one. */
export interface PlaceSource {
  readonly source: SegmentSource;
  readonly eventCount: number;
  /** The file, for errors. */
  readonly path?: string;
  /** The last checkpoint at this place or before it, if the recording has one. */
  checkpointAt?(sequence: number): CheckpointRow | undefined;
}

export class PlaceWalker {
  readonly #places: PlaceSource;
  readonly #decoder = new SegmentDecoder();
  readonly #record = new EventRecord();
  #table = new OperationTable();
  #segment: SealedSegment | undefined;
  /** Number of the event that the decoder gives next. */
  #decoded = 0;
  #peeked = false;

  /** A walk before the first event. */
  constructor(places: PlaceSource) {
    this.#places = places;
  }

  /** The place: how many events have happened. */
  get sequence(): number {
    return this.#table.events;
  }

  /** The table before the event that {@link peek} shows. It is changed by {@link advance}. */
  get table(): OperationTable {
    return this.#table;
  }

  /**
   * The next event, or undefined at the end. The record is reused: it and its bytes are valid until
   * the walk moves.
   * @throws {ReelError} ERR_CORRUPT_RECORDING when the recording is damaged here
   */
  peek(): EventRecord | undefined {
    if (this.#peeked) return this.#record;
    const { sequence } = this;
    if (sequence >= this.#places.eventCount) return undefined;
    const segment = this.#segment;
    if (segment === undefined || sequence >= segment.firstSequence + segment.eventCount) {
      this.#open(sequence);
    }
    // Behind a checkpoint inside a segment, should a file have one, what is before it is passed.
    while (this.#decoded <= sequence) {
      this.#decoder.next(this.#record);
      this.#decoded++;
    }
    this.#peeked = true;
    return this.#record;
  }

  /** Passes the event that {@link peek} shows. @returns false at the end */
  advance(): boolean {
    if (!this.#peeked && this.peek() === undefined) return false;
    this.#peeked = false;
    this.#table.apply(this.#record);
    return true;
  }

  /**
   * Goes to a place, forwards or backwards.
   * @param sequence 0 to the recording's count of events; beyond it is the end
   * @throws {ReelError} ERR_CORRUPT_RECORDING when the recording is damaged on the way
   */
  goTo(sequence: number): void {
    const target = Math.max(0, Math.min(sequence, this.#places.eventCount));
    const from = this.sequence;
    if (target === from) return;
    const row = this.#places.checkpointAt?.(target);
    if (row !== undefined && row.sequence > target) corrupt("found a checkpoint behind its place");
    const begin = row?.sequence ?? 0;
    if (target < from || begin > from) {
      this.#table = row === undefined ? new OperationTable() : readCheckpoint(row);
      this.#segment = undefined;
      this.#peeked = false;
    }
    while (this.sequence < target && this.advance());
  }

  #open(sequence: number): void {
    const { path, source } = this.#places;
    const segment = source.segmentAt(sequence);
    if (segment === undefined || segment.firstSequence + segment.eventCount <= sequence) {
      corrupt(`the segment with event ${sequence} is missing`, {}, path);
    }
    const { bytes, firstSequence, timeFirstNs } = segment;
    const crc32 = Bun.hash.crc32(bytes);
    if (crc32 !== segment.crc32) {
      corrupt(`the segment with event ${sequence} does not match its checksum`, {}, path);
    }
    this.#decoder.load(bytes, timeFirstNs, `the segment at event ${firstSequence}`);
    this.#segment = segment;
    this.#decoded = firstSequence;
  }
}

/**
 * The table of operations at a place of a recording.
 * @param sequence how many events have happened
 * @throws {ReelError} ERR_CORRUPT_RECORDING
 */
export function tableAt(places: PlaceSource, sequence: number): OperationTable {
  const walker = new PlaceWalker(places);
  walker.goTo(sequence);
  return walker.table;
}
