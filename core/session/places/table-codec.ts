/**
 * The table of operations as bytes, for checkpoints: a version, the totals, the last mark and the
 * operations in flight, lowest slot first, all as varints. Equal tables give equal bytes, so tables
 * are compared by their bytes. Reading takes nothing on trust: checkpoints are part of a file that
 * may be hostile.
 */
import { ReelError } from "../../errors.ts";
import { ByteReader, ByteWriter, MalformedBytes } from "../codec/bytes.ts";
import { I32_MAX, MARK_BYTES_MAX, OPCODE_MAX, SLOT_MAX, U32_MAX } from "../codec/format.ts";
import { SLOT_FLAGS, SLOT_FLAGS_ALL } from "./columns.ts";
import { OperationTable } from "./table.ts";

const TABLE_VERSION = 1;
const VARINT_BYTES = 8;
const TOTALS_BYTES = 13 * VARINT_BYTES;
const SLOT_BYTES = 12 * VARINT_BYTES;
/** The most that a checkpoint's bytes can be: a bound for readers. */
export const CHECKPOINT_BYTES_MAX = TOTALS_BYTES + MARK_BYTES_MAX + (SLOT_MAX + 2) * SLOT_BYTES;

const textEncoder = new TextEncoder();
const textDecoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Writes a table down. */
export function encodeTable(table: OperationTable): Uint8Array {
  const text = textEncoder.encode(table.markText);
  const writer = new ByteWriter(TOTALS_BYTES + text.length + (table.inFlight + 2) * SLOT_BYTES);
  writer.unsigned(TABLE_VERSION);
  for (const total of TOTALS) writer.unsigned(table[total]);
  writer.signed(table.markSequence);
  writer.unsigned(table.markTimeNs);
  writer.unsigned(text.length);
  writer.block(text);
  writer.unsigned(table.inFlight);
  const { columns } = table;
  let before = -1;
  for (let slot = 0; slot < columns.highWater; slot++) {
    if (!table.has(slot)) continue;
    writer.unsigned(slot - before - 1);
    writer.unsigned(columns.flags[slot]!);
    writer.unsigned(table.operations - columns.number[slot]!);
    writer.unsigned(table.events - columns.sequence[slot]!);
    writer.signed(table.timeNs - columns.timeNs[slot]!);
    writer.signed(columns.target[slot]!);
    writer.unsigned(columns.code[slot]!);
    writer.signed(columns.offset[slot]!);
    writer.unsigned(columns.length[slot]!);
    writer.unsigned(columns.results[slot]!);
    writer.unsigned(columns.movedBytes[slot]!);
    before = slot;
  }
  return writer.bytes.slice(0, writer.at);
}

const TOTALS = [
  "events",
  "operations",
  "settled",
  "failed",
  "bytesIn",
  "bytesOut",
  "timeNs",
  "steps",
  "marks",
  "interrupts",
] as const;

/**
 * Reads a table.
 * @param name names the checkpoint in errors
 * @throws {ReelError} ERR_CORRUPT_RECORDING for bytes that {@link encodeTable} does not write
 */
export function decodeTable(bytes: Uint8Array, name: string): OperationTable {
  try {
    return new TableReader(bytes).table();
  } catch (error) {
    if (!(error instanceof MalformedBytes)) throw error;
    throw new ReelError(
      "ERR_CORRUPT_RECORDING",
      `Cannot read ${name}: found ${error.message}, wanted a table of operations`,
      { mend: "Verify the recording; checkpoints can be computed again", cause: error },
    );
  }
}

function wrong(what: string, value: number): never {
  throw new MalformedBytes(`${what} ${value}, which is out of range`);
}

class TableReader {
  readonly #reader = new ByteReader();
  readonly #table = new OperationTable();

  constructor(bytes: Uint8Array) {
    this.#reader.bytes = bytes;
  }

  table(): OperationTable {
    const table = this.#table;
    const version = this.#whole("the version", U32_MAX);
    if (version !== TABLE_VERSION) wrong("the version", version);
    for (const total of TOTALS) table[total] = this.#whole(total, Number.MAX_SAFE_INTEGER);
    const { events, operations, settled } = table;
    if (operations > events || settled > operations || table.failed > settled) {
      wrong("a count of operations", operations);
    }
    this.#mark();
    const count = this.#whole("a count of slots", Math.min(SLOT_MAX + 1, operations - settled));
    let slot = -1;
    for (let left = count; left > 0; left--) {
      slot += this.#whole("a slot", SLOT_MAX) + 1;
      if (slot > SLOT_MAX) wrong("a slot", slot);
      this.#slot(slot);
    }
    table.inFlight = count;
    if (this.#reader.at !== this.#reader.bytes.length) wrong("an end at byte", this.#reader.at);
    return table;
  }

  #mark(): void {
    const table = this.#table;
    table.markSequence = this.#signed("the mark's number", -1, table.events - 1);
    table.markTimeNs = this.#whole("the mark's time", Number.MAX_SAFE_INTEGER);
    const length = this.#whole("the mark's length", MARK_BYTES_MAX);
    try {
      table.markText = textDecoder.decode(this.#reader.block(length));
    } catch (error) {
      if (error instanceof MalformedBytes) throw error;
      throw new MalformedBytes("a mark that is not UTF-8");
    }
    const has = table.markSequence >= 0;
    if (has !== table.marks > 0 || (!has && (length > 0 || table.markTimeNs > 0))) {
      wrong("a count of marks", table.marks);
    }
  }

  #slot(slot: number): void {
    const { columns, events, operations, timeNs } = this.#table;
    columns.reach(slot);
    const flags = this.#whole("the flags", SLOT_FLAGS_ALL);
    if ((flags & SLOT_FLAGS.IN_FLIGHT) === 0) wrong("the flags", flags);
    const isStart = (flags & SLOT_FLAGS.START) !== 0;
    columns.flags[slot] = flags;
    columns.number[slot] = operations - this.#whole("the operation", operations - 1);
    const age = this.#whole("the age", events);
    if (age === 0) wrong("the age", age);
    columns.sequence[slot] = events - age;
    columns.timeNs[slot] = timeNs - this.#signed("the time", -Number.MAX_SAFE_INTEGER, timeNs);
    const [least, most] = isStart ? [0, U32_MAX] : [-1, I32_MAX];
    columns.target[slot] = this.#signed("the target", least, most);
    const codes = isStart ? SLOT_MAX * 256 + 255 : OPCODE_MAX;
    columns.code[slot] = this.#whole("the operation's code", codes);
    columns.offset[slot] = this.#signed("the offset", -1, Number.MAX_SAFE_INTEGER);
    columns.length[slot] = this.#whole("the length", Number.MAX_SAFE_INTEGER);
    columns.results[slot] = this.#whole("a count of results", events);
    columns.movedBytes[slot] = this.#whole("the bytes moved", Number.MAX_SAFE_INTEGER);
  }

  #whole(what: string, most: number): number {
    const value = this.#reader.unsigned();
    return value > most ? wrong(what, value) : value;
  }

  #signed(what: string, least: number, most: number): number {
    const value = this.#reader.signed();
    return value < least || value > most ? wrong(what, value) : value;
  }
}
