/** A place in a recording as text: the table of operations, the totals, the events around. */
import { NS_PER_MS } from "../../../core/clock.ts";
import { describeEvent, nameResult, nameText } from "../../../core/session/describe.ts";
import type { OperationLife } from "../../../core/session/places/life.ts";
import { eventNames } from "./names.ts";
import type { PredicateNames } from "../../../core/session/places/predicate/names.ts";
import type { OperationInFlight } from "../../../core/session/places/table.ts";
import type { Timeline } from "../../../core/session/places/timeline.ts";
import type { PlacedEvent } from "../../../core/session/recording.ts";
import { columns, paint } from "../../output.ts";
import { formatDuration, formatSize } from "../../scenario/units.ts";
import { EVENTS_AFTER, EVENTS_BEFORE, operationData } from "./data.ts";

/** Nanoseconds as decimals of milliseconds. */
const NS_DECIMALS = 6;
/** Operations in flight that a page lists. */
const OPERATIONS_LISTED = 40;

/** A time of the session's clock in full, so that it can be given back as a place. */
export function timeText(timeNs: number): string {
  return `${Number((timeNs / NS_PER_MS).toFixed(NS_DECIMALS))} ms`;
}

/** Where a line stands: `event 5000 of 8314, at 12.5 ms`. */
export function placeLine({ eventCount, sequence, table }: Timeline): string {
  const at = `at ${timeText(table.timeNs)}`;
  if (sequence === eventCount) return `the end: all ${eventCount} events, ${at}`;
  return `event ${sequence} of ${eventCount}, ${at}`;
}

/** The whole page of a place. */
export function placePage(line: Timeline, names: PredicateNames): string {
  const events = aroundText(line, EVENTS_BEFORE, EVENTS_AFTER, names);
  return [
    paint("bold", placeLine(line)),
    totalsText(line),
    "",
    tableText(line, names),
    "",
    events,
  ].join("\n");
}

/** What has been counted up to here. */
export function totalsText({ table }: Timeline): string {
  const { lastMark, totals } = table;
  const { bytesIn, bytesOut, failed, inFlight, interrupts, marks, operations, settled } = totals;
  const rows = [
    ["operations", `${operations} begun, ${inFlight} in flight, ${settled} over, ${failed} failed`],
    ["bytes", `${formatSize(bytesIn)} in, ${formatSize(bytesOut)} out`],
    ["progress", `${totals.steps} task resumptions, ${interrupts} interrupts, ${marks} marks`],
  ];
  if (lastMark !== undefined) {
    rows.push(["last mark", `${nameText(lastMark.text)} (event ${lastMark.sequence})`]);
  }
  return columns(rows);
}

/** The operations in flight, lowest slot first. */
export function tableText({ table }: Timeline, names: PredicateNames): string {
  const operations = table.list();
  if (operations.length === 0) return "nothing is in flight";
  const rows = operations.slice(0, OPERATIONS_LISTED).map((each) => operationRow(each, names));
  const more = operations.length - rows.length;
  const head = ["slot", "op", "on", "what", "length", "offset", "since", "event", ""];
  const text = columns([head.map((cell) => paint("dim", cell)), ...rows]);
  return more > 0 ? `${text}\n(and ${more} more)` : text;
}

function operationRow(operation: OperationInFlight, names: PredicateNames): string[] {
  const data = operationData(operation, names);
  const on =
    operation.kind === "start"
      ? `${String(data.provider)} handle ${operation.target}`
      : `file ${operation.target}`;
  const notes = [
    operation.limited ? "limited" : "",
    operation.cancelled ? "cancelled" : "",
    operation.results > 0
      ? `${operation.results} results, ${formatSize(operation.movedBytes)} so far`
      : "",
  ].filter((note) => note !== "");
  return [
    String(operation.slot),
    `#${operation.number}`,
    on,
    String(data.opcode ?? data.operation),
    String(operation.length),
    operation.offset < 0 ? "-" : String(operation.offset),
    timeText(operation.timeNs),
    String(operation.sequence),
    notes.join(", "),
  ];
}

/** The events around a place. */
export function aroundText(
  line: Timeline,
  before: number,
  after: number,
  names: PredicateNames,
): string {
  const text = eventLines(line.around(before, after), line.sequence, names);
  return line.sequence === line.eventCount ? `${text}\n->  the end` : text;
}

/** Events one a line, an arrow at the one that is next. */
export function eventLines(
  events: readonly PlacedEvent[],
  next: number,
  names: PredicateNames,
): string {
  const rows = events.map(({ event, sequence, timeNs }) => [
    sequence === next ? "->" : "  ",
    String(sequence),
    timeText(timeNs),
    describeEvent(event, eventNames(names)),
  ]);
  return rows.length === 0 ? "no events" : columns(rows);
}

/** An operation from its beginning to its end. */
export function lifeText(life: OperationLife, next: number, names: PredicateNames): string {
  const { begun, ended, eventCount, events, movedBytes, number } = life;
  const end =
    ended === undefined
      ? "never over in this recording"
      : `over after ${formatDuration(ended.afterNs)} with ${nameResult(ended.result)}`;
  const moved = movedBytes > 0 ? `, ${formatSize(movedBytes)} in results before the last` : "";
  const left = eventCount - events.length;
  const note = left > 0 ? `\n(${left} events between the last two are not shown)` : "";
  const what = String(operationData(begun, names).operation);
  const title = paint("bold", `operation #${number}, ${what} in slot ${begun.slot}`);
  return `${title}: ${end}${moved}\n${eventLines(events, next, names)}${note}`;
}
