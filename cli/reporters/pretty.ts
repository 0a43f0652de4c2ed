/**
 * `ioreel run` for people: a timeline while the run goes on, one line for everything that happens,
 * and a summary at its end.
 */
import { dirname } from "node:path";
import { out, paint } from "../output.ts";
import type { RecordedTo } from "../record-target.ts";
import { shortChecksum } from "../scenario/check-steps.ts";
import { printable } from "../scenario/frame.ts";
import type {
  DeviceReport,
  ExpectationReport,
  ScenarioEvent,
  TaskReport,
} from "../scenario/report.ts";
import { formatDuration, formatSize, plural } from "../scenario/units.ts";
import { tableText, type Column } from "./table.ts";
import type { RunEnd, RunReporter, RunStart } from "./reporter.ts";

/** A timeline longer than this is no longer read; failures and marks are shown all the same. */
const LINES_MAX = 500;
const TIME_WIDTH = 14;
const NAME_WIDTH_MAX = 20;
/** Waits shorter than this are how long computers take, and say nothing. */
const SHOWN_WAIT_NS = 100_000;

export function prettyReporter(options: { quiet: boolean }): RunReporter {
  let nameWidth = 0;
  let lines = 0;
  let hidden = 0;
  return {
    start(run) {
      nameWidth = Math.min(NAME_WIDTH_MAX, Math.max(...Object.keys(run.scenario.tasks).map(width)));
      out(heading(run));
      if (!options.quiet) out("");
    },
    event(event) {
      if (options.quiet) return;
      const told = event.kind === "fail" || event.kind === "mark";
      if (lines >= LINES_MAX && !told) {
        hidden++;
        return;
      }
      lines++;
      out(eventLine(event, nameWidth));
    },
    end(run) {
      if (hidden > 0)
        out(paint("dim", `${" ".repeat(TIME_WIDTH)}  and ${plural(hidden, "line")} more`));
      out(`\n${summary(run)}`);
    },
  };
}

const COLUMNS: readonly Column[] = [
  { head: "task", align: "left" },
  { head: "outcome", align: "left" },
  { head: "time", align: "right" },
  { head: "read", align: "right" },
  { head: "sha256", align: "left" },
  { head: "written", align: "right" },
  { head: "sha256", align: "left" },
];

const width = (text: string): number => Bun.stringWidth(text);

function heading({ backend, clock, rejected, scenario, seed }: RunStart): string {
  const about = scenario.about.trim().split("\n", 1)[0]!;
  const title = paint("bold", printable(scenario.name));
  const lines = [about === "" ? title : `${title}: ${printable(about)}`];
  lines.push(paint("dim", `${backend} backend, ${clock} clock, seed ${seed}`));
  for (const { name, reason } of rejected) {
    lines.push(`${paint("yellow", "!")} not on ${name}: ${reason}`);
  }
  return lines.join("\n");
}

/** The session's clock in milliseconds, to the microsecond: all of a timeline in one unit. */
function clockText(timeNs: number): string {
  return `${(timeNs / 1e6).toFixed(3)} ms`.padStart(TIME_WIDTH);
}

function eventLine(event: ScenarioEvent, nameWidth: number): string {
  const waited = event.timeNs - event.startNs;
  const wait = waited < SHOWN_WAIT_NS ? "" : paint("dim", `  (${formatDuration(waited)})`);
  const name = event.task + " ".repeat(Math.max(0, nameWidth - width(event.task)));
  const text = printable(event.text);
  return `${paint("dim", clockText(event.timeNs))}  ${name}  ${eventText(event.kind, text)}${wait}`;
}

function eventText(kind: ScenarioEvent["kind"], text: string): string {
  if (kind === "fail") return paint("red", text);
  if (kind === "mark") return paint("bold", `* ${text}`);
  if (kind === "end") return paint("green", text);
  return kind === "start" || kind === "open" ? paint("dim", text) : text;
}

