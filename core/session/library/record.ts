/** Recording to a file with a name, or else into the library, which is then held in bounds. */
import { join } from "node:path";
import { startRecording } from "../recording.ts";
import type { RecordingInProgress } from "../recording.ts";
import { newIdentity } from "../store/header.ts";
import { libraryName, makeLibraryFolder } from "./folder.ts";
import { holdLibrary } from "./retention.ts";

/**
 * Starts a recording, as {@link startRecording} does.
 * @param path undefined for one in the library, under a name that tells its time and its uuid
 */
export function startRecordingIn(
  path: string | undefined,
  header: Parameters<typeof startRecording>[1],
  options: Parameters<typeof startRecording>[2] = {},
): RecordingInProgress {
  if (path !== undefined) return startRecording(path, header, options);
  const identity = newIdentity(header);
  const file = join(makeLibraryFolder(), libraryName(identity.createdMs, identity.uuid));
  const progress = startRecording(file, header, { ...options, identity });
  let isHeld = false;
  return {
    ...progress,
    finish() {
      const summary = progress.finish();
      if (!isHeld) holdLibrary(file);
      isHeld = true;
      return summary;
    },
  };
}
