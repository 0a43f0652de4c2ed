/** The steps that concern disks beside their bytes: flushing, discarding, changing media. */
import { listed } from "./issue.ts";
import type { ResolvedDiscard, ResolvedInsert } from "./resolved.ts";
import { shownEnd, type ScenarioRun } from "./scenario-run.ts";
import type { TaskRun } from "./task-run.ts";
import { formatSize } from "./units.ts";

/** Each step returns what happened, as one line. */
export async function flush(
  run: ScenarioRun,
  task: TaskRun,
  step: { devices: readonly string[] },
): Promise<string> {
  for (const name of step.devices) await run.end(name, task).perform("flush");
  return `flushed ${listed(step.devices.map(shownEnd))}`;
}

export async function discard(
  run: ScenarioRun,
  task: TaskRun,
  { at, of, sizeBytes }: ResolvedDiscard,
): Promise<string> {
  const end = run.end(of, task);
  await end.perform("discard", undefined, { offset: at, argument: sizeBytes });
  return `discarded ${formatSize(sizeBytes)} of ${shownEnd(of)} from ${formatSize(at)}`;
}

export async function eject(
  run: ScenarioRun,
  task: TaskRun,
  step: { devices: readonly string[] },
): Promise<string> {
  for (const name of step.devices) await run.end(name, task).perform("eject");
  return `ejected the medium of ${listed(step.devices.map(shownEnd))}`;
}

export async function insert(
  run: ScenarioRun,
  task: TaskRun,
  { into, image, readOnly }: ResolvedInsert,
): Promise<string> {
  await run.end(into, task).perform("insert", image, { argument: readOnly ? 1 : 0 });
  return `inserted ${image === "" ? "a blank medium" : image} into ${shownEnd(into)}`;
}
