/**
 * How recordings are named on the command line: by a path, or by what the library knows them by.
 * Every command that takes a recording goes by this file.
 */
import { readdirSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { ReelError } from "../core/errors.ts";
import { findInLibrary, LATEST, PREFIX_MIN } from "../core/session/library/find.ts";
import { libraryFiles, libraryFolder } from "../core/session/library/folder.ts";
import type { LibraryFile } from "../core/session/library/folder.ts";
import { nearest } from "../core/suggest.ts";

/** Candidates that an error lists. */
const SHOWN = 5;
/** Names of a folder that are compared with what somebody wrote. */
const COMPARED = 2000;

/**
 * The file that a word means: a path that exists, `latest`, or the beginning of a uuid or of a file
 * name in the library, where only one begins so.
 * @param word as it was written
 * @returns the word itself for a path, otherwise the path in the library
 * @throws {ReelError} ERR_USAGE when it means none, a folder, or several
 */
export function recordingNamed(word: string): string {
  const kind = kindOf(word);
  if (kind === "file") return word;
  const files = findInLibrary(word);
  if (files.length === 1) return files[0]!.path;
  if (files.length > 1) {
    const list = files.slice(-SHOWN).map(({ name }) => name);
    const rest = files.length > SHOWN ? ` and ${files.length - SHOWN} more` : "";
    const message = `Cannot tell which recording "${word}" is: ${list.join(", ")}${rest}`;
    throw new ReelError("ERR_USAGE", message, { mend: "Give more of its beginning, or its path" });
  }
  if (word === LATEST) {
    throw new ReelError("ERR_USAGE", `Cannot open "${LATEST}": ${libraryFolder()} has none`, {
      mend: "Record one with ioreel run SCENARIO --record, or give a path",
    });
  }
  const what = kind === undefined ? "there is no such file" : "it is a folder";
  const found = `${what}, and none in the library is called so`;
  throw new ReelError("ERR_USAGE", `Cannot find the recording "${word}": ${found}`, {
    mend: suggestion(word),
  });
}

function kindOf(word: string): "file" | "folder" | undefined {
  try {
    const stats = statSync(word, { throwIfNoEntry: false });
    if (stats === undefined) return undefined;
    return stats.isDirectory() ? "folder" : "file";
  } catch (error) {
    // What cannot be reached is told by whoever opens it; what is no path is none.
    return (error as { code?: string }).code === "EACCES" ? "file" : undefined;
  }
}

function suggestion(word: string): string {
  const folder = dirname(word);
  const near = nearest(basename(word), namesBeside(folder));
  if (near !== undefined) {
    return `did you mean "${word.includes("/") ? join(folder, near) : near}"?`;
  }
  const known = nearestKnown(word, libraryFiles());
  if (known !== undefined) return `did you mean "${known}"?`;
  if (!word.includes("/") && !word.endsWith(".reel") && word.length < PREFIX_MIN) {
    return `Give a path, ${LATEST}, or at least ${PREFIX_MIN} characters of what session ls shows`;
  }
  return `Give a path, ${LATEST}, or the beginning of an id that ioreel session ls shows`;
}

/** Recordings in the folder of a path that does not exist. */
function namesBeside(folder: string): string[] {
  try {
    const names = readdirSync(folder).filter((name) => name.endsWith(".reel"));
    return names.slice(0, COMPARED);
  } catch {
    return [];
  }
}

function nearestKnown(word: string, files: readonly LibraryFile[]): string | undefined {
  const known = files.slice(-COMPARED);
  const ids = known.flatMap(({ shortId }) => shortId ?? []);
  return nearest(word, [...ids, ...known.map(({ name }) => name)]);
}
