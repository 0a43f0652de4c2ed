/**
 * What a library knows of its recordings beside what is in them, as empty files next to them: that
 * one is pinned, and that its run was not what was wanted although it came to its end.
 */
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { storeError } from "../store/errors.ts";

/** `pinned`: retention leaves it alone. `failed`: what was expected of the run did not hold. */
export type LibraryMark = "pinned" | "failed";

const ENDINGS: Readonly<Record<LibraryMark, string>> = { pinned: "-pinned", failed: "-failed" };

/** The files that a recording's marks are. */
export function marksOf(path: string): string[] {
  return Object.values(ENDINGS).map((ending) => path + ending);
}

export function hasMark(path: string, mark: LibraryMark): boolean {
  return existsSync(path + ENDINGS[mark]);
}

/** Sets a mark or takes it away. @throws {ReelError} ERR_STORE */
export function setMark(path: string, mark: LibraryMark, isSet: boolean): void {
  const file = path + ENDINGS[mark];
  try {
    if (isSet) writeFileSync(file, "");
    else rmSync(file, { force: true });
  } catch (error) {
    throw storeError(`mark the recording ${path} as ${mark}`, error);
  }
}
