/**
 * Every event of a recording as a line of JSON. The names of the fields are those of SessionEvent,
 * which are documented and do not change within a major version; beside each number with a meaning
 * stands its name. Bytes are in hexadecimal, as in `session show --json`.
 */
import { codeOfResult } from "../../errors.ts";
import { nameHostCall, nameOpcode } from "../describe.ts";
import { toSessionEvent } from "../event.ts";
import type { EventRecord, SessionEvent } from "../event.ts";
import type { Operation } from "./operation.ts";
import type { Output } from "./output.ts";
import type { OperationNames, WalkVisitor } from "./walk.ts";

const failure = (result: number): Record<string, string> =>
  result < 0 ? { error: codeOfResult(result) } : {};

/** The names that stand beside an event's numbers. */
function namesOf(event: SessionEvent, names: OperationNames): Record<string, string> {
  switch (event.kind) {
    case "submit":
      return { opcodeName: nameOpcode(event.opcode) };
    case "complete":
    case "settle":
      return failure(event.result);
    case "host":
      return { callName: nameHostCall(event.call), ...failure(event.results[0] ?? 0) };
    case "start": {
      const kind = names.providers[event.provider];
      const operationName = kind && names.operation(kind, event.operation);
      return { ...(kind && { providerKind: kind }), ...(operationName && { operationName }) };
    }
    default:
      return {};
  }
}

/** One line for each event. */
export class JsonLines implements WalkVisitor {
  readonly #output: Output;
  readonly #names: OperationNames;

  constructor(output: Output, names: OperationNames) {
    this.#output = output;
    this.#names = names;
  }

  get stopped(): boolean {
    return this.#output.stopped;
  }

  event(
    record: EventRecord,
    sequence: number,
    timeNs: number,
    operation: Operation | undefined,
  ): void {
    const event = toSessionEvent(record);
    const of = operation && { operationNumber: operation.number, end: operation.end.name };
    const line = { sequence, timeNs, ...event, ...namesOf(event, this.#names), ...of };
    if (record.bytes === undefined) this.#output.text(`${JSON.stringify(line)}\n`);
    else this.#output.text(`${JSON.stringify({ ...line, bytes: record.bytes.toHex() })}\n`);
  }

  finish(): void {
    this.#output.flush();
  }
}
