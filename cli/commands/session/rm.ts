/** `ioreel session rm`: removes recordings that somebody names. */
import { dirname, resolve } from "node:path";
import { ReelError } from "../../../core/errors.ts";
import { libraryFolder } from "../../../core/session/library/folder.ts";
import { refuseLive, removeRecording } from "../../../core/session/library/remove.ts";
import { inspect, isRecording } from "../../../core/session/store/file-facts.ts";
import { out } from "../../output.ts";
import { recordingNamed } from "../../recording-name.ts";

export async function rm(names: readonly string[]): Promise<number> {
  // All are looked at before the first is removed.
  const paths = [...new Set(names.map((name) => recordingNamed(name)))];
  for (const path of paths) {
    refuseOther(path);
    refuseLive(path);
  }
  for (const path of paths) {
    removeRecording(path);
    out(`removed ${path}`);
  }
  return 0;
}

/** Damaged recordings of the library go as well; elsewhere a file must be a recording. */
function refuseOther(path: string): void {
  if (dirname(resolve(path)) === resolve(libraryFolder())) return;
  const facts = inspect(path);
  if (facts !== undefined && isRecording(facts)) return;
  throw new ReelError("ERR_USAGE", `Cannot remove ${path}: it is no recording`, {
    mend: "Remove it with rm, if it is to go",
  });
}
