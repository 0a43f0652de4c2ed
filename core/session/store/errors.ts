/**
 * What goes wrong between ioreel and the file of a recording, as ReelErrors: ERR_STORE when the
 * file cannot be written or reached, ERR_CORRUPT_RECORDING when what is in it is not what was
 * recorded.
 */
import { SQLiteError } from "bun:sqlite";
import { ReelError } from "../../errors.ts";
import type { ErrorCode } from "../../errors.ts";

const MENDS: readonly (readonly [RegExp, string])[] = [
  [/^SQLITE_FULL|^ENOSPC|^EDQUOT/, "Free disk space, or choose a path on another disk"],
  [
    /^SQLITE_BUSY|^SQLITE_LOCKED/,
    "Close the program that has the recording locked, then try again",
  ],
  [
    /^SQLITE_READONLY|^SQLITE_CANTOPEN|^SQLITE_PERM|^EACCES|^EPERM|^EROFS|^ENOENT|^ENOTDIR/,
    "Choose a path in an existing directory that you may write to",
  ],
];
const ANY_MEND = "Check the disk, or choose a path on another one";

/** The stable code of a driver's or file system's error: `SQLITE_FULL`, `EACCES`. */
function causeCode(error: unknown): string {
  if (error instanceof SQLiteError) return error.code ?? "SQLITE_ERROR";
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === "string" ? code : "";
}

/**
 * The error for a failure of the store.
 * @param action what was being done, after "Cannot"
 * @param mend what to do about it, where the error's own code does not say it best
 */
export function storeError(action: string, error: unknown, mend?: string): ReelError {
  if (error instanceof ReelError) return error;
  const code = causeCode(error);
  const reason = error instanceof Error ? error.message : String(error);
  return new ReelError("ERR_STORE", `Cannot ${action}: ${reason}`, {
    mend: mend ?? MENDS.find(([pattern]) => pattern.test(code))?.[1] ?? ANY_MEND,
    details: { cause: code },
    cause: error,
  });
}

/** Raises the refusal of a file: it is not, or not any more, what a recorder wrote. */
export function refuseFile(
  path: string,
  found: string,
  options: { code?: ErrorCode; mend?: string; cause?: unknown } = {},
): never {
  const code = options.code ?? "ERR_CORRUPT_RECORDING";
  throw new ReelError(code, `Cannot open the recording ${path}: ${found}`, {
    mend: options.mend ?? "Record the session again, or restore the file from a copy",
    details: { path, found },
    ...(options.cause === undefined ? {} : { cause: options.cause }),
  });
}

/** Problems of reaching the file, not of what is in it. */
const REACH = /^SQLITE_(BUSY|LOCKED|CANTOPEN|PERM|READONLY|IOERR|NOMEM|AUTH|INTERRUPT)/;

const READ_MEND =
  "Check that you may read the file; one that was interrupted needs its folder to be writable";

/** The error for a failure to read: damaged contents are told from an unreachable file. */
export function readError(path: string, error: unknown): ReelError {
  if (error instanceof ReelError) return error;
  const code = causeCode(error);
  if (REACH.test(code) && code !== "SQLITE_IOERR_SHORT_READ") {
    const isBusy = /^SQLITE_(BUSY|LOCKED)/.test(code);
    return storeError(`read the recording ${path}`, error, isBusy ? undefined : READ_MEND);
  }
  const reason = error instanceof Error ? error.message : String(error);
  return new ReelError(
    "ERR_CORRUPT_RECORDING",
    `Cannot read the recording ${path}: found a damaged database (${reason})`,
    {
      mend: "Record the session again, or restore the file from a copy",
      details: { path, cause: code },
      cause: error,
    },
  );
}
