/** The steps that wait, hold, start and end things: everything but moving and comparing bytes. */
import { listed } from "./issue.ts";
import { shownEnd, type ScenarioRun } from "./scenario-run.ts";
import type { TaskRun } from "./task-run.ts";
import { formatDuration, plural } from "./units.ts";

/** A timer's read brings a 64-bit count. */
const COUNT_BYTES = 8;

/** More tasks than that are counted instead of named. */
const NAMED_MAX = 4;

export async function close(
  run: ScenarioRun,
  task: TaskRun,
  step: { ends: readonly string[] },
): Promise<string> {
  for (const name of step.ends) {
    const device = run.ends.get(name);
    if (device !== undefined) {
      run.closed.add(name);
      await device.close();
      continue;
    }
    const connection = run.connection(name, task);
    connection.closed = true;
    await connection.end.close();
  }
  return `closed ${listed(step.ends.map(shownEnd))}`;
}

export async function sleep(run: ScenarioRun, step: { durationNs: number }): Promise<string> {
  await run.io.sleep(step.durationNs);
  return `slept ${formatDuration(step.durationNs)}`;
}

export async function tick(
  run: ScenarioRun,
  task: TaskRun,
  step: { of: string; count: number; delayNs: number },
): Promise<string> {
  const timer = run.end(step.of, task);
  let ticks = 0;
  for (let i = 0; i < step.count; i++) {
    const count = await timer.read(COUNT_BYTES, { offset: step.delayNs });
    ticks += Number(new DataView(count.buffer, count.byteOffset).getBigUint64(0, true));
  }
  return `saw ${plural(ticks, "tick")} of ${shownEnd(step.of)}`;
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
  task: TaskRun,
  step: { task: string; as?: string },
  body: (task: TaskRun) => Promise<void>,
): string {
  const steps = run.scenario.tasks[step.task]!;
  const started = run.start(step.as ?? step.task, steps, body, task);
  return started.name === step.task
    ? `spawned ${step.task}`
    : `spawned ${step.task} as ${started.name}`;
}
