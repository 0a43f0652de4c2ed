/**
 * Checks the places that a recording's file keeps, its checkpoints and marks, against its events.
 * They are derived: what is missing is no damage, because readers compute it; what is there must
 * be what the events say.
 */
import { corrupt } from "../cursor.ts";
import { EVENT } from "../event.ts";
import type { EventRecord } from "../event.ts";
import type { CheckpointRow } from "./collector.ts";
import { OperationTable } from "./table.ts";
import type { Mark } from "./table.ts";
import { encodeTable } from "./table-codec.ts";

/** The rows of places of a file. */
export interface PlaceRowsSource {
  /** The first checkpoint at a place or behind it. */
  checkpointFrom(sequence: number): CheckpointRow | undefined;
  /** The first so many marks at a place or behind it. */
  marksFrom(sequence: number, count: number): readonly Mark[];
}

/** Rows of a hostile file may have any number. */
const BEFORE_ALL = Number.MIN_SAFE_INTEGER;
/** Rows of marks in memory at once. */
const MARKS_AT_ONCE = 1024;

/** Hears of every event of a recording, first to last, and compares. */
export class PlaceChecker {
  readonly #rows: PlaceRowsSource;
  readonly #path: string;
  readonly #table = new OperationTable();
  #checkpoint: CheckpointRow | undefined;
  #marks: readonly Mark[];
  #nextMark = 0;

  /** @param path the file, for errors */
  constructor(rows: PlaceRowsSource, path: string) {
    this.#rows = rows;
    this.#path = path;
    this.#checkpoint = rows.checkpointFrom(BEFORE_ALL);
    this.#marks = rows.marksFrom(BEFORE_ALL, MARKS_AT_ONCE);
  }

  /**
   * Takes the next event.
   * @throws {ReelError} ERR_CORRUPT_RECORDING when a row says something else
   */
  event(record: EventRecord): void {
    const table = this.#table;
    if (this.#checkpoint?.sequence === table.events) this.#compare(this.#checkpoint);
    const row = this.#marks[this.#nextMark];
    table.apply(record);
    if (row?.sequence === table.events - 1) this.#compareMark(row, record);
  }

  /**
   * Ends with the last event.
   * @throws {ReelError} ERR_CORRUPT_RECORDING when rows are left over
   */
  finish(): void {
    const { events } = this.#table;
    if (this.#checkpoint?.sequence === events) this.#compare(this.#checkpoint);
    const left = this.#checkpoint?.sequence ?? this.#marks[this.#nextMark]?.sequence;
    if (left !== undefined) {
      corrupt(`found a place at event ${left}, where it has ${events} events`, {}, this.#path);
    }
  }

  #compare({ crc32, data, sequence }: CheckpointRow): void {
    const wanted = encodeTable(this.#table);
    if (crc32 !== Bun.hash.crc32(wanted) || Buffer.compare(data, wanted) !== 0) {
      const name = `the checkpoint at event ${sequence}`;
      corrupt(`${name} is not what its events come to`, { sequence }, this.#path);
    }
    this.#checkpoint = this.#rows.checkpointFrom(sequence + 1);
  }

  #compareMark({ sequence, text, timeNs }: Mark, record: EventRecord): void {
    if (record.kind !== EVENT.MARK || record.text !== text || this.#table.timeNs !== timeNs) {
      corrupt(`the mark at event ${sequence} is not the event's`, { sequence }, this.#path);
    }
    this.#nextMark++;
    if (this.#nextMark < this.#marks.length) return;
    this.#marks = this.#rows.marksFrom(sequence + 1, MARKS_AT_ONCE);
    this.#nextMark = 0;
  }
}
