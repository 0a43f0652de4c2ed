/** `ioreel session migrate`: a copy of a recording in the newest format. */
import { migrateRecording } from "../../../core/session/library/migrate.ts";
import { json, out } from "../../output.ts";
import { recordingNamed } from "../../recording-name.ts";

export async function migrate(
  name: string,
  outFile: string,
  flags: { json?: boolean },
): Promise<number> {
  const file = recordingNamed(name);
  const { digest, eventCount, format, fromFormat, path, uuid } = migrateRecording(file, outFile);
  if (flags.json === true) {
    json("migrate/v1", {
      file,
      output: path,
      uuid,
      digest,
      events: eventCount,
      fromFormat,
      format,
    });
    return 0;
  }
  const was = fromFormat === format ? "as before" : `before ${fromFormat}`;
  out(`${outFile} holds all ${eventCount} events of ${file} in format ${format}, ${was}`);
  out(`digest ${digest}, the same`);
  return 0;
}
