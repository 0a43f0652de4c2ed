/**
 * Fills the tables from a recording. Each kind of event has a statement of its own which binds only
 * what that kind has: most of the time of a row is in its values.
 */
import type { Database, Statement } from "bun:sqlite";
import { nameHostCall, nameOpcode } from "../describe.ts";
import { EVENT, NO_DIGEST } from "../event.ts";
import type { EventRecord } from "../event.ts";
import type { Operation } from "../export/operation.ts";
import { OperationWalk } from "../export/walk.ts";
import type { OperationNames, WalkVisitor } from "../export/walk.ts";
import type { Recording } from "../recording.ts";
import { TABLES } from "./tables.ts";

type Insert = Statement<unknown, (string | number | null)[]>;

/** Names of the kinds by their numbers, as in SessionEvent. */
const KIND_NAMES = new Map<number, string>();
for (const [name, kind] of Object.entries(EVENT)) KIND_NAMES.set(kind, name.toLowerCase());

const digestOf = (digest: number): number | null => (digest === NO_DIGEST ? null : digest);

class Inserter implements WalkVisitor {
  readonly #submit: Insert;
  readonly #start: Insert;
  readonly #complete: Insert;
  readonly #settle: Insert;
  readonly #cancel: Insert;
  readonly #host: Insert;
  readonly #text: Insert;
  readonly #plain: Insert;
  readonly #span: Insert;

  constructor(database: Database) {
    const into = (kind: string, columns: string): Insert => {
      const count = columns.split(",").length;
      const values = Array.from({ length: count }, () => "?").join(", ");
      const literal = kind === "" ? "" : `'${kind}', `;
      const names = kind === "" ? columns : `kind, ${columns}`;
      return database.prepare(`insert into event (${names}) values (${literal}${values})`);
    };
    const asked = "sequence, time_ns, slot, operation, provider, opcode, offset, length, digest";
    this.#submit = into("submit", `${asked}, file, flags`);
    this.#start = into("start", `${asked}, handle`);
    const ended = "sequence, time_ns, slot, operation, result";
    this.#complete = into("complete", `${ended}, flags, bytes_length, digest`);
    this.#settle = into("settle", `${ended}, digest`);
    this.#cancel = into("cancel", "sequence, time_ns, slot, operation");
    this.#host = into("host", "sequence, time_ns, opcode, result, bytes_length, digest, text");
    this.#text = into("", "sequence, time_ns, kind, text");
    this.#plain = into("", "sequence, time_ns, kind");
    this.#span = database.prepare("insert into span values (?, ?, ?, ?, ?)");
  }

  result(
    operation: Operation,
    _timeNs: number,
    _result: number,
    _bytes: Uint8Array | undefined,
    last: boolean,
  ): void {
    if (last) this.#spanOf(operation, operation.resultSequence);
  }

  unfinished(operation: Operation): void {
    this.#spanOf(operation, null);
  }

  event(
    record: EventRecord,
    sequence: number,
    timeNs: number,
    operation: Operation | undefined,
  ): void {
    const { bytes } = record;
    const number = operation?.number ?? null;
    switch (record.kind) {
      case EVENT.SUBMIT:
      case EVENT.START:
        this.#asked(record, sequence, timeNs, operation!);
        break;
      case EVENT.COMPLETE: {
        const { flags, result, slot } = record;
        const length = bytes?.length ?? null;
        const digest = bytes === undefined ? null : Bun.hash.crc32(bytes);
        this.#complete.run(sequence, timeNs, slot, number, result, flags, length, digest);
        break;
      }
      case EVENT.SETTLE: {
        const { digest, result, slot } = record;
        this.#settle.run(sequence, timeNs, slot, number, result, digestOf(digest));
        break;
      }
      case EVENT.CANCEL:
        this.#cancel.run(sequence, timeNs, record.slot, number);
        break;
      case EVENT.HOST: {
        const { args, code, results } = record;
        const length = bytes?.length ?? null;
        const digest = bytes === undefined ? null : Bun.hash.crc32(bytes);
        const [name, result] = [nameHostCall(code), results[0] ?? 0];
        this.#host.run(sequence, timeNs, name, result, length, digest, args.join(", "));
        break;
      }
      case EVENT.MARK:
        this.#text.run(sequence, timeNs, "mark", record.text);
        break;
      case EVENT.END:
        this.#text.run(sequence, timeNs, "end", record.text);
        break;
      default:
        this.#plain.run(sequence, timeNs, KIND_NAMES.get(record.kind) ?? "other");
    }
  }

  #asked(record: EventRecord, sequence: number, timeNs: number, operation: Operation): void {
    const { file, handle, kind, length, offset, opFlags, opcode, slot } = record;
    const digest = digestOf(record.digest);
    const { action, end, number } = operation;
    if (kind === EVENT.START) {
      const what = [sequence, timeNs, slot, number, end.kind, action] as const;
      this.#start.run(...what, offset, length, digest, handle);
    } else {
      const what = [sequence, timeNs, slot, number, end.kind, nameOpcode(opcode)] as const;
      this.#submit.run(...what, offset, length, digest, file, opFlags);
    }
  }

  #spanOf(operation: Operation, completed: number | null): void {
    const { action, movedBytes, number, sequence } = operation;
    this.#span.run(number, sequence, completed, action, movedBytes);
  }
}

/**
 * Makes the tables in a database and fills them.
 * @param database an empty one of the caller's, which is written without any care for crashes
 * @throws {ReelError} ERR_CORRUPT_RECORDING when the file has changed since it was opened
 */
export function materialise(
  recording: Recording,
  database: Database,
  operation: OperationNames["operation"],
): void {
  database.run("pragma page_size = 16384");
  database.run("pragma journal_mode = off");
  database.run("pragma synchronous = off");
  database.run("begin");
  for (const statement of TABLES) database.run(statement);
  const names: OperationNames = { providers: recording.providerKinds, operation };
  new OperationWalk(new Inserter(database), names).run(recording.cursor());
  database.run("commit");
}
