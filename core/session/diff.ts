/**
 * Compares two recordings of the same program: where they part first, and how, judged like a replay
 * that differs. What follows after that is another story in each, so it is not compared.
 */
import { ReelError } from "../errors.ts";
import { DivergenceError } from "./divergence.ts";
import type { DivergenceReport } from "./divergence.ts";
import { EVENT, toSessionEvent } from "./event.ts";
import type { EventRecord } from "./event.ts";
import { DifferenceJudge } from "./judge.ts";
import type { JudgeOptions } from "./recorded.ts";
import type { Recording } from "./recording.ts";

/** How two recordings compare. */
export interface SessionDifference {
  /** What differs in the headers, as `name: first -> second`: it explains and does not count. */
  readonly header: readonly string[];
  /** Events that are the same in both, from the first on. */
  readonly agreeing: number;
  /** The first difference, seen from the first recording; undefined for equal sessions. */
  readonly report: DivergenceReport | undefined;
}

/**
 * @param first what counts as recorded
 * @param second what is compared with it
 * @param operation names the operations of providers, for the report
 * @throws {ReelError} ERR_CORRUPT_RECORDING where one of them is damaged
 */
export function diffSessions(
  first: Recording,
  second: Recording,
  operation?: JudgeOptions["operation"],
): SessionDifference {
  const header = compareHeaders(first, second);
  if (first.digest === second.digest && first.eventCount === second.eventCount) {
    return { header, agreeing: first.eventCount, report: undefined };
  }
  const begin = agreeingSegments(first, second);
  const cursor = first.cursorAt(begin);
  const actual = second.cursorAt(begin);
  const judge = new DifferenceJudge(first, cursor, { callSites: false, operation });
  try {
    while (sameEvent(cursor.peek(), actual.peek())) {
      if (cursor.peek() === undefined)
        return { header, agreeing: cursor.sequence, report: undefined };
      cursor.advance();
      actual.advance();
    }
    for (let next = actual.peek(); next !== undefined; next = actual.peek()) {
      judge.differ(toSessionEvent(next));
      actual.advance();
    }
    // The second one ends where the first goes on.
    judge.ended();
  } catch (error) {
    if (!(error instanceof DivergenceError)) throw error;
    return { header, agreeing: error.report.sequence, report: error.report };
  }
  throw new ReelError("ERR_STORE", "Cannot compare the recordings: their digests differ only");
}

/** The number of the first event that equal segments at the beginning do not settle. */
function agreeingSegments(first: Recording, second: Recording): number {
  let begin = 0;
  // A recording that is being made has segments by now that it had not when it was opened.
  const end = Math.min(first.eventCount, second.eventCount);
  for (;;) {
    const left = first.source.segmentAt(begin);
    const right = second.source.segmentAt(begin);
    if (left?.firstSequence !== begin || right?.firstSequence !== begin) return begin;
    if (!Bun.deepEquals(left.chain, right.chain) || begin + left.eventCount > end) return begin;
    begin += left.eventCount;
  }
}

function sameEvent(left: EventRecord | undefined, right: EventRecord | undefined): boolean {
  if (left === undefined || right === undefined) return left === right;
  if (left.kind !== right.kind) return false;
  if (left.kind === EVENT.COMPLETE && (left.slot !== right.slot || left.result !== right.result)) {
    return false;
  }
  return Bun.deepEquals(toSessionEvent(left), toSessionEvent(right));
}

function compareHeaders({ info: left }: Recording, { info: right }: Recording): string[] {
  const lines: string[] = [];
  const compare = (name: string, a: unknown, b: unknown): void => {
    if (!Bun.deepEquals(a, b)) lines.push(`${name}: ${shown(a)} -> ${shown(b)}`);
  };
  compare("backend", left.backend, right.backend);
  compare("seed", left.seed, right.seed);
  compare("outcome", left.outcome, right.outcome);
  compare("ioreel", left.versions.ioreel, right.versions.ioreel);
  compare("Bun", left.versions.bun, right.versions.bun);
  const providers = new Set([...left.providers, ...right.providers].map(({ kind }) => kind));
  for (const kind of providers) {
    const [a, b] = [left, right].map((info) => info.providers.find((each) => each.kind === kind));
    compare(`provider ${kind}`, a?.version, b?.version);
    compare(`settings of ${kind}`, a?.config, b?.config);
  }
  return lines;
}

const VALUE_CHARACTERS = 60;

function shown(value: unknown): string {
  const text = typeof value === "string" ? value : (JSON.stringify(value) ?? "none");
  return text.length <= VALUE_CHARACTERS ? text : `${text.slice(0, VALUE_CHARACTERS - 3)}...`;
}
