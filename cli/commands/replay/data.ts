/** A place in a recording as plain data, for `--json`: one document, however it was reached. */
import { describeEvent, nameOpcode } from "../../../core/session/describe.ts";
import { nameOperation } from "../../../core/session/places/predicate/names.ts";
import { eventNames, namesOf } from "./names.ts";
import type { PredicateNames } from "../../../core/session/places/predicate/names.ts";
import type { OperationInFlight } from "../../../core/session/places/table.ts";
import type { Timeline } from "../../../core/session/places/timeline.ts";
import type { PlacedEvent, Recording } from "../../../core/session/recording.ts";
import { actionOf } from "../../../core/session/export/operation.ts";

/** Events that are shown before a place, and from it on. */
export const EVENTS_BEFORE = 5;
export const EVENTS_AFTER = 5;

/** An operation in flight by names. */
export function operationData(
  operation: OperationInFlight,
  names: PredicateNames,
): Record<string, unknown> {
  const { kind, number, operation: code, provider, sequence, slot, target, timeNs } = operation;
  const { cancelled, length, limited, movedBytes, offset, results } = operation;
  const range = { length, offset, begun: { sequence, timeNs } };
  const so = { ...range, limited, cancelled, results, movedBytes };
  if (provider === undefined) {
    const what = { operation: actionOf(code), opcode: nameOpcode(code) };
    return { number, slot, kind, file: target, ...what, ...so };
  }
  const name = names.providers[provider] ?? `provider ${provider}`;
  const what = { operation: nameOperation(names, name, code) };
  return { number, slot, kind, provider: name, handle: target, ...what, ...so };
}

/** An event with its place, its fields and its line. */
export function eventData(placed: PlacedEvent, names: PredicateNames): Record<string, unknown> {
  const { event, sequence, timeNs } = placed;
  const fields = Object.entries(event).map(([name, value]) => [name, plain(value)]);
  const says = describeEvent(event, eventNames(names));
  return { sequence, timeNs, ...Object.fromEntries(fields), says };
}

/**
 * The whole document of a place: the table, the totals and the events around.
 * @param found whether the place that was asked for is there
 */
export function placeData(
  line: Timeline,
  recording: Recording,
  file: string,
  found = true,
): Record<string, unknown> {
  const { eventCount, sequence, table } = line;
  const names = namesOf(recording);
  const around = line.around(EVENTS_BEFORE, EVENTS_AFTER);
  const data = around.map((placed) => eventData(placed, names));
  return {
    file,
    backend: recording.info.backend,
    found,
    sequence,
    eventCount,
    totals: table.totals,
    lastMark: table.lastMark ?? null,
    operations: table.list().map((operation) => operationData(operation, names)),
    previous: data.filter((_, index) => around[index]!.sequence < sequence),
    next: data.filter((_, index) => around[index]!.sequence >= sequence),
  };
}

/** A value that JSON can hold: bytes as hexadecimal digits. */
export function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return value.toHex();
  if (typeof value === "bigint") return String(value);
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, plain(each)]));
}
