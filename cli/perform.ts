/** Runs a scenario on a runtime while a reporter is told of it, and says how it came out. */
import type { Runtime } from "../index.ts";
import { onInterrupt } from "./interrupt.ts";
import { libraryId, noteVerdict, type RecordedTo } from "./record-target.ts";
import { jsonReporter } from "./reporters/json.ts";
import { prettyReporter } from "./reporters/pretty.ts";
import type { RunEnd, RunReporter, RunStart } from "./reporters/reporter.ts";
import type { ScenarioReport } from "./scenario/report.ts";
import { runScenario } from "./scenario/run-scenario.ts";

export interface Performed {
  readonly report: ScenarioReport;
  readonly reporter: RunReporter;
}

/**
 * Runs the scenario to its end, or to Ctrl-C, and closes the runtime.
 * @param flags choose the reporter
 * @param before called with the report while the runtime is open; what it gives is called when the
 *   runtime is closed
 * @throws what the run or closing failed with
 */
export async function perform(
  io: Runtime,
  start: RunStart,
  inputs: ReadonlyMap<string, Uint8Array>,
  flags: { readonly json?: boolean; readonly quiet?: boolean },
  before: (report: ScenarioReport) => (() => void) | undefined = () => undefined,
): Promise<Performed> {
  const reporter =
    flags.json === true ? jsonReporter() : prettyReporter({ quiet: flags.quiet === true });
  reporter.start(start);
  const release = onInterrupt(() => io.interrupt());
  let after: (() => void) | undefined;
  try {
    const report = await runScenario(io, start.scenario, {
      inputs,
      onEvent: (event) => reporter.event(event),
    });
    after = before(report);
    return { report, reporter };
  } finally {
    await io.close().finally(release);
    after?.();
  }
}

/**
 * How a run came out, once its runtime is closed.
 * @param replaced when the recording was made that the new one has replaced
 */
export function endOf(
  start: RunStart,
  report: ScenarioReport,
  io: Runtime,
  replaced: string | undefined,
): RunEnd {
  const { digest, events, failure, missingPayloads, path } = io.session!;
  if (path !== undefined) noteVerdict(path, report.holds);
  const recording: RecordedTo | null =
    path === undefined || failure !== undefined
      ? null
      : {
          path,
          events,
          id: libraryId(path),
          replaced: replaced ?? null,
          ...(missingPayloads === undefined ? {} : { missingPayloads }),
        };
  return { ...start, report, digest, counters: io.counters(), recording };
}
