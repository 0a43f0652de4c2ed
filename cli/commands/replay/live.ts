/**
 * The state of the recorded run at an event, by the names of its layouts: the recorded scenario is
 * executed again up to there, and looked at.
 */
import { ReelError } from "../../../core/errors.ts";
import type { LiveState } from "../../../core/engine/live-state.ts";
import type { Recording } from "../../../core/session/recording.ts";
import { Runtime } from "../../../index.ts";
import { BUILT_IN_PROVIDERS } from "../../../providers/index.ts";
import { recordedScenario } from "../../recorded-scenario.ts";
import { runAgain } from "../../run-again.ts";
import { kindsOf } from "../../scenario/kinds.ts";
import { keptStateAt, type KeptState } from "./kept.ts";

/** What is known of the state at a place: a run's up to there, or what the recording keeps. */
export type FoundState = { readonly live: LiveState } | { readonly kept: KeptState };

/**
 * The state at a place.
 * @throws {ReelError} as {@link liveStateAt}, where the recording keeps none either
 */
export async function stateAt(
  recording: Recording,
  file: string,
  sequence: number,
): Promise<FoundState> {
  if (!holdsScenario(recording)) {
    const kept = await keptStateAt(recording, sequence);
    if (kept !== undefined) return { kept };
  }
  return { live: await liveStateAt(recording, file, sequence) };
}

/** Whether a recording holds its scenario, so that its state can be had. */
export function holdsScenario(recording: Recording): boolean {
  const { program } = recording.info.options as { program?: { kind?: unknown } | null };
  return program?.kind === "scenario";
}

/**
 * Runs the recorded scenario up to an event.
 * @param file what the recording is called in errors
 * @throws {ReelError} ERR_INCOMPATIBLE_RECORDING for a recording of a program; ERR_DIVERGED when
 *   the run does not come to the event as recorded
 */
export async function liveStateAt(
  recording: Recording,
  file: string,
  sequence: number,
): Promise<LiveState> {
  if (!holdsScenario(recording)) {
    throw new ReelError(
      "ERR_INCOMPATIBLE_RECORDING",
      `Cannot show the state in ${file}: it was recorded by a program, not by a scenario`,
      { mend: "Run that program on Runtime.replay(recording, { until, onUntil })" },
    );
  }
  const recorded = recordedScenario(recording, file, kindsOf(BUILT_IN_PROVIDERS));
  let found: LiveState | undefined;
  // The end itself is no event: the last one is that the run is over.
  const until = Math.min(sequence, Math.max(0, recording.eventCount - 1));
  const io = Runtime.replay(recording, { until, onUntil: (state) => (found = state) });
  const failed = await runAgain(io, recorded);
  if (found !== undefined) return found;
  throw (
    io.session?.failure ??
    failed ??
    new ReelError(
      "ERR_DIVERGED",
      `Cannot show the state at event ${sequence}: the run ended before`,
    )
  );
}
