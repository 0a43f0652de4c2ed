/**
 * A walk over a recording by operations: what begins, what results it has, how it ends. The two
 * backends record different facts, ring requests or provider operations; whoever is led by this
 * walk sees one kind of operation. It holds the operations in flight and the ends in use, nothing
 * else, so that the length of a recording does not matter.
 */
import { COMPLETE_MORE, COMPLETE_NOTIFICATION } from "../../backend/contract.ts";
import type { EventCursor } from "../cursor.ts";
import { beginsOperation, EVENT, HOST_CALL } from "../event.ts";
import type { EventRecord } from "../event.ts";
import type { End } from "./ends.ts";
import { Ends } from "./ends.ts";
import { actionOf, Operation } from "./operation.ts";

/** What a walk tells. Operations are reused: nothing may be kept of them beyond their end. */
export interface WalkVisitor {
  /** An operation began. */
  begin?(operation: Operation): void;
  /**
   * An operation has a result.
   * @param bytes what it brought in, where the recording keeps it; valid during the call only
   * @param last whether the operation is over with it
   */
  result?(
    operation: Operation,
    timeNs: number,
    result: number,
    bytes: Uint8Array | undefined,
    last: boolean,
  ): void;
  /** The recording, or the part that is wanted, ends before the operation does. */
  unfinished?(operation: Operation, timeNs: number): void;
  /**
   * Any event, after what else there is to tell of it.
   * @param timeNs the session's clock before it
   * @param operation the one that it belongs to, if it belongs to one
   */
  event?(
    record: EventRecord,
    sequence: number,
    timeNs: number,
    operation: Operation | undefined,
  ): void;
  /** Something without duration: a mark, an interrupt, an input. */
  instant?(kind: string, text: string, timeNs: number): void;
  /** An accept brought a connection. */
  accepted?(end: End, timeNs: number): void;
  /** A ring file was closed. */
  closed?(end: End, timeNs: number): void;
  /** A host call, for those who learn more from it. */
  hostCall?(record: EventRecord): void;
  /** Ends the walk when it turns true: nobody listens any more. */
  readonly stopped?: boolean;
}

/** Which part of a recording is wanted. */
export interface WalkRange {
  /** Numbers of the first and of the last event; operations count by their beginning. */
  readonly from?: number;
  readonly to?: number;
  /** Kind of a provider: only what was done on its ends. */
  readonly provider?: string;
}

/** What the numbers of a recording's providers and operations mean. */
export interface OperationNames {
  /** Kinds of the session's providers, by index. */
  readonly providers: readonly string[];
  /** The name of a provider's operation; undefined when it is not known. */
  readonly operation: (kind: string, operation: number) => string | undefined;
}

/** Numbers of the operations that engine and provider start by themselves. */
const SERVICE_OPERATION = 254;
const UNNAMED_OPERATION = 255;
/** What an accept brings is a handle of so many bits, with its generation above. */
const HANDLE_BITS = 0xffff;

const ownsSlot = (kind: number): boolean =>
  kind === EVENT.SUBMIT ||
  kind === EVENT.START ||
  kind === EVENT.COMPLETE ||
  kind === EVENT.SETTLE ||
  kind === EVENT.CANCEL;

/** Leads a visitor over the operations of a recording. */
export class OperationWalk {
  readonly #visitor: WalkVisitor;
  readonly #range: WalkRange;
  readonly #names: OperationNames;
  readonly #ends = new Ends();
  readonly #slots: Operation[] = [];

  constructor(visitor: WalkVisitor, names: OperationNames, range: WalkRange = {}) {
    this.#visitor = visitor;
    this.#names = names;
    this.#range = range;
  }

  /** Walks to the end of the range. @throws {ReelError} what the cursor throws */
  run(cursor: EventCursor): void {
    const visitor = this.#visitor;
    const { from = 0, to = Number.POSITIVE_INFINITY } = this.#range;
    for (let record = cursor.peek(); record !== undefined; record = cursor.peek()) {
      const { sequence } = cursor;
      if (sequence > to || visitor.stopped === true) break;
      this.#event(record, cursor, sequence >= from);
      if (sequence >= from) this.#tell(record, cursor);
      cursor.advance();
    }
    for (const operation of this.#slots) {
      if (operation?.inFlight === true && operation.wanted) {
        visitor.unfinished?.(operation, cursor.timeNs);
      }
    }
  }

