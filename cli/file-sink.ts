/**
 * Files that commands make: written beside the path that is wanted, under a name of their own, and
 * renamed when they are whole. So a command that fails leaves what was there before.
 */
import { closeSync, openSync, renameSync, statSync, unlinkSync, writeSync } from "node:fs";
import type { Stats } from "node:fs";
import type { ByteSink } from "../core/session/export/export.ts";
import { storeError } from "../core/session/store/errors.ts";

/** What a path leads to; undefined when that cannot be told, which opening it will explain. */
function statusOf(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch {
    return undefined;
  }
}

/** Whether a path leads to something that cannot be replaced: a device, a named pipe. */
function isSpecial(path: string): boolean {
  const status = statusOf(path);
  return status !== undefined && !status.isFile() && !status.isDirectory();
}

/**
 * Writes a file.
 * @param write gives the sink its bytes; what it throws passes, and there is no file then
 * @throws {ReelError} ERR_STORE when the file cannot be written
 */
export function writeFileWhole<T>(path: string, write: (sink: ByteSink) => T): T {
  const action = `write ${path}`;
  const special = isSpecial(path);
  const target = special ? path : `${path}.partial-${process.pid}`;
  const attempt = <R>(make: () => R): R => {
    try {
      return make();
    } catch (error) {
      throw storeError(action, error);
    }
  };
  const descriptor = attempt(() => openSync(target, "w"));
  let whole = false;
  try {
    const answer = write({
      write: (bytes) =>
        attempt(() => {
          for (let at = 0; at < bytes.length;) at += writeSync(descriptor, bytes, at);
          return true;
        }),
    });
    if (!special) attempt(() => renameSync(target, path));
    whole = true;
    return answer;
  } finally {
    closeSync(descriptor);
    if (!whole && !special) unlinkSync(target);
  }
}

/** Whether two paths lead to one file. */
export function isSameFile(one: string, other: string): boolean {
  const [first, second] = [one, other].map(statusOf);
  return first !== undefined && first.ino === second?.ino && first.dev === second.dev;
}
