/** How a runtime ends: tasks first, then what is in flight, then what is open, then the drivers. */
import type { RuntimeCore } from "./core.ts";

/**
 * Cancels and awaits everything, unless the run was halted: then nothing can be driven any more,
 * and closing the backend reaps what the kernel still has.
 */
export async function endEverything(core: RuntimeCore): Promise<void> {
  const { engine, executor, opening, pump } = core;
  const { counters, ends, providers } = engine.state;
  if (!pump.halted) {
    for (const task of executor.live()) task.requestCancel();
    pump.blockUntil(() => !executor.hasReady() && !engine.hasWork());
    // In flight first, ends second: closing one end of a pipe would complete a read on the other.
    engine.cancelAll();
    pump.blockUntil(() => counters.started === counters.settled && !engine.hasWork());
    const closings = [...ends.all()].map((end) => opening.close(ends.handleOf(end)));
    pump.blockUntil(() => ends.used === 0);
    await Promise.allSettled(closings);
  }
  for (const { driver } of providers) driver.close?.();
}
