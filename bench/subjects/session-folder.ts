/** Where subjects record: a folder of their own on the machine's disk, not in its memory. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { RecordingHeader } from "../../core/session/recording.ts";

/** What a recording says of a session that no runtime ran. */
export const HEADER: RecordingHeader = {
  seed: 1,
  backend: "uring",
  options: null,
  selection: null,
  providers: [],
};

export interface Folder {
  /** The path of the recording in it. */
  readonly path: string;
  remove(): void;
}

export function recordingFolder(): Folder {
  const folder = mkdtempSync(join(tmpdir(), "ioreel-bench-"));
  return {
    path: join(folder, "a.reel"),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
