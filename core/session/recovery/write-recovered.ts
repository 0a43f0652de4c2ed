/**
 * Writes a recovered recording down for good: as one file, as a recording that was ended leaves it.
 * The new form is made beside the old one and takes its place when it is whole.
 */
import { copyFileSync, constants, existsSync, realpathSync, renameSync, rmSync } from "node:fs";
import { ReelError } from "../../errors.ts";
import { basename, dirname, join, resolve } from "node:path";
import type { Recording, RecordingInfo } from "../opened.ts";
import { openRecording } from "../opening.ts";
import { claimPath } from "../store/claim.ts";
import { closeRecorded, openForRecording } from "../store/database.ts";
import { storeError } from "../store/errors.ts";
import { SegmentInserter } from "../store/inserter.ts";
import { tailPath } from "../tail/layout.ts";
import { removeTails } from "../tail/tail-file.ts";

/** The recorder's way of opening, without a power failure in mind. */
const OPEN = { durable: true, sizeBytesMax: Infinity };
const SIDECARS = ["", "-wal", "-shm", "-journal"];

/**
 * Makes one file of a recording whose process died. One that was ended stays as it is.
 * @param path the recording; a link leads to it
 * @returns what it says of itself, before it is written
 * @throws {ReelError} as openRecording does; ERR_STORE when a process records to it, or it cannot
 *   be written: then it is as it was
 */
export function writeRecovered(path: string): RecordingInfo {
  const file = realpathSync(resolve(path));
  using recording = openRecording(file);
  if (recording.info.state === "recording") {
    throw new ReelError("ERR_STORE", `Cannot recover ${path}: a process is recording to it`, {
      mend: "Wait for that process to end",
    });
  }
  if (recording.info.recovered === undefined) return recording.info;
  const release = claimPath(file);
  const draft = join(dirname(file), `.${basename(file)}.${process.pid}.recovered`);
  try {
    makeDraft(recording, file, draft);
    checkDraft(draft, file, recording.info);
    renameSync(draft, file);
    // What could not be read of a tail may be of use to somebody yet.
    if (recording.info.recovered.isWhole) removeTails(file);
    else if (existsSync(tailPath(file))) renameSync(tailPath(file), unreadTail(file));
    return recording.info;
  } catch (error) {
    throw storeError(`recover the recording ${path}`, error);
  } finally {
    for (const sidecar of SIDECARS) rmSync(`${draft}${sidecar}`, { force: true });
    release();
  }
}

/** Where a tail is kept that could not be read to its end, or may have lost pages. */
export function unreadTail(path: string): string {
  return `${tailPath(path)}-unread`;
}

/** Copies what is committed, once its log is folded into it, and appends the tail. */
function makeDraft(recording: Recording, file: string, draft: string): void {
  const { info, fixedSeal, tailSegments } = recording;
  // All segments of the tail are in memory; the file is about to be opened for writing.
  recording.close();
  closeRecorded(openForRecording(file, OPEN), file);
  copyFileSync(file, draft, constants.COPYFILE_FICLONE);
  const inserter = new SegmentInserter(openForRecording(draft, OPEN), { path: draft, fixedSeal });
  try {
    const committed = info.eventCount - info.recovered!.fromTail;
    if (inserter.eventCount !== committed) {
      const found = `found ${inserter.eventCount} events in it now, wanted ${committed}`;
      throw new ReelError("ERR_STORE", `Cannot recover ${file}: ${found}`);
    }
    for (const segment of tailSegments) inserter.write(segment);
    while (inserter.catchUp());
  } catch (error) {
    inserter.close();
    throw error;
  }
  inserter.finish("recovered", info.outcome ?? null);
}

/** What takes the place of a recording and its tail must be that recording. */
function checkDraft(draft: string, file: string, { digest, eventCount }: RecordingInfo): void {
  using made = openRecording(draft);
  if (made.digest === digest && made.eventCount === eventCount) return;
  const found = `found ${made.eventCount} events in the new file, wanted ${eventCount}`;
  throw new ReelError("ERR_STORE", `Cannot recover ${file}: ${found}`);
}