function summary(run: RunEnd): string {
  const { counters, digest, recording, report } = run;
  const parts = [tasksTable(report.tasks)];
  if (report.devices.length > 0) parts.push(devicesTable(report.devices));
  if (report.expectations.length > 0) {
    parts.push(report.expectations.map(expectationLine).join("\n"));
  }
  // A failure that is expected; one that is not is told on stderr.
  if (report.holds && report.error !== null) parts.push(paint("dim", report.error.message));
  const colour = report.holds ? "green" : "red";
  const kind = run.clock === "virtual" ? " of virtual time" : "";
  const operations = plural(counters["started"] ?? 0, "operation");
  const took = `${formatDuration(report.durationNs)}${kind}`;
  const lines = [
    `${paint(colour, report.outcome)} after ${took}, ${operations}`,
    `digest ${digest}`,
  ];
  if (recording !== null) {
    lines.push(recordedLine(recording));
  }
  return [...parts, lines.join("\n")].join("\n\n");
}

function recordedLine({ events, id, missingPayloads, path, replaced }: RecordedTo): string {
  const without =
    missingPayloads === undefined ? "" : ` without ${plural(missingPayloads, "payload")}`;
  const what = `recorded ${plural(events, "event")}${without}`;
  if (id !== null) return `${what} as ${paint("bold", id)} in ${dirname(path)}`;
  if (replaced === null) return `${what} to ${path}`;
  const old = replaced === "" ? "a damaged recording" : `the recording of ${replaced}`;
  return `${what} to ${path}, replaced ${old}`;
}

function tasksTable(tasks: readonly TaskReport[]): string {
  const bytes = tasks.some(({ bytesRead, bytesWritten }) => bytesRead + bytesWritten > 0);
  const columns = bytes ? COLUMNS : COLUMNS.slice(0, 3);
  const rows = tasks.map((task) =>
    [
      printable(task.name),
      outcomeText(task),
      formatDuration(task.endNs - task.startNs),
      ...moved(task.bytesRead, task.checksumRead),
      ...moved(task.bytesWritten, task.checksumWritten),
    ].slice(0, columns.length),
  );
  return tableText(columns, rows);
}

/** One line a device; a column for everything that one of them counts. */
function devicesTable(devices: readonly DeviceReport[]): string {
  const keys = [...new Set(devices.flatMap(({ statistics }) => Object.keys(statistics)))];
  const left: Column[] = ["device", "kind"].map((head) => ({ head, align: "left" }));
  const right: Column[] = keys.map((key) => ({ head: headOf(key), align: "right" }));
  const rows = devices.map(({ kind, name, statistics }) => [
    printable(name),
    kind,
    ...keys.map((key) => numberText(key, statistics[key])),
  ]);
  return tableText([...left, ...right], rows);
}

/** "readBytes" is shown as sizes under "read". */
function headOf(key: string): string {
  return key.replace(/(Bytes|Ns)$/, "");
}

function numberText(key: string, value: number | undefined): string {
  if (value === undefined) return paint("dim", "-");
  if (key.endsWith("Bytes")) return formatSize(value);
  return key.endsWith("Ns") ? formatDuration(value) : String(value);
}

function outcomeText({ error, outcome }: TaskReport): string {
  if (outcome === "failed") return paint("red", error === null ? outcome : `failed: ${error.code}`);
  return outcome === "completed" ? paint("green", outcome) : paint("yellow", outcome);
}

function moved(sizeBytes: number, checksum: string | null): string[] {
  return sizeBytes === 0
    ? [paint("dim", "-"), ""]
    : [formatSize(sizeBytes), paint("dim", shortChecksum(checksum ?? ""))];
}

function expectationLine({ found, holds, text, wanted }: ExpectationReport): string {
  if (holds) return `${paint("green", "✓")} ${text}${paint("dim", `: ${found}`)}`;
  return `${paint("red", "✗")} ${text}: found ${found}, wanted ${wanted}`;
}
