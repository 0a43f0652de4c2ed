/** `ioreel replay`: the recorded scenario happens again, and every operation is compared. */
import { isReelError } from "../../core/errors.ts";
import { DivergenceError, formatDivergence } from "../../core/session/divergence.ts";
import { openRecording, type Recording } from "../../core/session/recording.ts";
import { Runtime } from "../../index.ts";
import { BUILT_IN_PROVIDERS } from "../../providers/index.ts";
import { EXIT, exitCodeOf } from "../exit-codes.ts";
import { commandLine } from "../failure.ts";
import { json, note, out, paint } from "../output.ts";
import { recordedScenario } from "../recorded-scenario.ts";
import { kindsOf } from "../scenario/kinds.ts";
import type { ResolvedScenario } from "../scenario/resolved.ts";
import { runScenario } from "../scenario/run-scenario.ts";

export async function replay(
  file: string,
  flags: { json?: boolean; quiet?: boolean },
): Promise<number> {
  using recording = openRecording(file);
  const { inputs, scenario } = recordedScenario(recording, file, kindsOf(BUILT_IN_PROVIDERS));
  const io = Runtime.replay(recording, { reproduce: commandLine(["replay", file]) });
  let failed: unknown;
  try {
    await runScenario(io, scenario, { inputs, onEvent() {} });
  } catch (error) {
    failed = error;
  }
  await io.close();
  const summary = io.session!;
  const divergence = [summary.failure, failed].find((error) => error instanceof DivergenceError);
  if (divergence === undefined && summary.identical !== true) throw summary.failure ?? failed;
  const { info } = recording;
  if (flags.json === true) {
    json("replay/v1", {
      file,
      identical: divergence === undefined,
      scenario: scenario.name,
      backend: info.backend,
      seed: info.seed,
      events: summary.events,
      recordedEvents: info.eventCount,
      digest: info.digest,
      outcome: info.outcome ?? null,
      divergence: divergence?.report ?? null,
    });
  }
  if (divergence !== undefined) {
    note(formatDivergence(divergence.report));
    return EXIT.diverged;
  }
  if (flags.json !== true) tell(recording, scenario, summary.events, failed, flags.quiet === true);
  return EXIT.ok;
}

function tell(
  recording: Recording,
  scenario: ResolvedScenario,
  events: number,
  failed: unknown,
  quiet: boolean,
): void {
  const { backend, digest, outcome, seed } = recording.info;
  if (!quiet) {
    out(`scenario ${scenario.name}, recorded on ${backend}, seed ${seed}`);
    const how = backend === "uring" ? "answered from the recording" : "executed again";
    out(`${events} events ${how} and compared, digest ${digest.slice(0, 16)}`);
    if (failed !== undefined) {
      const code = isReelError(failed) ? failed.code : "a failure";
      out(`the run ended with ${code} (exit ${exitCodeOf(failed)}), as recorded: ${outcome}`);
    }
  }
  out(`replay: ${paint("green", "identical")}`);
}