  #event(record: EventRecord, cursor: EventCursor, inRange: boolean): void {
    const { timeNs } = cursor;
    if (beginsOperation(record.kind, record.opcode)) {
      this.#begin(record, cursor, inRange);
      return;
    }
    switch (record.kind) {
      case EVENT.COMPLETE:
        this.#result(record, cursor, (record.flags & COMPLETE_MORE) === 0);
        break;
      case EVENT.SETTLE:
        this.#result(record, cursor, true);
        break;
      case EVENT.HOST:
        this.#hostCall(record, timeNs, inRange);
        break;
      default:
        if (inRange && this.#range.provider === undefined) this.#instant(record, timeNs);
    }
  }

  #tell(record: EventRecord, cursor: EventCursor): void {
    const visitor = this.#visitor;
    if (visitor.event === undefined) return;
    const operation = ownsSlot(record.kind) ? this.#slots[record.slot] : undefined;
    const { provider } = this.#range;
    if (provider !== undefined && operation?.end.kind !== provider) return;
    visitor.event(record, cursor.sequence, cursor.timeNs, operation);
  }

  #begin(record: EventRecord, cursor: EventCursor, inRange: boolean): void {
    const { slot } = record;
    let operation = this.#slots[slot];
    if (operation === undefined) {
      while (this.#slots.length <= slot) this.#slots.push(new Operation());
      operation = this.#slots[slot]!;
    }
    const isRing = record.kind === EVENT.SUBMIT;
    const end = isRing ? this.#ends.ofFile(record.file) : this.#startedOn(record);
    const action = isRing ? actionOf(record.opcode) : this.#actionOf(record, end.kind);
    operation.begin(record, end, action);
    operation.isRing = isRing;
    operation.argument = isRing ? record.opFlags : record.argument;
    operation.number = cursor.operations + 1;
    operation.sequence = cursor.sequence;
    operation.beginNs = cursor.timeNs;
    const { provider } = this.#range;
    operation.wanted = inRange && (provider === undefined || provider === end.kind);
    if (operation.wanted) this.#visitor.begin?.(operation);
  }

  #startedOn(record: EventRecord): End {
    const { providers } = this.#names;
    const kind = providers[record.provider] ?? "unknown";
    return this.#ends.started(record.handle, kind, record.operation === UNNAMED_OPERATION);
  }

  #actionOf(record: EventRecord, kind: string): string {
    const { operation } = record;
    if (operation === UNNAMED_OPERATION) return "open or close";
    if (operation === SERVICE_OPERATION) return "service";
    return this.#names.operation(kind, operation) ?? `operation ${operation}`;
  }

  #result(record: EventRecord, cursor: EventCursor, last: boolean): void {
    const operation = this.#slots[record.slot];
    if (operation === undefined || !operation.inFlight) return;
    const { flags, result } = record;
    const { timeNs } = cursor;
    operation.resultSequence = cursor.sequence;
    const isNotification = record.kind === EVENT.COMPLETE && (flags & COMPLETE_NOTIFICATION) !== 0;
    if (last) operation.inFlight = false;
    if (operation.action === "accept" && result >= 0) {
      const id = record.kind === EVENT.COMPLETE ? result : result & HANDLE_BITS;
      const end = this.#ends.accepted(id, operation.end);
      if (operation.wanted) this.#visitor.accepted?.(end, timeNs);
    }
    // The memory of a zero-copy send is free: its result came before.
    const moved = isNotification ? 0 : result;
    if (operation.moves && moved > 0) operation.movedBytes += moved;
    if (operation.wanted) this.#visitor.result?.(operation, timeNs, moved, record.bytes, last);
  }

  #hostCall(record: EventRecord, timeNs: number, inRange: boolean): void {
    this.#visitor.hostCall?.(record);
    if (record.code === HOST_CALL.CLOSE && inRange) {
      this.#visitor.closed?.(this.#ends.ofFile(record.args[0] ?? -1), timeNs);
    }
    this.#ends.hostCall(record);
  }

  #instant(record: EventRecord, timeNs: number): void {
    const visitor = this.#visitor;
    if (record.kind === EVENT.MARK) visitor.instant?.("mark", record.text, timeNs);
    else if (record.kind === EVENT.END) visitor.instant?.("end", record.text, timeNs);
    else if (record.kind === EVENT.INTERRUPT) {
      visitor.instant?.("interrupt", `line ${record.code}`, timeNs);
    } else if (record.kind === EVENT.INPUT) {
      visitor.instant?.("input", `kind ${record.code} value ${record.value}`, timeNs);
    }
  }
}
