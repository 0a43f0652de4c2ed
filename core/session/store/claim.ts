/**
 * Keeps two recordings off one path at a time. A claim is a file beside the recording that names
 * the process and when it started; the claim of a process that is gone counts for nothing, even if
 * another one has its number by now.
 */
import {
  closeSync,
  existsSync,
  openSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { hostPause, hostWallMs } from "../../clock.ts";
import { ReelError } from "../../errors.ts";
import { sweepDrafts } from "./drafts.ts";
import { isAlive, processStart } from "../tail/process-start.ts";

const claimOf = (path: string): string => join(dirname(path), `.${basename(path)}.lock`);

/** A claim that is empty is being written, or its maker was killed before it was. */
const WRITING_ATTEMPTS = 20;
const WRITING_MS = 5;
const ATTEMPTS = 100;
const TAKING_MS = 5000;

/**
 * Claims a path for recording.
 * @returns gives the claim back; idempotent, and never throws
 * @throws {ReelError} ERR_STORE when another process, or this one, records to it
 */
export function claimPath(path: string): () => void {
  const claim = claimOf(path);
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    try {
      const file = openSync(claim, "wx");
      writeSync(file, `${process.pid} ${processStart(process.pid) ?? ""}`);
      closeSync(file);
      sweepDrafts(path);
      return giver(claim);
    } catch (error) {
      // A folder that takes no claim takes no recording either: making that says why.
      if ((error as { code?: string }).code !== "EEXIST") return () => {};
      const found = settledClaim(claim);
      if (found === undefined) continue;
      const holder = holderIn(found);
      if (holder !== undefined) {
        throw new ReelError(
          "ERR_STORE",
          `Cannot record to ${path}: process ${holder} is recording to it`,
          { mend: "Choose another path, or wait for that process", details: { path, holder } },
        );
      }
      removeStale(claim, found);
    }
  }
  throw new ReelError("ERR_STORE", `Cannot record to ${path}: others keep claiming it`, {
    mend: "Choose another path",
  });
}

function giver(claim: string): () => void {
  let isHeld = true;
  return () => {
    if (!isHeld) return;
    isHeld = false;
    try {
      rmSync(claim, { force: true });
    } catch {
      // A disk that takes no change keeps it. It counts for nothing once this process has ended.
    }
  };
}

/** What a claim says, once whoever makes it has had the time to write it; undefined for none. */
function settledClaim(claim: string): string | undefined {
  for (let attempt = 0; attempt < WRITING_ATTEMPTS; attempt++) {
    const found = readClaim(claim);
    if (found !== "") return found;
    if (!existsSync(claim)) return undefined;
    hostPause(WRITING_MS);
  }
  return "";
}

/**
 * Removes the claim of a process that is gone. One process at a time may: two that have read the
 * same claim would each remove what the other has made since.
 */
function removeStale(claim: string, stale: string): void {
  const guard = `${claim}.taking`;
  try {
    closeSync(openSync(guard, "wx"));
  } catch {
    const madeMs = statSync(guard, { throwIfNoEntry: false })?.mtimeMs ?? Infinity;
    // Nobody takes this long: who made it was killed.
    if (hostWallMs() - madeMs > TAKING_MS) rmSync(guard, { force: true });
    hostPause(WRITING_MS);
    return;
  }
  try {
    if (readClaim(claim) === stale) rmSync(claim, { force: true });
  } finally {
    rmSync(guard, { force: true });
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
function holderIn(text: string): number | undefined {
  const [pid, started] = text.trim().split(" ");
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
  return holderIn(readClaim(claimOf(placeOf(path)))) !== undefined;
}
