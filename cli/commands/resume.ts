/** `ioreel run --resume`: a recorded run that was cut off goes on to its end. */
import { DivergenceError, formatDivergence } from "../../core/session/divergence.ts";
import { openRecording } from "../../core/session/recording.ts";
import { Runtime } from "../../index.ts";
import { BUILT_IN_PROVIDERS } from "../../providers/index.ts";
import { EXIT } from "../exit-codes.ts";
import { commandLine } from "../failure.ts";
import { note } from "../output.ts";
import { endOf, perform } from "../perform.ts";
import { recordedScenario } from "../recorded-scenario.ts";
import { recordingNamed } from "../recording-name.ts";
import type { RunStart } from "../reporters/reporter.ts";
import { kindsOf } from "../scenario/kinds.ts";
import { conclude } from "./conclude.ts";

/**
 * Goes on with a recorded run.
 * @param name of the recording; it is replaced by the whole when the run has ended
 * @returns the exit code, as for a run
 */
export async function resume(
  name: string,
  flags: { json?: boolean; quiet?: boolean },
): Promise<number> {
  const file = recordingNamed(name);
  using recording = openRecording(file);
  const { inputs, scenario } = recordedScenario(recording, file, kindsOf(BUILT_IN_PROVIDERS));
  const again = commandLine(["run", "--resume", file]);
  const { eventCount, seed } = recording.info;
  const io = Runtime.resume(recording, { reproduce: again });
  const start: RunStart = {
    scenario,
    backend: "emulated",
    clock: "virtual",
    seed,
    rejected: [],
  };
  if (flags.json !== true && flags.quiet !== true) {
    note(`going on behind event ${eventCount}, where the recording was cut off`);
  }
  const { report, reporter } = await perform(io, start, inputs, flags);
  const { failure } = io.session!;
  if (failure instanceof DivergenceError) {
    note(formatDivergence(failure.report));
    return EXIT.diverged;
  }
  if (failure !== undefined) throw Object.assign(failure, { reproduce: again });
  const end = endOf(start, report, io, undefined);
  reporter.end(end);
  return conclude(end, again);
}
