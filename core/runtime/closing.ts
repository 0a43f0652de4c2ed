/** How a runtime ends: tasks first, then what is in flight, then what is open, then the drivers. */
import type { RuntimeCore } from "./core.ts";
import type { Session } from "./session.ts";

/** How often cleanup of cancelled tasks may start new operations before it is not waited for. */
const CLEANUP_ROUNDS = 64;

/**
 * Cancels and awaits everything, unless the run was halted: then nothing can be driven any more,
 * and closing the backend reaps what the kernel still has.
 * @throws what closing an end or a driver has thrown, once all of them are closed; an
 *   AggregateError when several have. Nothing once the run is halted, or is a replay that is over:
 *   whoever ran it has been told.
 */
export async function endEverything(
  core: RuntimeCore,
  session: Session | undefined,
): Promise<void> {
  const failures: unknown[] = [];
  const { engine, executor, opening, pump } = core;
  const { ends, providers } = engine.state;
  if (!pump.halted) {
    const quiet = (): boolean =>
      !executor.hasReady() && !executor.hasHostReady() && !engine.hasWork();
    endTasks(core, quiet);
    // In flight first, ends second: closing one end of a pipe would complete a read on the other.
    engine.cancelAll();
    pump.blockUntil(() => !inFlight(core) && engine.services.live === 0 && quiet());
    const fail = (error: unknown): void => void failures.push(error);
    const closings = [...ends.all()].map((end) => opening.close(ends.handleOf(end)).catch(fail));
    pump.blockUntil(() => ends.used === 0);
    await Promise.all(closings);
    // Whoever still waits for a run or an operation hears of its end before the driver stops.
    pump.blockUntil(quiet);
  }
  for (const { driver } of providers) {
    try {
      driver.close?.();
    } catch (error) {
      failures.push(error);
    }
  }
  if (pump.halted) return;
  engine.closeGroups();
  if (failures.length > 0 && session?.isOver !== true) throw failureOf(failures);
}

function failureOf(failures: readonly unknown[]): unknown {
  if (failures.length === 1) return failures[0];
  const first = failures[0] instanceof Error ? failures[0].message : String(failures[0]);
  const text = `Cannot close everything well: ${failures.length} failures, first: ${first}`;
  return new AggregateError(failures, text);
}

/**
 * Cancels the tasks and drives their cleanup. Their operations are cancelled, also new ones, so
 * that only time is waited for. A task that waits for a promise from outside is left to itself.
 */
function endTasks(core: RuntimeCore, quiet: () => boolean): void {
  const { engine, executor, pump } = core;
  for (const task of executor.live()) task.requestCancel();
  for (let round = 0; round < CLEANUP_ROUNDS; round++) {
    pump.blockUntil(quiet);
    if (!waiting(core)) return;
    engine.cancelOperations();
    const moved = pump.blockUntil(() => quiet() && (!waiting(core) || inFlight(core)));
    if (!moved) return;
  }
}

function waiting({ executor }: RuntimeCore): boolean {
  for (const task of executor.live()) if (task.hasPending) return true;
  return false;
}

/** Whether an operation of the program is in flight: services never end by themselves. */
function inFlight({ engine }: RuntimeCore): boolean {
  const { started, settled } = engine.state.counters;
  return started - settled > engine.services.live;
}
