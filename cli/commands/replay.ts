/** `ioreel replay`: the recorded scenario happens again, and every operation is compared. */
import { isReelError } from "../../core/errors.ts";
import { DivergenceError, formatDivergence } from "../../core/session/divergence.ts";
import { openRecording, type Recording } from "../../core/session/recording.ts";
import { Runtime } from "../../index.ts";
import { BUILT_IN_PROVIDERS } from "../../providers/index.ts";
import { EXIT, exitCodeOf } from "../exit-codes.ts";
import { commandLine } from "../failure.ts";
import { json, note, out, paint } from "../output.ts";
import { redactionRule } from "../record-flags.ts";
import { recordedScenario } from "../recorded-scenario.ts";
import { runAgain } from "../run-again.ts";
import { recordingNamed } from "../recording-name.ts";
import { kindsOf } from "../scenario/kinds.ts";
import type { ResolvedScenario } from "../scenario/resolved.ts";
import { checkFlags, showPlace, type PlaceFlags } from "./replay/at.ts";
import { checkOntoFlags, ontoBackend, type OntoFlags } from "./replay/onto.ts";
import { stepThrough } from "./replay/step.ts";

export async function replay(
  name: string,
  flags: PlaceFlags & OntoFlags & { quiet?: boolean; step?: boolean },
): Promise<number> {
  checkFlags(flags);
  checkOntoFlags({ ...flags });
  const file = recordingNamed(name);
  const isPlace = flags.at !== undefined || flags.until !== undefined;
  const wantsPlace = isPlace || flags.step === true;
  using recording = openRecording(file, wantsPlace ? { verify: "as-read" } : {});
  if (flags.onto !== undefined) return await ontoBackend(recording, file, flags);
  if (flags.step === true) return await stepThrough(recording, file, flags);
  if (isPlace) return await showPlace(recording, file, flags);
  const recorded = recordedScenario(recording, file, kindsOf(BUILT_IN_PROVIDERS));
  const { scenario } = recorded;
  const redact = (flags.redact ?? []).map(redactionRule);
  const io = Runtime.replay(recording, { reproduce: commandLine(["replay", file]), redact });
  const failed = await runAgain(io, recorded);
  const summary = io.session!;
  const ended = [summary.failure, failed].find((error) => error instanceof DivergenceError);
  // A recording that was cut off ends before its run did, and that is no difference.
  const isCutOff = ended?.report.difference === "record-ends";
  const divergence = isCutOff ? undefined : ended;
  if (ended === undefined && summary.identical !== true) throw summary.failure ?? failed;
  const { info } = recording;
  if (flags.json === true) {
    json("replay/v1", {
      file,
      identical: divergence === undefined,
      cutOff: isCutOff,
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
  if (flags.json === true) return EXIT.ok;
  if (isCutOff) {
    const events = `event ${summary.events}`;
    tell(recording, scenario, summary.events, undefined, flags.quiet === true);
    out(`replay: ${paint("green", "identical")} up to ${events}, where the recording was cut off`);
    return EXIT.ok;
  }
  tell(recording, scenario, summary.events, failed, flags.quiet === true);
  out(`replay: ${paint("green", "identical")}`);
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
  if (quiet) return;
  out(`scenario ${scenario.name}, recorded on ${backend}, seed ${seed}`);
  const how = backend === "uring" ? "answered from the recording" : "executed again";
  out(`${events} events ${how} and compared, digest ${digest.slice(0, 16)}`);
  if (failed === undefined) return;
  const code = isReelError(failed) ? failed.code : "a failure";
  out(`the run ended with ${code} (exit ${exitCodeOf(failed)}), as recorded: ${outcome}`);
}
