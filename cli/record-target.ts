/**
 * Where `--record` writes: to a file, which may replace a recording, or into the library. What is
 * refused there is a mistake of the command line and is told as one.
 */
import { existsSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { isReelError, ReelError } from "../core/errors.ts";
import { libraryFolder, SHORT_ID_DIGITS } from "../core/session/library/folder.ts";
import { setMark } from "../core/session/library/marks.ts";
import { inspect, isRecording } from "../core/session/store/file-facts.ts";
import { RecordingReader } from "../core/session/store/reader.ts";

/** What becomes of a session, for reporters. */
export interface RecordedTo {
  readonly path: string;
  readonly events: number;
  /** Of one in the library: what the other commands know it by. */
  readonly id: string | null;
  /** When the recording was made that it has replaced, ISO 8601; "" for a damaged one. */
  readonly replaced: string | null;
  /** How many payloads it does not hold; absent when it holds all. */
  readonly missingPayloads?: number;
}

/**
 * Looks at what a recording would replace.
 * @returns when that was made, "" if it does not say; undefined when nothing is replaced
 */
export function replacedAt(path: string): string | undefined {
  try {
    const facts = inspect(path);
    if (facts === undefined || !isRecording(facts)) return undefined;
  } catch {
    // What cannot be looked at is refused when the recording is made, with the reason.
    return undefined;
  }
  let reader: RecordingReader | undefined;
  try {
    reader = new RecordingReader(resolve(path));
    return new Date(reader.header().row.createdMs).toISOString();
  } catch (error) {
    if (isReelError(error) || error instanceof RangeError) return "";
    throw error;
  } finally {
    reader?.close();
  }
}

/** Whether a recording is one of the library's. */
function isInLibrary(path: string): boolean {
  return dirname(resolve(path)) === resolve(libraryFolder());
}

/**
 * Keeps in mind that a run of the library was not what it should be: such are kept for longer. A
 * mark that cannot be set is no reason for a run to fail.
 */
export function noteVerdict(path: string, holds: boolean): void {
  if (!isInLibrary(path)) return;
  try {
    setMark(path, "failed", !holds);
  } catch (error) {
    if (!isReelError(error)) throw error;
  }
}

/** What the other commands know a recording of the library by. */
export function libraryId(path: string): string | null {
  if (!isInLibrary(path)) return null;
  const digits = new RegExp(`-([0-9a-f]{${SHORT_ID_DIGITS}})\\.reel$`).exec(path);
  return digits === null ? null : digits[1]!;
}

/** Failures to make a recording that another path, or other rights, would mend. */
const REFUSED = /^(ENOENT|ENOTDIR|EACCES|EPERM|EROFS|EISDIR|ENAMETOOLONG|ELOOP)$/;

/**
 * The failure to start a recorded run, as a mistake of usage where it is one.
 * @param target where it should be recorded to; undefined for the library
 */
export function recordingRefused(error: unknown, target: string | undefined): unknown {
  if (!isReelError(error, "ERR_STORE")) return error;
  const folder = target === undefined ? undefined : dirname(target);
  if (folder !== undefined && !existsSync(folder)) {
    return new ReelError("ERR_USAGE", `Cannot record to ${target}: there is no folder ${folder}`, {
      mend: "Make the folder, or name another file",
    });
  }
  const { cause, path } = (error.details ?? {}) as { cause?: unknown; path?: unknown };
  const isUsage = path !== undefined || (typeof cause === "string" && REFUSED.test(cause));
  if (!isUsage) return error;
  const { details, mend, message } = error;
  return new ReelError("ERR_USAGE", message, { ...(mend === undefined ? {} : { mend }), details });
}
