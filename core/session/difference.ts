/**
 * How two events differ, and what kind of difference it is. Pure functions over events: the
 * verifier collects, these judge.
 */
import type { DifferenceKind, FieldDifference } from "./divergence.ts";
import {
  nameDigest,
  nameHostCall,
  nameHow,
  nameOpcode,
  namePayload,
  nameResult,
  nameText,
} from "./describe.ts";
import type { EventNames } from "./describe.ts";
import { isProgramEvent } from "./event.ts";
import type { SessionEvent } from "./event.ts";

/** Fields that hold what an operation carries, as against what it asks for. */
const PAYLOAD_FIELDS: ReadonlySet<string> = new Set(["digest", "bytes"]);

function fieldText(event: SessionEvent, field: string, value: unknown, names: EventNames): string {
  if (field === "digest") return nameDigest(value as number | undefined);
  if (field === "bytes") return namePayload(value as Uint8Array | undefined);
  if (field === "opcode") return nameOpcode(value as number);
  if (field === "how" && event.kind === "submit") return nameHow(event.opcode, event.how);
  if (field === "call") return nameHostCall(value as number);
  if (field === "result") return nameResult(value as number);
  if (field === "operation" && event.kind === "start") {
    const kind = names.providers?.[event.provider] ?? "";
    return names.operation?.(kind, event.operation) ?? String(value);
  }
  if (field === "provider") return names.providers?.[value as number] ?? String(value);
  if (event.kind === "mark" || event.kind === "end") return nameText(String(value));
  return Array.isArray(value) ? `[${value.join(", ")}]` : String(value);
}

/**
 * The fields of two events side by side, the arguments before the payload.
 * @returns one row for each field; for events of different kinds a single row, `event`
 */
export function compareFields(
  recorded: SessionEvent,
  actual: SessionEvent,
  names: EventNames,
): FieldDifference[] {
  if (recorded.kind !== actual.kind) {
    return [{ field: "event", recorded: recorded.kind, actual: actual.kind, differs: true }];
  }
  if (recorded.kind === "state" && actual.kind === "state") {
    return compareParts(recorded.digests, actual.digests, names);
  }
  const rows: FieldDifference[] = [];
  const left: Record<string, unknown> = { ...recorded };
  const right: Record<string, unknown> = { ...actual };
  for (const field of Object.keys(left)) {
    // Nearly all requests are made in the plain way: a row of it would only be in the way.
    if (field === "kind" || (field === "how" && left["how"] === 0 && right["how"] === 0)) continue;
    rows.push({
      field,
      recorded: fieldText(recorded, field, left[field], names),
      actual: fieldText(actual, field, right[field], names),
      differs: !Bun.deepEquals(left[field], right[field]),
    });
  }
  return rows;
}

/** The checksums of two states side by side. */
function compareParts(
  recorded: readonly number[],
  actual: readonly number[],
  names: EventNames,
): FieldDifference[] {
  return Array.from({ length: Math.max(recorded.length, actual.length) }, (_, part) => ({
    field: names.parts?.[part] ?? `part ${part}`,
    recorded: nameDigest(recorded[part]),
    actual: nameDigest(actual[part]),
    differs: recorded[part] !== actual[part],
  }));
}

/** Which operation it is, whatever its arguments. */
function identityOf(event: SessionEvent): string {
  if (event.kind === "submit") return `submit ${event.opcode} ${event.file}`;
  if (event.kind === "start") return `start ${event.provider} ${event.handle} ${event.operation}`;
  if (event.kind === "host") return `host ${event.call}`;
  if (event.kind === "settle") return `settle ${event.slot}`;
  return event.kind;
}

/**
 * An operation with its arguments, but without its slot: when one operation is missing, those after
 * it move to other slots and are still the same operations.
 */
function shapeOf(event: SessionEvent): string {
  if (event.kind === "submit" || event.kind === "start") {
    return JSON.stringify({ ...event, slot: 0 });
  }
  if (event.kind === "host") return `host ${event.call} ${event.args.join()}`;
  if (event.kind === "settle" || event.kind === "cancel") return `${event.kind} ${event.slot}`;
  if (event.kind === "clock") return "clock";
  return JSON.stringify(event);
}

/**
 * The kind of a difference that is plain from the two events alone.
 * @param rest the recorded events after the first, up to the next one that is not the program's
 * @returns undefined when what the program does next decides
 */
export function classifyPair(
  recorded: SessionEvent,
  actual: SessionEvent,
  fields: readonly FieldDifference[],
  rest: readonly SessionEvent[],
): DifferenceKind | undefined {
  if (recorded.kind === "state" && actual.kind === "state") return "state";
  if (!isProgramEvent(actual.kind)) {
    if (isProgramEvent(recorded.kind)) return "missing";
    if (recorded.kind !== actual.kind) {
      if (recorded.kind === "end") return "extra";
      if (actual.kind === "end") return "missing";
    }
    const first = fields.find(({ differs }) => differs);
    return first?.field === "steps" ? "progress" : "result";
  }
  if (!isProgramEvent(recorded.kind)) return "extra";
  if (identityOf(recorded) !== identityOf(actual)) return undefined;
  const differing = fields.filter(({ differs }) => differs);
  if (differing.every(({ field }) => PAYLOAD_FIELDS.has(field))) return "payload";
  const onlyResults = new Set([...PAYLOAD_FIELDS, "result", "results", "nowNs"]);
  if (differing.every(({ field }) => onlyResults.has(field))) return "result";
  const shape = shapeOf(actual);
  return rest.some((event) => shapeOf(event) === shape) ? undefined : "arguments";
}

/**
 * The kind of a difference, from all that the recording holds and all that the program did up to
 * the next event from outside. Both lists begin with the first pair that differs.
 */
export function classifyRun(
  recorded: readonly SessionEvent[],
  actual: readonly SessionEvent[],
): DifferenceKind {
  const unmatched = new Map<string, number>();
  for (const event of recorded) {
    const shape = shapeOf(event);
    unmatched.set(shape, (unmatched.get(shape) ?? 0) + 1);
  }
  let extra = 0;
  for (const event of actual) {
    const shape = shapeOf(event);
    const count = unmatched.get(shape) ?? 0;
    if (count === 0) extra++;
    else unmatched.set(shape, count - 1);
  }
  let missing = 0;
  for (const count of unmatched.values()) missing += count;
  if (extra === 0 && missing === 0) return "order";
  if (missing === 0) return "extra";
  if (extra === 0) return "missing";
  return identityOf(recorded[0]!) === identityOf(actual[0]!) ? "arguments" : "operation";
}

/** One sentence on a difference. */
export function summarize(difference: DifferenceKind, fields: readonly FieldDifference[]): string {
  const first = fields.find(({ differs }) => differs);
  const pair = first === undefined ? "" : `: recorded ${first.recorded}, replayed ${first.actual}`;
  const named = first === undefined ? "it" : first.field;
  switch (difference) {
    case "input-missing":
      return "the program waits for something that the recording does not bring";
    case "extra":
      return "the program did something that is not in the recording";
    case "missing":
      return "the program did not do what the recording holds";
    case "operation":
      return "the program did something else in place of what was recorded";
    case "arguments":
      return `the operation differs in ${named}${pair}`;
    case "payload":
      return "the operation carries other bytes than recorded";
    case "order":
      return "the same operations came in another order";
    case "result":
      return `the outcome differs in ${named}${pair}`;
    case "progress":
      return `the same event came at another point of the program's progress${pair}`;
    case "state":
      return `the state of ${named} is another, though every operation agrees`;
    case "record-ends":
      return "the recording was cut off here; everything up to its end agrees";
  }
}
