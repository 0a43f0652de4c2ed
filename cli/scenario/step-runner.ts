/** Carries out the steps of a task, one after the other, and says how the task ended. */
import { OutOfRangeError, ReelError } from "../../core/errors.ts";
import { checksum, compare } from "./check-steps.ts";
import { accept, connect, end } from "./connection-steps.ts";
import { discard, eject, flush, insert } from "./disk-steps.ts";
import { changeNetwork } from "./network-step.ts";
import { cancel, close, join, sleep, spawn, tick } from "./flow-steps.ts";
import type { ResolvedStep } from "./resolved.ts";
import type { ScenarioRun } from "./scenario-run.ts";
import { reportError, type TaskRun } from "./task-run.ts";
import { copy, read, write } from "./transfer-steps.ts";
import { formatSize } from "./units.ts";

const STEPS_BETWEEN_YIELDS = 64;

/** Starts a task of the scenario. */
export function startTask(run: ScenarioRun, task: string): TaskRun {
  return run.start(task, run.scenario.tasks[task]!, (started) => runTask(run, started));
}

/** The body of a task: only its cancellation leaves it as an error. */
async function runTask(run: ScenarioRun, task: TaskRun): Promise<void> {
  const { io } = run;
  run.tell(task.name, "start", "started");
  try {
    await runOwnSteps(run, task);
    const { read: taken, written } = task;
    const moved = `read ${formatSize(taken.sizeBytes)}, wrote ${formatSize(written.sizeBytes)}`;
    run.tell(task.name, "end", `completed: ${moved}`);
    task.finish("completed", io.now());
  } catch (thrown) {
    const error = failureOf(thrown);
    if (!(error instanceof ReelError)) {
      // No failure of the scenario, but of the interpreter or a provider: nothing may hide it.
      task.finish("failed", io.now());
      throw error;
    }
    if (error.code === "ERR_CANCELLED" && task.handle!.task.cancelRequested) {
      run.tell(task.name, "end", "was cancelled");
      task.finish("cancelled", io.now());
      throw error;
    }
    const { code, message } = reportError(error);
    run.tell(task.name, "fail", `failed: ${message}`);
    task.finish("failed", io.now(), error);
    if (!isExpected(run, task, code)) run.fail(error);
  }
}

/** A place that a disk does not have is the scenario's mistake: a failure with its code. */
function failureOf(thrown: unknown): unknown {
  if (!(thrown instanceof OutOfRangeError)) return thrown;
  const { code, message, mend, details } = thrown;
  return new ReelError(code, message, { mend, details, cause: thrown });
}

function isExpected(run: ScenarioRun, task: TaskRun, code: string): boolean {
  const { tasks } = run.scenario.expect;
  const base = task.name.split("#", 1)[0]!;
  const expected = Object.hasOwn(tasks, base) ? tasks[base] : undefined;
  return expected?.outcome === "failed" && (expected.error ?? code) === code;
}

/** The steps of a task. Its connections are closed whatever way they end. */
async function runOwnSteps(run: ScenarioRun, task: TaskRun): Promise<void> {
  try {
    await runSteps(run, task, task.steps);
  } finally {
    await task.closeConnections();
  }
}

async function runSteps(
  run: ScenarioRun,
  task: TaskRun,
  steps: readonly ResolvedStep[],
): Promise<void> {
  for (const step of steps) {
    task.checkpoint();
    // Steps that never wait would keep everybody else from their turn, Ctrl-C included.
    if (++task.stepsRun % STEPS_BETWEEN_YIELDS === 0) await run.io.yieldNow();
    if ("with" in step) await holding(run, task, step.with);
    else if ("repeat" in step) {
      for (let i = 0; i < step.repeat.times; i++) await runSteps(run, task, step.repeat.do);
    } else if ("mark" in step) {
      run.io.mark(step.mark.text);
      run.tell(task.name, "mark", step.mark.text);
    } else {
      const startNs = run.io.now();
      run.tell(task.name, "step", await runStep(run, task, step), startNs);
    }
  }
}

type Blocks = { with: unknown } | { repeat: unknown } | { mark: unknown };
type PlainStep = Exclude<ResolvedStep, Blocks>;

/** @returns what happened, as one line */
async function runStep(run: ScenarioRun, task: TaskRun, step: PlainStep): Promise<string> {
  if ("write" in step) return write(run, task, step.write);
  if ("read" in step) return read(run, task, step.read);
  if ("copy" in step) return copy(run, task, step.copy);
  if ("flush" in step) return flush(run, task, step.flush);
  if ("discard" in step) return discard(run, task, step.discard);
  if ("eject" in step) return eject(run, task, step.eject);
  if ("insert" in step) return insert(run, task, step.insert);
  if ("close" in step) return close(run, task, step.close);
  if ("end" in step) return end(run, task, step.end);
  if ("connect" in step) return connect(run, task, step.connect);
  if ("network" in step) return changeNetwork(run, step.network);
  if ("sleep" in step) return sleep(run, step.sleep);
  if ("tick" in step) return tick(run, task, step.tick);
  if ("checksum" in step) return checksum(run, step.checksum);
  if ("compare" in step) return compare(run, step.compare);
  if ("join" in step) return join(run, step.join);
  if ("cancel" in step) return cancel(run, step.cancel);
  const body = (started: TaskRun): Promise<void> => runTask(run, started);
  if ("accept" in step) return accept(run, task, step.accept, body);
  return spawn(run, task, step.spawn, body);
}

/** The steps inside a lock. It is given back whatever way they end. */
async function holding(
  run: ScenarioRun,
  task: TaskRun,
  block: { lock: string; do: readonly ResolvedStep[] },
): Promise<void> {
  const startNs = run.io.now();
  using _held = await run.locks.get(block.lock)!.lock();
  run.tell(task.name, "step", `took the lock ${block.lock}`, startNs);
  await runSteps(run, task, block.do);
  run.tell(task.name, "step", `gave back the lock ${block.lock}`);
}
