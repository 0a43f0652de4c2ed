/**
 * Collects the places of a recording while it is archived: the marks of each segment, and a
 * checkpoint of the table of operations at the first end of a segment after every 16,384 events.
 *
 * Checkpoints stand between segments because whoever wants an event has to decode its segment from
 * the beginning: one inside would spare the folding, which is the lesser part, and nothing else.
 */
import { SegmentDecoder } from "../codec/decoder.ts";
import { corrupt } from "../cursor.ts";
import { EVENT, EventRecord } from "../event.ts";
import type { RawSegment } from "../segment.ts";
import { OperationTable } from "./table.ts";
import type { Mark } from "./table.ts";
import { decodeTable, encodeTable } from "./table-codec.ts";

/** A checkpoint follows on so many events at least. */
export const CHECKPOINT_EVENTS = 16_384;

/** A row of the table `checkpoint`. */
export interface CheckpointRow {
  /** The table is that before the event of this number: the first of a segment, or the end. */
  readonly sequence: number;
  /** Of `data`. */
  readonly crc32: number;
  readonly data: Uint8Array;
}

/** What a segment adds to the places of its recording. */
export interface PlaceRows {
  readonly marks: readonly Mark[];
  /** None or one. */
  readonly checkpoints: readonly CheckpointRow[];
}

export class TableCollector {
  readonly #decoder = new SegmentDecoder(false);
  readonly #record = new EventRecord();
  #table = new OperationTable();
  #checkpointed = 0;

  /**
   * Goes on where a checkpoint was made.
   * @throws {ReelError} ERR_CORRUPT_RECORDING when it is damaged
   */
  static from(checkpoint: CheckpointRow): TableCollector {
    const collector = new TableCollector();
    collector.#table = readCheckpoint(checkpoint);
    collector.#checkpointed = checkpoint.sequence;
    return collector;
  }

  /** Events so far: the number of the first event that {@link segment} wants next. */
  get sequence(): number {
    return this.#table.events;
  }

  /**
   * Takes the next segment; each exactly once and in order.
   * @throws {ReelError} ERR_CORRUPT_RECORDING when its bytes are no events
   * @throws {RangeError} when it is not the next one
   */
  segment(segment: RawSegment): PlaceRows {
    const table = this.#table;
    const { bytes, eventCount, firstSequence, timeFirstNs } = segment;
    if (firstSequence !== table.events) {
      throw new RangeError(
        `Cannot collect places: found a segment from event ${firstSequence}, ` +
          `wanted one from ${table.events}`,
      );
    }
    this.#decoder.load(bytes, timeFirstNs, `the segment at event ${firstSequence}`);
    const marks: Mark[] = [];
    const record = this.#record;
    for (let i = 0; i < eventCount; i++) {
      this.#decoder.next(record);
      table.apply(record);
      if (record.kind === EVENT.MARK) marks.push(table.lastMark!);
    }
    return { marks, checkpoints: this.#checkpoints() };
  }

  #checkpoints(): readonly CheckpointRow[] {
    const { events } = this.#table;
    if (events - this.#checkpointed < CHECKPOINT_EVENTS) return [];
    this.#checkpointed = events;
    const data = encodeTable(this.#table);
    return [{ sequence: events, crc32: Bun.hash.crc32(data), data }];
  }
}

/**
 * The table of a checkpoint, its checksum and its place checked.
 * @throws {ReelError} ERR_CORRUPT_RECORDING
 */
export function readCheckpoint({ crc32, data, sequence }: CheckpointRow): OperationTable {
  const name = `the checkpoint at event ${sequence}`;
  const found = Bun.hash.crc32(data);
  if (found !== crc32) corrupt(`${name}: found checksum ${found}, wanted ${crc32}`);
  const table = decodeTable(data, name);
  if (table.events !== sequence) corrupt(`${name}: it is one of event ${table.events}`);
  return table;
}
