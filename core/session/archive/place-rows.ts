/**
 * What finds places in a recording again: derived from its events while segments are archived, by
 * whoever knows the table of operations, and stored in the same transaction as the segment.
 */
import type { RawSegment } from "../segment.ts";

/** A line of the program: a row of the table `mark`. */
export interface MarkRow {
  readonly sequence: number;
  readonly timeNs: number;
  readonly text: string;
}

/** The table of operations before an event: a row of the table `checkpoint`. */
export interface CheckpointRow {
  readonly sequence: number;
  readonly crc32: number;
  readonly data: Uint8Array;
}

export interface PlaceRows {
  readonly marks: readonly MarkRow[];
  readonly checkpoints: readonly CheckpointRow[];
}

/** Follows a recording's segments, each once and in order, from the first. */
export interface PlaceCollector {
  /**
   * Takes the next segment. Its bytes are not packed and valid during the call only.
   * @returns what is to be stored with it
   */
  segment(raw: RawSegment): PlaceRows;
}
