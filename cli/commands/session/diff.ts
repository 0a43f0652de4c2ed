/** `ioreel session diff`: where two recordings part. */
import { diffSessions, type SessionDifference } from "../../../core/session/diff.ts";
import { formatDivergence } from "../../../core/session/divergence.ts";
import { openRecording, type Recording } from "../../../core/session/recording.ts";
import { eventNames, namesOf } from "../replay/names.ts";
import { EXIT } from "../../exit-codes.ts";
import { json, out, paint } from "../../output.ts";
import { recordingNamed } from "../../recording-name.ts";

/** @returns 0 for equal sessions, the code of a divergence for others */
export async function diff(
  firstFile: string,
  secondFile: string,
  flags: { json?: boolean },
): Promise<number> {
  using first = openRecording(recordingNamed(firstFile));
  using second = openRecording(recordingNamed(secondFile));
  const difference = diffSessions(first, second, eventNames(namesOf(first)).operation);
  const { agreeing, header, report } = difference;
  if (flags.json === true) {
    const equal = report === undefined;
    json("session-diff/v1", { equal, agreeing, header, report: report ?? null });
  } else tell(first, second, difference);
  return report === undefined ? EXIT.ok : EXIT.diverged;
}

function tell(first: Recording, second: Recording, difference: SessionDifference): void {
  const { agreeing, header, report } = difference;
  out(`recorded  ${first.path} (${first.eventCount} events)`);
  out(`replayed  ${second.path} (${second.eventCount} events)`);
  for (const line of header) out(`  ${line}`);
  if (report === undefined) {
    out(`${paint("green", "equal")}: all ${agreeing} events are the same`);
    return;
  }
  out(`${agreeing} events are the same, then:`);
  out(formatDivergence(report));
}
