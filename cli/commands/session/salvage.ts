/** `ioreel session salvage`: keeps what is before the first damage of a recording. */
import { salvageRecording } from "../../../core/session/recovery/salvage.ts";
import { json, note, out } from "../../output.ts";
import { recordingNamed } from "../../recording-name.ts";

export async function salvage(
  name: string,
  outFile: string,
  flags: { json?: boolean },
): Promise<number> {
  const file = recordingNamed(name);
  const { lostAttachments, path: _path, ...kept } = salvageRecording(file, outFile);
  const { eventCount, lostEvents, stoppedBy } = kept;
  if (flags.json === true) {
    json("salvage/v1", {
      file,
      output: outFile,
      uuid: kept.uuid,
      digest: kept.digest,
      events: eventCount,
      lostEvents,
      lostInputs: lostAttachments,
      stoppedBy: stoppedBy ?? null,
    });
    return 0;
  }
  out(`${outFile} holds the first ${eventCount} events of ${file}`);
  if (stoppedBy === undefined) out("all of its events were sound");
  else out(`${lostEvents} events are lost, from ${stoppedBy}`);
  if (lostAttachments.length > 0) {
    note(`inputs that are lost, so that it cannot be replayed: ${lostAttachments.join(", ")}`);
  }
  return 0;
}
