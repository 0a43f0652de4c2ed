/**
 * Keeps two recordings off one path at a time. A claim is a file beside the recording that names
 * the process; the claim of a process that is gone counts for nothing.
 */
import { closeSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { ReelError } from "../../errors.ts";

/**
 * Claims a path for recording.
 * @returns gives the claim back; idempotent
 * @throws {ReelError} ERR_STORE when another process, or this one, records to it
 */
export function claimPath(path: string): () => void {
  const claim = join(dirname(path), `.${basename(path)}.lock`);
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      const file = openSync(claim, "wx");
      writeSync(file, String(process.pid));
      closeSync(file);
      return () => rmSync(claim, { force: true });
    } catch (error) {
      // A folder that takes no claim takes no recording either: making that says why.
      if ((error as { code?: string }).code !== "EEXIST") return () => {};
      const holder = Number(readClaim(claim));
      if (isAlive(holder)) {
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

function readClaim(claim: string): string {
  try {
    return readFileSync(claim, "utf8");
  } catch {
    return "";
  }
}

function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid < 1) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as { code?: string }).code === "EPERM";
  }
}
