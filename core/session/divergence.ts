/**
 * The end of a replay that is not what was recorded: an error that carries a report, and the
 * report's text. The same data serve people, programs (as JSON) and tests.
 */
import { ReelError } from "../errors.ts";

/**
 * In what a run can differ from its recording.
 * - `input-missing`: the program waits for something that the recording does not bring
 * - `extra`: the program did something that is not in the recording
 * - `missing`: the program did not do what the recording holds
 * - `operation`: it did something else in its place
 * - `arguments`: the same operation with other arguments
 * - `payload`: the same operation with other bytes
 * - `order`: the same operations in another order
 * - `result`: the same operation came to another result, or the world behaved otherwise
 * - `progress`: the same event at another point of the program's progress
 * - `state`: every operation is the same, and the engine's or a provider's state is another
 * - `record-ends`: the recording was cut off here and agrees up to its end
 */
export type DifferenceKind =
  | "input-missing"
  | "extra"
  | "missing"
  | "operation"
  | "arguments"
  | "payload"
  | "order"
  | "result"
  | "progress"
  | "state"
  | "record-ends";

/** One field of the event at which the runs part, as text. */
export interface FieldDifference {
  readonly field: string;
  readonly recorded: string;
  readonly actual: string;
  readonly differs: boolean;
}

export interface AgreeingState {
  /** Number of its event. */
  readonly sequence: number;
  /** How many parts it has: four of the engine, one a provider. */
  readonly parts: number;
}

export interface DivergenceReport {
  readonly difference: DifferenceKind;
  /** One sentence. */
  readonly summary: string;
  /** Number of the event, from 0. */
  readonly sequence: number;
  /** Number of the operation, from 1, where the event belongs to one. */
  readonly operation: number | undefined;
  /** Kind of the provider, where the event names one. */
  readonly provider: string | undefined;
  readonly opcode: string | undefined;
  /** The first field that differs, with its two values. */
  readonly field: string | undefined;
  readonly recorded: string | undefined;
  readonly actual: string | undefined;
  readonly fields: readonly FieldDifference[];
  /** The two events as text; undefined where one side has none. */
  readonly recordedEvent: string | undefined;
  readonly actualEvent: string | undefined;
  /** The session's clock and the program's task resumptions where the runs part. */
  readonly timeNs: number;
  readonly steps: number;
  readonly lastAgreeing: { readonly sequence: number; readonly event: string } | undefined;
  /** Up to twenty events before it, oldest first, each with its number. */
  readonly previous: readonly string[];
  /** The recorded events from the difference on, up to five, each with its number. */
  readonly following: readonly string[];
  /** The last check of the engine's state, which agreed. */
  readonly lastState: AgreeingState | undefined;
  /** Versions that are others than when it was recorded, as lines: the first suspects. */
  readonly versionSkew: readonly string[];
  /** Where in the program the differing call was made, when it was one. */
  readonly callSite: string | undefined;
  /** The command that reproduces it, when the caller gave one. */
  readonly reproduce: string | undefined;
}

/** Raised at the first difference between a run and its recording. */
export class DivergenceError extends ReelError {
  readonly report: DivergenceReport;

  constructor(report: DivergenceReport) {
    super("ERR_DIVERGED", `Replay diverged at event ${report.sequence}: ${report.summary}`, {
      mend: MENDS[report.difference],
      details: { report },
    });
    this.name = "DivergenceError";
    this.report = report;
  }
}

const SAME_PROGRAM = "Replay with the program, options and input files of the recording";
const MENDS: Record<DifferenceKind, string> = {
  "input-missing": SAME_PROGRAM,
  extra: SAME_PROGRAM,
  missing: SAME_PROGRAM,
  operation: SAME_PROGRAM,
  arguments: SAME_PROGRAM,
  payload: SAME_PROGRAM,
  order:
    "Look for tasks whose order depends on something outside the session, such as a host timer",
  result: "Replay with the provider versions of the recording",
  progress: "Look for awaits on something outside the session, such as a host timer or fetch",
  state: "Look for state of a provider that depends on something outside the session",
  "record-ends": "Nothing to mend: the recording was interrupted here and agrees up to its end",
};

/** The whole report is shorter than this, so that it can always be printed and mailed. */
export const REPORT_BYTES_MAX = 65536;
const VALUE_CHARACTERS = 200;
const LINE_CHARACTERS = 400;

const cut = (text: string, length: number): string =>
  text.length <= length ? text : `${text.slice(0, length - 3)}...`;

function fieldTable(fields: readonly FieldDifference[]): string[] {
  if (fields.length === 0) return [];
  const rows = [["field", "recorded", "replayed"]];
  for (const { field, recorded, actual } of fields) {
    rows.push([field, cut(recorded, VALUE_CHARACTERS), cut(actual, VALUE_CHARACTERS)]);
  }
  const widths = [0, 1].map((column) => Math.max(...rows.map((row) => row[column]!.length)));
  const first = fields.findIndex(({ differs }) => differs);
  return rows.map(([field, recorded, actual], row) => {
    const mark = first >= 0 && row === first + 1 ? "   <- first difference" : "";
    return `  ${field!.padEnd(widths[0]!)}  ${recorded!.padEnd(widths[1]!)}  ${actual}${mark}`;
  });
}

/**
 * The report as text, at most {@link REPORT_BYTES_MAX} bytes, without a final newline.
 */
export function formatDivergence(report: DivergenceReport): string {
  const where: string[] = [];
  if (report.operation !== undefined) where.push(`op #${report.operation}`);
  if (report.provider !== undefined) where.push(report.provider);
  if (report.opcode !== undefined) where.push(report.opcode);
  const place = where.length === 0 ? "" : ` (${where.join(", ")})`;
  const lines = [
    `DIVERGENCE at event ${report.sequence}${place}: ${report.summary}`,
    `  class     ${report.difference}`,
    `  recorded  ${cut(report.recordedEvent ?? "nothing", LINE_CHARACTERS)}`,
    `  replayed  ${cut(report.actualEvent ?? "nothing", LINE_CHARACTERS)}`,
    `  at        ${report.timeNs} ns, ${report.steps} steps`,
    ...fieldTable(report.fields),
  ];
  if (report.lastAgreeing !== undefined) {
    const { sequence, event } = report.lastAgreeing;
    lines.push(`  last agreeing event: ${sequence} ${cut(event, LINE_CHARACTERS)}`);
  }
  if (report.lastState !== undefined) {
    const { parts, sequence } = report.lastState;
    lines.push(`  last agreeing state: event ${sequence}, ${parts} parts`);
  }
  if (report.callSite !== undefined)
    lines.push(`  called from: ${cut(report.callSite, LINE_CHARACTERS)}`);
  if (report.previous.length > 0) {
    lines.push(`  previous ${report.previous.length} events:`);
    for (const line of report.previous) lines.push(`    ${cut(line, LINE_CHARACTERS)}`);
  }
  if (report.following.length > 0) {
    lines.push(`  recorded from here on:`);
    for (const line of report.following) lines.push(`    ${cut(line, LINE_CHARACTERS)}`);
  }
  if (report.versionSkew.length > 0) {
    lines.push(`  other versions than recorded: ${cut(report.versionSkew.join(", "), 1000)}`);
  }
  lines.push(`  mend: ${MENDS[report.difference]}`);
  if (report.reproduce !== undefined)
    lines.push(`  repro: ${cut(report.reproduce, LINE_CHARACTERS)}`);
  return lines.join("\n");
}
