/**
 * The library: the folder under the user's state directory where recordings go that nobody named a
 * file for (XDG Base Directory Specification 0.8, `$XDG_STATE_HOME`).
 */
import { mkdirSync, readdirSync, statSync } from "node:fs";
import type { Stats } from "node:fs";
import { homedir } from "node:os";
import { isAbsolute, join, resolve } from "node:path";
import { storeError } from "../store/errors.ts";

/** Recordings hold what programs read and wrote: nobody else is to read them. */
const PRIVATE = 0o700;
const RECORDINGS = "recordings";
const MEND = "Set IOREEL_HOME to a folder that you may write to, or name files";

/** ioreel's own folder: `$IOREEL_HOME`, `$XDG_STATE_HOME/ioreel` or `~/.local/state/ioreel`. */
function stateFolder(): string {
  const { IOREEL_HOME: own, XDG_STATE_HOME: state } = process.env;
  if (own !== undefined && own !== "") return resolve(own);
  // The specification has relative paths ignored.
  const base =
    state !== undefined && isAbsolute(state) ? state : join(homedir(), ".local", "state");
  return join(base, "ioreel");
}

/** Where the library is. The folder need not exist. */
export function libraryFolder(): string {
  return join(stateFolder(), RECORDINGS);
}

/**
 * Makes the library's folder, readable by its user alone, where it does not exist.
 * @returns its path
 * @throws {ReelError} ERR_STORE
 */
export function makeLibraryFolder(): string {
  const folder = libraryFolder();
  try {
    mkdirSync(folder, { recursive: true, mode: PRIVATE });
  } catch (error) {
    throw storeError(`make the folder of recordings ${folder}`, error, MEND);
  }
  return folder;
}

/** A file of the library, of which nothing but its name and the folder's facts is known. */
export interface LibraryFile {
  readonly path: string;
  /** File name. */
  readonly name: string;
  /** The beginning of its uuid, where the name tells it: eight hexadecimal digits. */
  readonly shortId: string | undefined;
  /** When it was made, as its name says, or else when it was changed. Milliseconds since 1970. */
  readonly whenMs: number;
}

/** Digits of a uuid that are in a file's name. */
export const SHORT_ID_DIGITS = 8;
const OWN_NAME = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)(\d{3})Z-([0-9a-f]{8})\.reel$/;
const EXTENSION = ".reel";

/** The name of a recording in the library: sorts by time. @param createdMs since 1970 */
export function libraryName(createdMs: number, uuid: string): string {
  const time = new Date(createdMs).toISOString().replaceAll(/[-:.]/g, "");
  return `${time}-${uuid.slice(0, SHORT_ID_DIGITS)}${EXTENSION}`;
}

/**
 * The files of the library, the oldest first.
 * @throws {ReelError} ERR_STORE when the folder is there and cannot be read
 */
export function libraryFiles(): LibraryFile[] {
  const folder = libraryFolder();
  const files: LibraryFile[] = [];
  for (const name of namesIn(folder)) {
    // Drafts of files that are being made begin with a dot.
    if (!name.endsWith(EXTENSION) || name.startsWith(".")) continue;
    const path = join(folder, name);
    const own = OWN_NAME.exec(name);
    if (own === null) {
      const stats = statsOf(path);
      if (stats?.isFile() !== true) continue;
      files.push({ path, name, shortId: undefined, whenMs: Math.floor(stats.mtimeMs) });
      continue;
    }
    const [year, month, day, hour, minute, second, milli] = own.slice(1, 8).map(Number);
    const whenMs = Date.UTC(year!, month! - 1, day, hour, minute, second, milli);
    files.push({ path, name, shortId: own[8], whenMs });
  }
  return files.toSorted((a, b) => a.whenMs - b.whenMs || (a.name < b.name ? -1 : 1));
}

/** What the host says of a file, or undefined where it says nothing: links may lead in circles. */
export function statsOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

function namesIn(folder: string): string[] {
  try {
    const entries = readdirSync(folder, { withFileTypes: true });
    return entries.filter((entry) => !entry.isDirectory()).map(({ name }) => name);
  } catch (error) {
    if ((error as { code?: string }).code === "ENOENT") return [];
    throw storeError(`read the folder of recordings ${folder}`, error, MEND);
  }
}
