/**
 * Runs a scenario on a runtime. Everything that waits, waits through the runtime, so the same
 * scenario, inputs and seed come to the same run, recorded, replayed or neither.
 */
import { isReelError } from "../../core/errors.ts";
import { Value } from "../../core/schema.ts";
import type { OpenEnd } from "../../core/runtime/open-end.ts";
import type { Runtime } from "../../index.ts";
import { BUILT_IN_PROVIDERS, type BuiltInProvider } from "../../providers/index.ts";
import { checkExpectations } from "./expectations.ts";
import type { DeviceReport, RunOutcome, ScenarioEvent, ScenarioReport } from "./report.ts";
import { spawnedTasks, type ResolvedDevice, type ResolvedScenario } from "./resolved.ts";
import { ScenarioRun } from "./scenario-run.ts";
import { changesNetwork, openNetwork } from "./network-step.ts";
import { startTask } from "./step-runner.ts";
import { reportError } from "./task-run.ts";
import { formatDuration, formatSize } from "./units.ts";

export interface RunScenarioOptions {
  /** The content of every input of the scenario. */
  readonly inputs: ReadonlyMap<string, Uint8Array>;
  /** Hears of what happens, in the order in which it does. Must not call the runtime. */
  onEvent?(event: ScenarioEvent): void;
}

/**
 * Runs a scenario to its end.
 * @param io a runtime with the providers that the scenario's devices are of; it stays open
 * @returns what happened, also when tasks failed, the run came to a deadlock, or was interrupted
 * @throws {ReelError} ERR_DIVERGED in a replay; what else keeps the runtime from going on
 */
export async function runScenario(
  io: Runtime,
  scenario: ResolvedScenario,
  options: RunScenarioOptions,
): Promise<ScenarioReport> {
  const run = new ScenarioRun(io, scenario, options.inputs, options.onEvent ?? (() => {}));
  let outcome: RunOutcome = "completed";
  try {
    await io.run(() => main(run));
  } catch (error) {
    if (isReelError(error, "ERR_DEADLOCK")) outcome = "deadlock";
    else if (isReelError(error, "ERR_INTERRUPTED")) outcome = "interrupted";
    else throw error;
    run.failure ??= error;
  }
  if (outcome === "completed" && run.failure !== undefined) outcome = "failed";
  const durationNs = run.endNs - run.startNs;
  const tasks = run.tasks.map((task) => task.report());
  const expectations =
    outcome === "interrupted" ? [] : checkExpectations(run, outcome, durationNs, tasks);
  return {
    scenario: scenario.name,
    outcome,
    error: run.failure === undefined ? null : reportError(run.failure),
    durationNs,
    tasks,
    devices: run.devices,
    expectations,
    holds: outcome !== "interrupted" && expectations.every(({ holds }) => holds),
  };
}

async function main(run: ScenarioRun): Promise<void> {
  const { io, scenario } = run;
  run.startNs = io.now();
  try {
    await openDevices(run);
    const spawned = spawnedTasks(scenario);
    for (const task of Object.keys(scenario.tasks)) {
      if (!spawned.has(task)) startTask(run, task);
    }
    // Tasks start tasks: the list grows while it is walked.
    for (const task of run.tasks) {
      await task.handle!.join().catch((error: unknown) => passOn(task.handle!.finished, error));
      task.finish("cancelled", io.now());
    }
  } catch (error) {
    if (isReelError(error, "ERR_CANCELLED")) throw error;
    if (!isReelError(error)) throw error;
    run.failure ??= error;
  } finally {
    await endTasks(run);
    await run.network?.[Symbol.asyncDispose]();
    run.devices = countDevices(run);
    for (const end of [...run.ends.values()].toReversed()) {
      await end.close().catch((error: unknown) => failToClose(run, error));
    }
    run.endNs = io.now();
  }
}

/** Closing is where a disk hears that its image has no room: the others are closed all the same. */
function failToClose(run: ScenarioRun, error: unknown): void {
  if (!isReelError(error) || isReelError(error, "ERR_CANCELLED")) throw error;
  run.failure ??= error;
}

/** What the devices have done, of those that count. */
function countDevices({ ends, scenario }: ScenarioRun): DeviceReport[] {
  return Object.entries(scenario.devices).flatMap(([name, { kind }]) => {
    const end = [...ends].find(([key]) => key.startsWith(`${name}.`))?.[1];
    const statistics = end?.statistics();
    return statistics === undefined ? [] : [{ name, kind, statistics }];
  });
}

/** A task's own cancellation is no news; this one's is, and what nobody expects. */
function passOn(finished: boolean, error: unknown): void {
  if (!finished || !isReelError(error, "ERR_CANCELLED")) throw error;
}

/** After the run was stopped: sees to it that every task has ended. */
async function endTasks(run: ScenarioRun): Promise<void> {
  for (const task of run.tasks) {
    if (!task.handle!.finished) await task.handle!.cancel();
    task.finish("cancelled", run.io.now());
    // One that was cancelled before its first turn had no chance to.
    await task.closeConnections();
  }
}

async function openDevices(run: ScenarioRun): Promise<void> {
  const { ends, io, scenario } = run;
  if (changesNetwork(scenario)) run.network = await openNetwork(io);
  for (const [name, device] of Object.entries(scenario.devices)) {
    const { kind, ...options } = device;
    // The options were checked against the schema of their kind.
    const opened = await io.open(kind as BuiltInProvider["kind"], options as object);
    for (const end of endsOf(opened)) ends.set(`${name}.${end.name}`, end);
    run.tell("", "open", `opened ${name}: ${describeDevice(device)}`);
  }
}

/** One end, or several by name beside `close`. */
function endsOf(opened: object): OpenEnd[] {
  if ("handle" in opened) return [opened as OpenEnd];
  return Object.values(opened).filter((value): value is OpenEnd => typeof value === "object");
}

/** The kind, and the options that are not the provider's defaults. */
function describeDevice({ kind, ...options }: ResolvedDevice): string {
  const provider = BUILT_IN_PROVIDERS.find((each) => each.kind === kind);
  const filled = provider === undefined ? {} : Value.Default(provider.options, {});
  const defaults = filled as Record<string, unknown>;
  const chosen = Object.entries(options).filter(
    ([key, value]) => !Bun.deepEquals(value, defaults[key]),
  );
  const list = chosen.map(([key, value]) => describeOption(key, value));
  return list.length === 0 ? `a ${kind}` : `a ${kind}, ${list.join(", ")}`;
}

/** Options say their unit at the end of their name. */
function describeOption(key: string, value: unknown): string {
  if (typeof value === "number" && key.endsWith("Bytes")) {
    return `${key.slice(0, -"Bytes".length)} ${formatSize(value)}`;
  }
  if (typeof value === "number" && key.endsWith("Ns")) {
    return `${key.slice(0, -"Ns".length)} ${formatDuration(value)}`;
  }
  return `${key} ${String(value)}`;
}
