/** The steps that wait, hold, start and end things: everything but moving and comparing bytes. */
import { listed } from "./issue.ts";
import type { ScenarioRun } from "./scenario-run.ts";
import type { TaskRun } from "./task-run.ts";
import { formatDuration, plural } from "./units.ts";

/** A timer's read brings a 64-bit count. */
const COUNT_BYTES = 8;

/** More tasks than that are counted instead of named. */
const NAMED_MAX = 4;

export async function close(run: ScenarioRun, step: { ends: readonly string[] }): Promise<string> {
  for (const end of step.ends) await run.end(end).close();
  return `closed ${listed(step.ends)}`;
}

export async function sleep(run: ScenarioRun, step: { durationNs: number }): Promise<string> {
  await run.io.sleep(step.durationNs);
  return `slept ${formatDuration(step.durationNs)}`;
}

export async function tick(
  run: ScenarioRun,
  step: { of: string; count: number; delayNs: number },
): Promise<string> {
  const timer = run.end(step.of);
  let ticks = 0;
  for (let i = 0; i < step.count; i++) {
    const count = await timer.read(COUNT_BYTES, { offset: step.delayNs });
    ticks += Number(new DataView(count.buffer, count.byteOffset).getBigUint64(0, true));
  }
  const name = step.of.split(".", 1)[0];
  return `saw ${plural(ticks, "tick")} of ${name}`;
}

export async function join(run: ScenarioRun, step: { tasks: readonly string[] }): Promise<string> {
  const ends: string[] = [];
  for (const name of step.tasks) {
    const task = run.task(name, "join");
    await task.end.wait();
    ends.push(task.outcome === "completed" ? task.name : `${task.name} (${task.outcome})`);
  }
  if (ends.length > NAMED_MAX) return `joined ${plural(ends.length, "task")}`;
  return `joined ${listed(ends)}`;
}

export async function cancel(run: ScenarioRun, step: { task: string }): Promise<string> {
  const task = run.task(step.task, "cancel");
  const late = task.outcome !== undefined;
  await task.handle!.cancel();
  // A task that was cancelled before its first turn had no chance to say so.
  task.finish("cancelled", run.io.now());
  return late ? `cancelled ${task.name} too late: it had ended` : `cancelled ${task.name}`;
}

/** @param task the one that spawns */
export function spawn(
  run: ScenarioRun,
  step: { task: string; as?: string },
  body: (task: TaskRun) => Promise<void>,
): string {
  const started = run.start(step.task, step.as ?? step.task, body);
  return started.name === step.task
    ? `spawned ${step.task}`
    : `spawned ${step.task} as ${started.name}`;
}
