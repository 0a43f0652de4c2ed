/**
 * The table of operations: which operations are in flight at an event of a recording, since when
 * and on what, and what has been counted up to there. It is a fold over the events and needs no
 * program, so it is the same however an event is reached.
 */
import { COMPLETE_MORE, COMPLETE_NOTIFICATION, OPCODE } from "../../backend/contract.ts";
import { EVENT, NO_DIGEST } from "../event.ts";
import type { EventRecord } from "../event.ts";
import { Columns, SLOT_FLAGS } from "./columns.ts";

/** What has been counted of the events before a place. */
export interface PlaceTotals {
  /** Events so far: the number of the next one. */
  readonly events: number;
  /** Operations that began: ring requests and providers' operations. */
  readonly operations: number;
  /** Operations that are over, and those of them whose last result was an error. */
  readonly settled: number;
  readonly failed: number;
  readonly inFlight: number;
  /** Bytes that results brought, and bytes that results say were written. */
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** The session's clock. */
  readonly timeNs: number;
  /** Task resumptions up to the last turn. */
  readonly steps: number;
  readonly marks: number;
  readonly interrupts: number;
}

/** A line that the program wrote into its session. */
export interface Mark {
  readonly sequence: number;
  readonly timeNs: number;
  readonly text: string;
}

/** An operation in flight. */
export interface OperationInFlight {
  readonly slot: number;
  /** From 1, in the order of beginnings. */
  readonly number: number;
  /** `submit` for a request to the ring, `start` for a provider's operation. */
  readonly kind: "submit" | "start";
  /** Index of the provider, of a `start`. */
  readonly provider: number | undefined;
  /** The ring's file, -1 for none, of a `submit`; the handle of a `start`. */
  readonly target: number;
  /** The ring's opcode, or the number of the provider's operation. */
  readonly operation: number;
  readonly offset: number;
  readonly length: number;
  /** Number of the event with which it began, and the session's clock then. */
  readonly sequence: number;
  readonly timeNs: number;
  /** Whether it has a limit in time; whether its end was asked for. */
  readonly limited: boolean;
  readonly cancelled: boolean;
  /** Results so far, of an operation that has several, and the bytes that they counted. */
  readonly results: number;
  readonly movedBytes: number;
}

/** Counters of a hostile recording stay in the range of what can be written down. */
function sum(left: number, right: number): number {
  const total = left + right;
  return total > Number.MAX_SAFE_INTEGER ? Number.MAX_SAFE_INTEGER : total;
}

export class OperationTable {
  readonly columns = new Columns();
  events = 0;
  operations = 0;
  settled = 0;
  failed = 0;
  inFlight = 0;
  bytesIn = 0;
  bytesOut = 0;
  timeNs = 0;
  steps = 0;
  marks = 0;
  interrupts = 0;
  /** The last mark; its number is -1 before the first. */
  markSequence = -1;
  markTimeNs = 0;
  markText = "";

  /**
   * Goes on over one event. Allocates nothing, beyond a larger table for a higher slot.
   *
   * A result for a slot in which nothing is in flight counts for nothing; an operation that begins
   * in a slot that is in use takes the place of the other one. No recorder writes either.
   */
  apply(record: EventRecord): void {
    switch (record.kind) {
      case EVENT.SUBMIT:
        if (record.opcode === OPCODE.LINK_TIMEOUT) this.flag(record.slot, SLOT_FLAGS.LIMITED);
        else this.begin(record, 0, record.file, record.opcode);
        break;
      case EVENT.START: {
        const code = record.provider * 256 + record.operation;
        this.begin(record, SLOT_FLAGS.START, record.handle, code);
        break;
      }
      case EVENT.CANCEL:
        this.flag(record.slot, SLOT_FLAGS.CANCELLED);
        break;
      case EVENT.COMPLETE:
        this.complete(record);
        break;
      case EVENT.SETTLE:
        this.settle(record);
        break;
      case EVENT.TURN:
        this.steps = sum(this.steps, record.steps);
        this.timeNs = record.nowNs;
        break;
      case EVENT.CLOCK:
      case EVENT.EXPIRE:
        this.timeNs = record.nowNs;
        break;
      case EVENT.INTERRUPT:
        this.interrupts++;
        break;
      case EVENT.MARK:
        this.marks++;
        this.markSequence = this.events;
        this.markTimeNs = this.timeNs;
        this.markText = record.text;
        break;
    }
    this.events++;
  }

  /** Whether an operation is in flight in a slot. */
  has(slot: number): boolean {
    return ((this.columns.flags[slot] ?? 0) & SLOT_FLAGS.IN_FLIGHT) !== 0;
  }

