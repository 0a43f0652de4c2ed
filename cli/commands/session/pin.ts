/** `ioreel session pin` and `unpin`: what retention leaves alone. */
import { dirname, resolve } from "node:path";
import { ReelError } from "../../../core/errors.ts";
import { libraryFolder } from "../../../core/session/library/folder.ts";
import { setMark } from "../../../core/session/library/marks.ts";
import { out } from "../../output.ts";
import { recordingNamed } from "../../recording-name.ts";

export async function pin(name: string): Promise<number> {
  return mark(name, true);
}

export async function unpin(name: string): Promise<number> {
  return mark(name, false);
}

function mark(name: string, isSet: boolean): number {
  const path = recordingNamed(name);
  if (dirname(resolve(path)) !== resolve(libraryFolder())) {
    throw new ReelError("ERR_USAGE", `Cannot pin ${path}: it is not in the library`, {
      mend: "Files elsewhere are never pruned; name one that ioreel session ls shows",
    });
  }
  setMark(path, "pinned", isSet);
  out(`${isSet ? "pinned" : "unpinned"} ${path}`);
  return 0;
}
