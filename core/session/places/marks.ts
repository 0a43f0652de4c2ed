/**
 * The marks of a recording. The file keeps them as rows as far as it was archived; those behind the
 * last checkpoint, and all of a recording without checkpoints, are read from its events.
 */
import { EVENT } from "../event.ts";
import type { Mark } from "./table.ts";
import { PlaceWalker } from "./walker.ts";
import type { PlaceSource } from "./walker.ts";

/** A recording with rows of marks. */
export interface MarkedSource extends PlaceSource {
  /** The rows of marks before a place, in order. */
  marksBefore?(sequence: number): readonly Mark[];
}

/**
 * All marks, first to last.
 * @throws {ReelError} ERR_CORRUPT_RECORDING
 */
export function readMarks(places: MarkedSource): Mark[] {
  const walker = new PlaceWalker(places);
  const marks = archived(places, walker);
  for (let record = walker.peek(); record !== undefined; record = walker.peek()) {
    const isMark = record.kind === EVENT.MARK;
    walker.advance();
    if (isMark) marks.push(walker.table.lastMark!);
  }
  return marks;
}

/** Takes the rows up to the last checkpoint, if they are as many as it says, and goes there. */
function archived(places: MarkedSource, walker: PlaceWalker): Mark[] {
  const { eventCount, marksBefore } = places;
  const checkpoint = places.checkpointAt?.(eventCount);
  if (checkpoint === undefined || marksBefore === undefined) return [];
  walker.goTo(checkpoint.sequence);
  const rows = places.marksBefore!(checkpoint.sequence);
  if (rows.length === walker.table.marks) return [...rows];
  walker.goTo(0);
  return [];
}
