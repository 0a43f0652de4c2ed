/** Holds what happened against what the scenario expects. */
import { isReelError } from "../../core/errors.ts";
import { firstDifference, shortChecksum } from "./check-steps.ts";
import type { ExpectationReport, RunOutcome, TaskReport } from "./report.ts";
import type { ResolvedTaskExpectation } from "./resolved.ts";
import type { ScenarioRun } from "./scenario-run.ts";
import { formatDuration, formatSize } from "./units.ts";

const OUTCOMES = {
  completed: "the run completes",
  failed: "a task fails, and ends the run",
  deadlock: "the run comes to a deadlock",
} as const;

const TASK_OUTCOMES = {
  completed: "completes",
  failed: "fails",
  cancelled: "is cancelled",
} as const;

export function checkExpectations(
  run: ScenarioRun,
  outcome: RunOutcome,
  durationNs: number,
  tasks: readonly TaskReport[],
): ExpectationReport[] {
  const { expect } = run.scenario;
  const found = [compared(OUTCOMES[expect.outcome], outcome, expect.outcome)];
  found.push(...durations(expect, durationNs));
  for (const [name, wanted] of Object.entries(expect.tasks)) {
    found.push(
      ...taskExpectations(
        name,
        wanted,
        tasks.find((task) => task.name === name),
      ),
    );
  }
  for (const group of expect.sameBytes) found.push(sameBytes(run, group));
  return found;
}

function compared(text: string, found: string, wanted: string): ExpectationReport {
  return { text, holds: found === wanted, found, wanted };
}

function durations(
  expect: { durationNsMin?: number; durationNsMax?: number },
  durationNs: number,
): ExpectationReport[] {
  const { durationNsMin, durationNsMax } = expect;
  const found = formatDuration(durationNs);
  const list: ExpectationReport[] = [];
  if (durationNsMin !== undefined) {
    const wanted = `at least ${formatDuration(durationNsMin)}`;
    const holds = durationNs >= durationNsMin;
    list.push({ text: `the run takes ${wanted}`, holds, found, wanted });
  }
  if (durationNsMax !== undefined) {
    const wanted = `at most ${formatDuration(durationNsMax)}`;
    const holds = durationNs <= durationNsMax;
    list.push({ text: `the run takes ${wanted}`, holds, found, wanted });
  }
  return list;
}

function taskExpectations(
  name: string,
  wanted: ResolvedTaskExpectation,
  task: TaskReport | undefined,
): ExpectationReport[] {
  const { outcome, error, bytesRead, bytesWritten } = wanted;
  const list: ExpectationReport[] = [];
  const add = (text: string, found: string | undefined, value: string | undefined): void => {
    if (value !== undefined) list.push(compared(`${name} ${text}`, found ?? "not started", value));
  };
  const size = (bytes: number | undefined): string | undefined =>
    bytes === undefined ? undefined : `${bytes} B`;
  if (outcome !== undefined) add(TASK_OUTCOMES[outcome], task?.outcome, outcome);
  add(`fails with ${error}`, task === undefined ? undefined : (task.error?.code ?? "none"), error);
  add(`reads ${formatSize(bytesRead ?? 0)}`, size(task?.bytesRead), size(bytesRead));
  add(`writes ${formatSize(bytesWritten ?? 0)}`, size(task?.bytesWritten), size(bytesWritten));
  return list;
}

function sameBytes(run: ScenarioRun, group: readonly string[]): ExpectationReport {
  const text = `${group.slice(0, -1).join(", ")} and ${group.at(-1)} are the same bytes`;
  const wanted = "the same bytes";
  try {
    const difference = firstDifference(run, group);
    if (difference !== undefined) return { text, holds: false, found: difference, wanted };
    const { sizeBytes, checksum } = run.summary(group[0]!);
    const found = `${formatSize(sizeBytes)}, sha256 ${shortChecksum(checksum)}`;
    return { text, holds: true, found, wanted };
  } catch (error) {
    if (!isReelError(error)) throw error;
    return { text, holds: false, found: error.message, wanted };
  }
}
