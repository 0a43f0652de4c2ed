/**
 * A recording as a line to travel on: go to any event, time or mark, step forwards and backwards,
 * and run in either direction to the event for which a predicate holds. Memory does not depend on
 * the recording's length.
 */
import { ReelError } from "../../errors.ts";
import { nameText } from "../describe.ts";
import { toSessionEvent } from "../event.ts";
import type { EventRecord } from "../event.ts";
import type { PlacedEvent } from "../recording.ts";
import { readMarks } from "./marks.ts";
import type { MarkedSource } from "./marks.ts";
import type { Mark, OperationTable } from "./table.ts";
import { PlaceWalker } from "./walker.ts";

/**
 * Somewhere in a recording: so many events, the end, a time of the session's clock, or a mark by
 * its text or a part of it that no other mark has.
 */
export type Place = number | "end" | { readonly timeNs: number } | { readonly mark: string };

/**
 * What {@link Timeline.continueForward} looks for.
 * @param record the event; valid during the call
 * @param table the table before it
 */
export type PlacePredicate = (record: EventRecord, table: OperationTable) => boolean;

/** Marks that an error lists. */
const MARKS_LISTED = 5;

export class Timeline {
  readonly #places: MarkedSource;
  readonly #walker: PlaceWalker;
  #marks: readonly Mark[] | undefined;

  /** @param places an open recording; it stays its owner's to close. The line begins at 0. */
  constructor(places: MarkedSource) {
    this.#places = places;
    this.#walker = new PlaceWalker(places);
  }

  /** How many events have happened here: the number of the next one. */
  get sequence(): number {
    return this.#walker.sequence;
  }

  /** Events of the whole recording. */
  get eventCount(): number {
    return this.#places.eventCount;
  }

  /** The table of operations here. It changes when the line is travelled. */
  get table(): OperationTable {
    return this.#walker.table;
  }

  /** The event that happens next, or undefined at the end. */
  get next(): PlacedEvent | undefined {
    return this.around(0, 1)[0];
  }

  /** All marks, first to last. */
  get marks(): readonly Mark[] {
    this.#marks ??= readMarks(this.#places);
    return this.#marks;
  }

  /**
   * Goes to a place. At a time, all that happened up to it has happened.
   * @returns its number
   * @throws {ReelError} ERR_USAGE when the recording has no such place; ERR_CORRUPT_RECORDING
   */
  at(place: Place): number {
    this.#walker.goTo(this.#sequenceOf(place));
    return this.sequence;
  }

  /**
   * Goes so many events forwards, or backwards for a negative count, as far as there are any.
   * @returns the new place
   */
  step(count: number): number {
    this.#walker.goTo(this.sequence + count);
    return this.sequence;
  }

  /**
   * Goes to the next event for which the predicate holds, so that it is the one to happen.
   * @param inclusive whether the event that is next here counts
   * @returns whether there is one; if not, the line is at its end
   */
  continueForward(holds: PlacePredicate, inclusive = false): boolean {
    const walker = this.#walker;
    if (!inclusive) walker.advance();
    for (let record = walker.peek(); record !== undefined; record = walker.peek()) {
      if (holds(record, walker.table)) return true;
      walker.advance();
    }
    return false;
  }

  /**
   * Goes to the last event before this place for which the predicate holds.
   * @returns whether there is one; if not, the line is at its beginning
   */
  continueBackward(holds: PlacePredicate): boolean {
    const walker = this.#walker;
    let end = this.sequence;
    while (end > 0) {
      // From one checkpoint to the next, forwards, and the last that holds is the first backwards.
      const begin = this.#places.checkpointAt?.(end - 1)?.sequence ?? 0;
      walker.goTo(begin);
      let found = -1;
      while (walker.sequence < end) {
        if (holds(walker.peek()!, walker.table)) found = walker.sequence;
        walker.advance();
      }
      if (found >= 0) {
        walker.goTo(found);
        return true;
      }
      end = begin;
    }
    walker.goTo(0);
    return false;
  }

  /** The events around this place: so many of the past, then so many of the future. */
  around(before: number, after: number): PlacedEvent[] {
    const here = this.sequence;
    const walker = new PlaceWalker(this.#places);
    walker.goTo(Math.max(0, here - before));
    const found: PlacedEvent[] = [];
    while (walker.sequence < here + after) {
      const record = walker.peek();
      if (record === undefined) break;
      const { sequence, table } = walker;
      found.push({ sequence, timeNs: table.timeNs, event: toSessionEvent(record) });
      walker.advance();
    }
    return found;
  }

  #sequenceOf(place: Place): number {
    if (place === "end") return this.eventCount;
    if (typeof place === "number") return this.#checked(place);
    return "mark" in place ? this.#markNamed(place.mark) : this.#after(place.timeNs);
  }

  #checked(sequence: number): number {
    const { eventCount } = this;
    if (Number.isSafeInteger(sequence) && sequence >= 0 && sequence <= eventCount) return sequence;
    throw new ReelError("ERR_USAGE", `Cannot go to event ${sequence}: there are ${eventCount}`, {
      mend: `Give a number from 0 to ${eventCount}, or end`,
    });
  }

  /** The first event after all that happened up to a time. */
  #after(timeNs: number): number {
    if (!(timeNs >= 0)) {
      throw new ReelError("ERR_USAGE", `Cannot go to ${timeNs} ns: it is before the session`);
    }
    const walker = new PlaceWalker(this.#places);
    walker.goTo(this.#segmentBefore(timeNs));
    while (walker.peek() !== undefined) {
      const { sequence } = walker;
      walker.advance();
      if (walker.table.timeNs > timeNs) return sequence;
    }
    return this.eventCount;
  }

  /** The first event of the last segment that begins at a time or before it. */
  #segmentBefore(timeNs: number): number {
    let low = 0;
    let high = this.eventCount;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      const segment = this.#places.source.segmentAt(middle);
      if (segment === undefined) return 0;
      const { eventCount, firstSequence, timeFirstNs } = segment;
      if (timeFirstNs > timeNs) high = Math.min(firstSequence, middle);
      else low = Math.max(firstSequence + eventCount, middle + 1);
    }
    const last = low === 0 ? undefined : this.#places.source.segmentAt(low - 1);
    return Math.min(last?.firstSequence ?? 0, low);
  }

  #markNamed(text: string): number {
    const { marks } = this;
    const exact = marks.filter((mark) => mark.text === text);
    const found = exact.length > 0 ? exact : marks.filter((mark) => mark.text.includes(text));
    const first = found[0];
    if (first !== undefined && (exact.length > 0 || found.length === 1)) return first.sequence;
    const texts = new Set((found.length > 0 ? found : marks).map((mark) => mark.text));
    const names = [...texts].slice(0, MARKS_LISTED).map(nameText).join(", ");
    const quoted = nameText(text);
    const more = texts.size > MARKS_LISTED ? ", ..." : "";
    throw new ReelError(
      "ERR_USAGE",
      first === undefined
        ? `Cannot go to mark ${quoted}: the recording has no such mark`
        : `Cannot go to mark ${quoted}: ${found.length} marks have it in their text`,
      { mend: names === "" ? "Give a number or a time" : `Give one of ${names}${more}` },
    );
  }
}
