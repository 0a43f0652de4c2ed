/** Runs a recorded scenario on the runtime of a replay, for what the replay finds. */
import type { Runtime } from "../index.ts";
import type { RecordedScenario } from "./recorded-scenario.ts";
import { runScenario } from "./scenario/run-scenario.ts";

/**
 * Runs it and closes the runtime.
 * @returns what the run failed with first, if it did: the recorded run may have failed like that
 */
export async function runAgain(io: Runtime, recorded: RecordedScenario): Promise<unknown> {
  const { inputs, scenario } = recorded;
  let failed: unknown;
  try {
    await runScenario(io, scenario, { inputs, onEvent() {} });
  } catch (error) {
    failed = error;
  }
  await io.close().catch((error: unknown) => (failed ??= error));
  return failed;
}
