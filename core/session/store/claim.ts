/**
 * Keeps two recordings off one path at a time. A claim is a file beside the recording that names
 * the process and when it started; the claim of a process that is gone counts for nothing, even if
 * another one has its number by now.
 */
import { closeSync, openSync, readFileSync, realpathSync, rmSync, writeSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { ReelError } from "../../errors.ts";
import { hasEnded, processStart } from "../tail/process-start.ts";

const claimOf = (path: string): string => join(dirname(path), `.${basename(path)}.lock`);

/**
 * Claims a path for recording.
 * @returns gives the claim back; idempotent, and never throws
 * @throws {ReelError} ERR_STORE when another process, or this one, records to it
 */
export function claimPath(path: string): () => void {
  const claim = claimOf(path);
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      const file = openSync(claim, "wx");
      writeSync(file, `${process.pid} ${processStart(process.pid) ?? ""}`);
      closeSync(file);
      return () => giveBack(claim);
    } catch (error) {
      // A folder that takes no claim takes no recording either: making that says why.
      if ((error as { code?: string }).code !== "EEXIST") return () => {};
      const holder = holderOf(claim);
      if (holder !== undefined) {
        throw new ReelError(
          "ERR_STORE",
          `Cannot record to ${path}: process ${holder} is recording to it`,
          { mend: "Choose another path, or wait for that process", details: { path, holder } },
        );
      }
      rmSync(claim, { force: true });
    }
  }
  throw new ReelError("ERR_STORE", `Cannot record to ${path}: others keep claiming it`, {
    mend: "Choose another path",
  });
}

function giveBack(claim: string): void {
  try {
    rmSync(claim, { force: true });
  } catch {
    // A disk that takes no change any more keeps it; it counts for nothing once this process ends.
  }
}

function readClaim(claim: string): string {
  try {
    return readFileSync(claim, "utf8");
  } catch {
    return "";
  }
}

/** The living process that a claim names, if there is one. */
function holderOf(claim: string): number | undefined {
  const [pid, started] = readClaim(claim).trim().split(" ");
  const holder = Number(pid);
  if (!isAlive(holder)) return undefined;
  // What another process has this number by now did not make the claim.
  const start = processStart(holder);
  const isOther = started !== undefined && start !== undefined && Number(started) !== start;
  return isOther ? undefined : holder;
}

/** Where a recording lies that may be reached by a link: its claim and its tail are there. */
export function placeOf(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

/** Whether a living process records to a path. */
export function isRecorded(path: string): boolean {
  return holderOf(claimOf(placeOf(path))) !== undefined;
}

function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid < 1) return false;
  try {
    process.kill(pid, 0);
    return !hasEnded(pid);
  } catch (error) {
    return (error as { code?: string }).code === "EPERM";
  }
}
