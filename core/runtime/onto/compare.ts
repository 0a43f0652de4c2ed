/** What came out other than recorded, and how fast it was. */
import type { LoggedEnd, LoggedOperation, OperationLog } from "./log.ts";
import { describeResult, type Outcome } from "./perform.ts";
import type { Reissued } from "./reissue.ts";

/** `result`: another outcome; `bytes`: others were brought; `missing`: it came to no end. */
export type DifferenceClass = "result" | "bytes" | "missing";

export interface OntoDifference {
  readonly class: DifferenceClass;
  /** Number of the operation in the session, from 1; undefined for opening. */
  readonly operation: number | undefined;
  readonly end: string;
  /** What was done: `read 4096 bytes at 65536`. */
  readonly what: string;
  readonly recorded: string;
  readonly now: string;
}

/** In nanoseconds. */
export interface Percentiles {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

export interface OntoComparison {
  readonly same: boolean;
  readonly operations: number;
  /** Operations that came to the same. */
  readonly agreed: number;
  readonly counts: Readonly<Record<DifferenceClass, number>>;
  /** The first of them; of what is missing, the first of each end. */
  readonly differences: readonly OntoDifference[];
  /** Operations of which only the success was compared, and reads whose bytes were not recorded. */
  readonly successOnly: number;
  readonly streams: number;
  readonly latencyNs: { readonly recorded: Percentiles; readonly now: Percentiles };
  readonly perSecond: { readonly recorded: number; readonly now: number };
  readonly durationNs: { readonly recorded: number; readonly now: number };
  readonly driftNs: Percentiles | undefined;
  readonly stalled: boolean;
}

/** Differences that are told one by one. */
export const TOLD_MAX = 20;
const NS_PER_S = 1e9;

export function compareWithLog(log: OperationLog, reissued: Reissued): OntoComparison {
  const found: OntoDifference[] = [];
  const counts = { result: 0, bytes: 0, missing: 0 };
  const missing = new Set<string>();
  const add = (difference: OntoDifference): void => {
    counts[difference.class]++;
    // Where an end comes to a halt, its first operation says so, and the others follow.
    const isNews = difference.class !== "missing" || !missing.has(difference.end);
    if (difference.class === "missing") missing.add(difference.end);
    if (isNews && found.length < TOLD_MAX) found.push(difference);
  };
  for (const { code, open } of reissued.openings) {
    const words = { operation: undefined, end: open.label, what: `open ${open.kind}` };
    add({ class: "result", ...words, recorded: open.code ?? "opened", now: code ?? "opened" });
  }
  const streams = new Map<LoggedEnd, Stream>();
  let agreed = 0;
  let successOnly = 0;
  for (const operation of log.operations) {
    if (operation.ended === -1) continue;
    const outcome = reissued.outcomes[operation.number - 1];
    if (operation.comparison === "success" || isUnknown(operation)) successOnly++;
    const difference = compareOne(operation, outcome, streams);
    if (difference === undefined) agreed++;
    else if (difference !== "told") add(difference);
  }
  const compared = log.operations.filter(({ ended }) => ended !== -1);
  const lasted = compared.map(({ endNs, startNs }) => endNs - startNs);
  const outcomes = reissued.outcomes.filter((each) => each?.result !== undefined);
  const recordedNs = spanOf(log);
  return {
    same: counts.result + counts.bytes + counts.missing === 0,
    operations: compared.length,
    agreed,
    counts,
    differences: found,
    successOnly,
    streams: streams.size,
    latencyNs: {
      recorded: percentiles(lasted),
      now: percentiles(outcomes.map((each) => each!.endNs - each!.startNs)),
    },
    perSecond: {
      recorded: rate(compared.length, recordedNs),
      now: rate(outcomes.length, reissued.durationNs),
    },
    durationNs: { recorded: recordedNs, now: reissued.durationNs },
    driftNs: reissued.driftsNs.length === 0 ? undefined : percentiles(reissued.driftsNs),
    stalled: reissued.stalled,
  };
}

/** How far a stream's bytes are compared. */
interface Stream {
  bytes: number;
  /** Its first difference is told; what follows is not news. */
  told: boolean;
}

function compareOne(
  operation: LoggedOperation,
  outcome: Outcome | undefined,
  streams: Map<LoggedEnd, Stream>,
): OntoDifference | "told" | undefined {
  const { checksum, comparison, direction, end, result } = operation;
  if (outcome?.result === undefined) {
    return differ("missing", operation, undefined, describeResult(result), "no end");
  }
  const now = outcome.result;
  const isStream = comparison === "stream" && result >= 0;
  const stream = isStream ? streamOf(streams, end) : undefined;
  if (stream?.told === true) return "told";
  const isSuccess = comparison === "success" && result >= 0 && now >= 0;
  if (result !== now && !isSuccess) {
    if (stream !== undefined) stream.told = true;
    return differ("result", operation, stream, describeResult(result), describeResult(now));
  }
  const brings = direction === "read" && result >= 0 && comparison !== "success";
  if (brings && checksum !== undefined && checksum !== outcome.checksum) {
    if (stream !== undefined) stream.told = true;
    return differ("bytes", operation, stream, crc(checksum), crc(outcome.checksum));
  }
  if (stream !== undefined) stream.bytes += result;
  return undefined;
}

function differ(
  kind: DifferenceClass,
  operation: LoggedOperation,
  stream: Stream | undefined,
  recorded: string,
  now: string,
): OntoDifference {
  const { end, number } = operation;
  const behind = stream === undefined ? "" : ` behind byte ${stream.bytes}`;
  const what = `${describe(operation)}${behind}`;
  return { class: kind, operation: number, end: end.label, what, recorded, now };
}

function streamOf(streams: Map<LoggedEnd, Stream>, end: LoggedEnd): Stream {
  const known = streams.get(end);
  if (known !== undefined) return known;
  const made = { bytes: 0, told: false };
  streams.set(end, made);
  return made;
}

/** Whether an operation brought bytes that nobody can tell: one with queued buffers. */
function isUnknown({ checksum, direction, result }: LoggedOperation): boolean {
  return direction === "read" && result > 0 && checksum === undefined;
}

const crc = (checksum: number): string => `crc-32 ${checksum.toString(16).padStart(8, "0")}`;

function placeOf({ offset, positioned }: LoggedOperation): string {
  return positioned || offset !== 0 ? ` at ${offset}` : "";
}

function describe(operation: LoggedOperation): string {
  const { argument, direction, length, name } = operation;
  const size = direction === "none" ? "" : ` ${length} bytes`;
  const number = argument === 0 ? "" : ` (argument ${argument})`;
  return `${name}${size}${placeOf(operation)}${number}`;
}

/** From the first entry's beginning to the last one's end, as recorded. */
function spanOf({ entries }: OperationLog): number {
  const first = entries[0];
  if (first === undefined) return 0;
  let last = first.startNs;
  for (const entry of entries) {
    if (entry.what !== "cancel" && entry.endNs > last) last = entry.endNs;
  }
  return last - first.startNs;
}

const rate = (count: number, ns: number): number => (ns === 0 ? 0 : (count * NS_PER_S) / ns);

function percentiles(values: readonly number[]): Percentiles {
  const sorted = Float64Array.from(values).sort();
  const at = (part: number): number => sorted[Math.ceil(part * sorted.length) - 1] ?? 0;
  return { p50: at(0.5), p99: at(0.99), max: at(1) };
}
