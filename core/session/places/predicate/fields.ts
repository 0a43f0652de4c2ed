/**
 * The fields that a predicate can ask for. An event that concerns an operation in flight, its
 * completion for one, also has the fields with which the operation began, so that "a read of tcp
 * that failed" can be asked of the event that says so.
 *
 * Numbers are read as doubles and NaN stands for a field that the event does not have.
 */
import { EVENT, NO_DIGEST } from "../../event.ts";
import type { EventRecord } from "../../event.ts";
import { SLOT_FLAGS } from "../columns.ts";
import type { OperationTable } from "../table.ts";

/** Reads a number of an event, NaN where it has none. */
export type ReadNumber = (record: EventRecord, table: OperationTable) => number;

/** What can be written to the right of a field: a number, or a name of some kind for one. */
export type FieldType =
  "number" | "result" | "kind" | "opcode" | "provider" | "operation" | "call" | "text" | "bytes";

export interface Field {
  readonly type: FieldType;
  readonly read: ReadNumber;
  /** For people. */
  readonly meaning: string;
}

const NONE = Number.NaN;

const hasSlot = (kind: number): boolean =>
  kind === EVENT.SUBMIT ||
  kind === EVENT.START ||
  kind === EVENT.COMPLETE ||
  kind === EVENT.SETTLE ||
  kind === EVENT.CANCEL;

/** Whether the event is about an operation that is in flight before it. */
function concerns({ kind, slot }: EventRecord, table: OperationTable): boolean {
  return kind !== EVENT.START && hasSlot(kind) && table.has(slot);
}

const isStart = (slot: number, table: OperationTable): boolean =>
  (table.columns.flags[slot]! & SLOT_FLAGS.START) !== 0;

/** A field with which an operation begins: the event's own, or the operation's. */
function begun(
  own: (record: EventRecord) => number,
  kept: (slot: number, table: OperationTable) => number,
): ReadNumber {
  return (record, table) => {
    if (record.kind === EVENT.SUBMIT || record.kind === EVENT.START) return own(record);
    return concerns(record, table) ? kept(record.slot, table) : NONE;
  };
}

const of =
  (kind: number, read: (record: EventRecord) => number): ReadNumber =>
  (record) =>
    record.kind === kind ? read(record) : NONE;

function numberOf(record: EventRecord, table: OperationTable): number {
  const { kind } = record;
  if (kind === EVENT.START) return table.operations + 1;
  if (concerns(record, table)) {
    // A request in a slot in use is a limit; a recorder begins nothing there.
    return table.numberIn(record.slot);
  }
  return kind === EVENT.SUBMIT ? table.operations + 1 : NONE;
}

function resultOf({ kind, result }: EventRecord): number {
  return kind === EVENT.COMPLETE || kind === EVENT.SETTLE ? result : NONE;
}

function payloadOf({ bytes, kind, missing }: EventRecord): number {
  if (kind !== EVENT.COMPLETE && kind !== EVENT.HOST) return NONE;
  if (bytes !== undefined) return bytes.length;
  return missing < 0 ? NONE : missing;
}

function digestOf(record: EventRecord): number {
  const { bytes, digest, kind, missing } = record;
  if (kind === EVENT.COMPLETE || kind === EVENT.HOST) {
    if (bytes !== undefined) return Bun.hash.crc32(bytes);
    return missing < 0 ? NONE : digest;
  }
  const has = kind === EVENT.SUBMIT || kind === EVENT.START || kind === EVENT.SETTLE;
  return has && digest !== NO_DIGEST ? digest : NONE;
}

const field = (type: FieldType, meaning: string, read: ReadNumber): Field => {
  return { type, meaning, read };
};

/** All fields by name. `text` has no number: it is there or not. */
export const FIELDS: ReadonlyMap<string, Field> = new Map([
  ["kind", field("kind", "turn, submit, complete, start, settle, ...", ({ kind }) => kind)],
  ["sequence", field("number", "number of the event", (_record, { events }) => events)],
  ["timeNs", field("number", "the session's clock: 5ms", (_record, { timeNs }) => timeNs)],
  ["op", field("number", "number of the operation that it concerns, from 1", numberOf)],
  [
    "slot",
    field("number", "index in the descriptor table", ({ kind, slot }) =>
      hasSlot(kind) ? slot : NONE,
    ),
  ],
  [
    "opcode",
    field(
      "opcode",
      "of a request to the ring: READ, SEND, ...",
      begun(
        ({ kind, opcode }) => (kind === EVENT.SUBMIT ? opcode : NONE),
        (slot, table) => (isStart(slot, table) ? NONE : table.columns.code[slot]!),
      ),
    ),
  ],
  [
    "provider",
    field(
      "provider",
      "kind of the provider: pipe, tcp, ...",
      begun(
        ({ kind, provider }) => (kind === EVENT.START ? provider : NONE),
        (slot, table) => (isStart(slot, table) ? table.columns.code[slot]! >>> 8 : NONE),
      ),
    ),
  ],
  [
    "operation",
    field(
      "operation",
      "what is done: read, write, ... or its number",
      begun(
        ({ kind, opcode, operation }) => (kind === EVENT.START ? operation : opcode),
        (slot, table) => {
          const code = table.columns.code[slot]!;
          return isStart(slot, table) ? code & 0xff : code;
        },
      ),
    ),
  ],
  [
    "handle",
    field(
      "number",
      "handle of a provider's end",
      begun(
        ({ handle, kind }) => (kind === EVENT.START ? handle : NONE),
        (slot, table) => (isStart(slot, table) ? table.columns.target[slot]! : NONE),
      ),
    ),
  ],
  [
    "file",
    field(
      "number",
      "number of the ring's file",
      begun(
        ({ file, kind }) => (kind === EVENT.SUBMIT ? file : NONE),
        (slot, table) => (isStart(slot, table) ? NONE : table.columns.target[slot]!),
      ),
    ),
  ],
  [
    "offset",
    field(
      "number",
      "where it begins: 64KiB",
      begun(
        ({ offset }) => offset,
        (slot, table) => table.columns.offset[slot]!,
      ),
    ),
  ],
  [
    "length",
    field(
      "number",
      "bytes asked for: 4KiB",
      begun(
        ({ length }) => length,
        (slot, table) => table.columns.length[slot]!,
      ),
    ),
  ],
  ["result", field("result", "a count, or an error: ECONNRESET", resultOf)],
  [
    "flags",
    field(
      "number",
      "of a completion",
      of(EVENT.COMPLETE, ({ flags }) => flags),
    ),
  ],
  ["bytes", field("bytes", 'the payload: its size, or ~ "GET /"', payloadOf)],
  ["digest", field("number", "CRC-32 of the payload: 0x0a1b2c3d", digestOf)],
  [
    "text",
    field("text", 'of a mark or the end: ~ "done"', ({ kind }) =>
      kind === EVENT.MARK || kind === EVENT.END ? 1 : NONE,
    ),
  ],
  [
    "steps",
    field(
      "number",
      "task resumptions before a turn",
      of(EVENT.TURN, ({ steps }) => steps),
    ),
  ],
  [
    "line",
    field(
      "number",
      "interrupt line",
      of(EVENT.INTERRUPT, ({ code }) => code),
    ),
  ],
  [
    "value",
    field(
      "number",
      "of an input",
      of(EVENT.INPUT, ({ value }) => value),
    ),
  ],
  [
    "call",
    field(
      "call",
      "host call: pipe, open, ...",
      of(EVENT.HOST, ({ code }) => code),
    ),
  ],
]);