  /** Number of the operation in flight in a slot, 0 where there is none. */
  numberIn(slot: number): number {
    return this.has(slot) ? this.columns.number[slot]! : 0;
  }

  /** The operation in flight in a slot. */
  at(slot: number): OperationInFlight | undefined {
    if (!this.has(slot)) return undefined;
    const { code, flags, length, movedBytes, number, offset, results, sequence, target, timeNs } =
      this.columns;
    const bits = flags[slot]!;
    const isStart = (bits & SLOT_FLAGS.START) !== 0;
    return {
      slot,
      number: number[slot]!,
      kind: isStart ? "start" : "submit",
      provider: isStart ? code[slot]! >>> 8 : undefined,
      target: target[slot]!,
      operation: isStart ? code[slot]! & 0xff : code[slot]!,
      offset: offset[slot]!,
      length: length[slot]!,
      sequence: sequence[slot]!,
      timeNs: timeNs[slot]!,
      limited: (bits & SLOT_FLAGS.LIMITED) !== 0,
      cancelled: (bits & SLOT_FLAGS.CANCELLED) !== 0,
      results: results[slot]!,
      movedBytes: movedBytes[slot]!,
    };
  }

  /** All operations in flight, lowest slot first. */
  list(): OperationInFlight[] {
    const found: OperationInFlight[] = [];
    for (let slot = 0; slot < this.columns.highWater; slot++) {
      const operation = this.at(slot);
      if (operation !== undefined) found.push(operation);
    }
    return found;
  }

  get totals(): PlaceTotals {
    const { events, operations, settled, failed, inFlight, bytesIn, bytesOut } = this;
    const { timeNs, steps, marks, interrupts } = this;
    const counts = { events, operations, settled, failed, inFlight, bytesIn, bytesOut };
    return { ...counts, timeNs, steps, marks, interrupts };
  }

  /** The last mark before this place. */
  get lastMark(): Mark | undefined {
    if (this.markSequence < 0) return undefined;
    return { sequence: this.markSequence, timeNs: this.markTimeNs, text: this.markText };
  }

  private begin(record: EventRecord, kind: number, target: number, code: number): void {
    const { slot } = record;
    const { columns } = this;
    columns.reach(slot);
    if ((columns.flags[slot]! & SLOT_FLAGS.IN_FLIGHT) === 0) this.inFlight++;
    const writes = record.digest === NO_DIGEST ? 0 : SLOT_FLAGS.WRITES;
    columns.flags[slot] = SLOT_FLAGS.IN_FLIGHT | kind | writes;
    columns.number[slot] = ++this.operations;
    columns.sequence[slot] = this.events;
    columns.timeNs[slot] = this.timeNs;
    columns.target[slot] = target;
    columns.code[slot] = code;
    columns.offset[slot] = record.offset;
    columns.length[slot] = record.length;
    columns.results[slot] = 0;
    columns.movedBytes[slot] = 0;
  }

  private flag(slot: number, flag: number): void {
    if (this.has(slot)) this.columns.flags[slot]! |= flag;
  }

  private complete(record: EventRecord): void {
    const { brought, flags, missing, result, slot } = record;
    if (!this.has(slot)) return;
    const came = Math.max(0, brought, missing);
    // The notification says that the memory of a zero-copy send is free: its result came before.
    const written = (flags & COMPLETE_NOTIFICATION) === 0 ? this.written(slot, result) : 0;
    this.bytesIn = sum(this.bytesIn, came);
    this.bytesOut = sum(this.bytesOut, written);
    if ((flags & COMPLETE_MORE) === 0) {
      this.end(slot, result);
      return;
    }
    const { columns } = this;
    columns.results[slot]!++;
    columns.movedBytes[slot] = sum(columns.movedBytes[slot]!, came + written);
  }

  private settle({ digest, result, slot }: EventRecord): void {
    if (!this.has(slot)) return;
    if (digest !== NO_DIGEST && result > 0) this.bytesIn = sum(this.bytesIn, result);
    this.bytesOut = sum(this.bytesOut, this.written(slot, result));
    this.end(slot, result);
  }

  private written(slot: number, result: number): number {
    return result > 0 && (this.columns.flags[slot]! & SLOT_FLAGS.WRITES) !== 0 ? result : 0;
  }

  private end(slot: number, result: number): void {
    this.columns.flags[slot] = 0;
    this.inFlight--;
    this.settled++;
    if (result < 0) this.failed++;
  }
}
