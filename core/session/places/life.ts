/** The whole life of one operation: every event that is about it, from its beginning to its end. */
import { ReelError } from "../../errors.ts";
import { beginsOperation, EVENT, toSessionEvent } from "../event.ts";
import type { EventRecord } from "../event.ts";
import type { PlacedEvent } from "../recording.ts";
import { readCheckpoint } from "./collector.ts";
import type { OperationInFlight } from "./table.ts";
import { PlaceWalker } from "./walker.ts";
import type { PlaceSource } from "./walker.ts";

/** Events of one life that are given out: its first ones, and its last. */
const FIRST_EVENTS = 200;

export interface OperationLife {
  readonly number: number;
  /** What it was when it began. */
  readonly begun: OperationInFlight;
  /** Its events; where it has more than 200, the first 200 and the last. */
  readonly events: readonly PlacedEvent[];
  readonly eventCount: number;
  /** Bytes that its results counted before the last one. */
  readonly movedBytes: number;
  /** How long it was in flight, and with which result it ended; undefined when it never did. */
  readonly ended: { readonly result: number; readonly afterNs: number } | undefined;
}

/**
 * Follows an operation.
 * @param number from 1
 * @throws {ReelError} ERR_USAGE when the recording has no such operation; ERR_CORRUPT_RECORDING
 */
export function lifeOf(places: PlaceSource, number: number): OperationLife {
  const walker = new PlaceWalker(places);
  const begin = goToBeginning(places, walker, number);
  const { slot } = begin;
  walker.advance();
  const begun = walker.table.at(slot)!;
  const events: PlacedEvent[] = [begin.placed];
  let eventCount = 1;
  let last: PlacedEvent | undefined;
  let movedBytes = 0;
  let ended: OperationLife["ended"];
  for (let record = walker.peek(); record !== undefined; record = walker.peek()) {
    const isAbout = concerns(record, slot);
    const { sequence, table } = walker;
    const { timeNs } = table;
    if (isAbout) {
      const placed = { sequence, timeNs, event: toSessionEvent(record) };
      eventCount++;
      if (events.length < FIRST_EVENTS) events.push(placed);
      else last = placed;
    }
    const { result } = record;
    walker.advance();
    if (!isAbout) continue;
    const now = walker.table.at(slot);
    if (now?.number === number) movedBytes = now.movedBytes;
    else {
      ended = { result, afterNs: timeNs - begun.timeNs };
      break;
    }
  }
  if (last !== undefined) events.push(last);
  return { number, begun, events, eventCount, movedBytes, ended };
}

function concerns({ kind, slot }: EventRecord, wanted: number): boolean {
  const names =
    kind === EVENT.COMPLETE ||
    kind === EVENT.SETTLE ||
    kind === EVENT.CANCEL ||
    kind === EVENT.SUBMIT ||
    kind === EVENT.START;
  return names && slot === wanted;
}

/** Puts the walk before the event with which an operation begins. */
function goToBeginning(
  places: PlaceSource,
  walker: PlaceWalker,
  number: number,
): { slot: number; placed: PlacedEvent } {
  walker.goTo(lastPlaceBefore(places, number));
  for (let record = walker.peek(); record !== undefined; record = walker.peek()) {
    const { sequence, table } = walker;
    if (table.operations + 1 === number && beginsOperation(record.kind, record.opcode)) {
      const placed = { sequence, timeNs: table.timeNs, event: toSessionEvent(record) };
      return { slot: record.slot, placed };
    }
    walker.advance();
  }
  const { operations } = walker.table;
  throw new ReelError("ERR_USAGE", `Cannot find operation ${number}: there are ${operations}`, {
    mend: `Give a number from 1 to ${operations}`,
  });
}

/** The last checkpoint before an operation began, 0 where there is none. */
function lastPlaceBefore(places: PlaceSource, number: number): number {
  let found = 0;
  let low = 1;
  let high = places.eventCount;
  while (low <= high) {
    const middle = Math.floor((low + high) / 2);
    const row = places.checkpointAt?.(middle);
    if (row === undefined || row.sequence < low) low = middle + 1;
    else if (readCheckpoint(row).operations < number) {
      found = row.sequence;
      low = middle + 1;
    } else high = row.sequence - 1;
  }
  return found;
}
