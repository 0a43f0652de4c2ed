/**
 * Copies of recordings that SQLite does not open where they are, in folders that vanish afterwards:
 * of one with a log, in a folder that takes no index of the log beside it; and of one that was cut
 * off, with empty pages in place of those that are missing.
 */
import { constants, copyFileSync, existsSync, mkdtempSync, rmSync, truncateSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A copy of a recording. */
export interface RecordingCopy {
  readonly path: string;
  remove(): void;
}

/** What SQLite says when it may not make the index of a log. */
const REFUSED = /^SQLITE_(CANTOPEN|READONLY)/;

/**
 * Copies a recording, and its log if it has one, if that is why it could not be opened.
 * @returns undefined when it is not, or when it cannot be read at all
 */
export function copyWithLog(path: string, error: unknown): RecordingCopy | undefined {
  const { code } = error as { code?: unknown };
  if (typeof code !== "string" || !REFUSED.test(code) || existsSync(`${path}-journal`)) {
    return undefined;
  }
  const log = `${path}-wal`;
  try {
    return copyOf(path, (copy) => {
      if (existsSync(log)) copyFileSync(log, `${copy}-wal`, constants.COPYFILE_FICLONE);
    });
  } catch {
    return undefined;
  }
}

/**
 * Copies a recording and makes it as long as it was.
 * @param sizeBytes how long it says that it was
 */
export function copyWithoutCut(path: string, sizeBytes: number): RecordingCopy {
  return copyOf(path, (copy) => truncateSync(copy, sizeBytes));
}

function copyOf(path: string, complete: (copy: string) => void): RecordingCopy {
  const folder = mkdtempSync(join(tmpdir(), "ioreel-copy-"));
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  const copy = join(folder, "copy.reel");
  try {
    copyFileSync(path, copy, constants.COPYFILE_FICLONE);
    complete(copy);
    return { path: copy, remove };
  } catch (error) {
    remove();
    throw error;
  }
}
