/**
 * What lies beside a recording and belongs to it, how much all of that takes, and how it is
 * removed: never while somebody records to it.
 */
import { existsSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { ReelError } from "../../errors.ts";
import { claimPath, isRecorded } from "../store/claim.ts";
import { storeError } from "../store/errors.ts";
import { removeTails } from "../tail/tail-file.ts";
import { tailPath } from "../tail/layout.ts";
import { statsOf } from "./folder.ts";
import { marksOf } from "./marks.ts";

const SIDECARS = ["-wal", "-shm", "-journal"];

/** Where a run that goes on with a recording writes, until it takes its place. */
export function resumedDraft(path: string): string {
  return join(dirname(path), `.${basename(path)}.resumed`);
}

/** Bytes of a recording with its log and its tail; frames in files of their own are not counted. */
export function sizeOnDisk(path: string): number {
  const files = [path, ...SIDECARS.map((end) => path + end), tailPath(path)];
  let sizeBytes = 0;
  for (const file of files) sizeBytes += statsOf(file)?.size ?? 0;
  return sizeBytes;
}

/**
 * Removes a recording and what belongs to it.
 * @throws {ReelError} ERR_USAGE while somebody records to it; ERR_STORE when it cannot be removed
 */
export function removeRecording(path: string): void {
  refuseLive(path);
  const release = claimPath(path);
  try {
    // The recording first: what is left of one whose removal was cut short is no recording.
    rmSync(path, { force: true });
    for (const end of SIDECARS) rmSync(path + end, { force: true });
    for (const mark of marksOf(path)) rmSync(mark, { force: true });
    removeTails(path);
    const draft = resumedDraft(path);
    if (existsSync(draft) && !isRecorded(draft)) removeRecording(draft);
  } catch (error) {
    throw storeError(`remove the recording ${path}`, error);
  } finally {
    release();
  }
}

/** @throws {ReelError} ERR_USAGE while somebody records to a path */
export function refuseLive(path: string): void {
  if (!isRecorded(path) || !existsSync(path)) return;
  throw new ReelError("ERR_USAGE", `Cannot remove ${path}: a process is recording to it`, {
    mend: "Wait for that process to end",
  });
}
