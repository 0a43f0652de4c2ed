/**
 * Packing: one file of a recording, without a log or a tail beside it and without empty pages. Its
 * identity, its events and its digest stay.
 */
import { Database } from "bun:sqlite";
import {
  chmodSync,
  closeSync,
  constants,
  copyFileSync,
  existsSync,
  fsyncSync,
  mkdtempSync,
  openSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
} from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { ReelError } from "../../errors.ts";
import { openRecording } from "../recording.ts";
import type { RecordingInfo } from "../recording.ts";
import { writeRecovered } from "../recovery/write-recovered.ts";
import { claimPath } from "../store/claim.ts";
import { closeRecorded, openForRecording } from "../store/database.ts";
import { storeError } from "../store/errors.ts";
import { tailPath } from "../tail/layout.ts";
import { sizeOnDisk } from "./remove.ts";

/** What came of packing. */
export interface Packed {
  readonly path: string;
  /** What the recording says of itself, read before it was packed. */
  readonly info: RecordingInfo;
  readonly sizeBytesBefore: number;
  readonly sizeBytes: number;
}

/**
 * Packs a recording; one whose process died is recovered by it.
 * @param outPath a file that does not exist; without it the recording itself is replaced
 * @throws {ReelError} as openRecording does, before anything is written; ERR_USAGE when there is a
 *   file, or a process records to the recording; ERR_STORE
 */
export function packRecording(path: string, outPath?: string): Packed {
  const out = outPath === undefined ? undefined : freePath(outPath, "pack into");
  const info = readWhole(path);
  const file = realpathSync(resolve(path));
  const sizeBytesBefore = sizeOnDisk(file);
  const to = out ?? file;
  try {
    if (out === undefined) packInPlace(file, info);
    else if (info.recovered === undefined) writePacked(file, out);
    else packRecovered(file, out);
  } catch (error) {
    throw storeError(`pack the recording ${path}`, error);
  }
  return { path: to, info, sizeBytesBefore, sizeBytes: sizeOnDisk(to) };
}

/**
 * The absolute path of a file that is to be made.
 * @param doing what for, after "Cannot"
 * @throws {ReelError} ERR_USAGE when there is one, or no folder for it
 */
export function freePath(path: string, doing: string): string {
  const folder = dirname(resolve(path));
  const found = existsSync(path) ? "it exists" : `there is no folder ${folder}`;
  if (!existsSync(path) && existsSync(folder)) return resolve(path);
  throw new ReelError("ERR_USAGE", `Cannot ${doing} ${path}: ${found}`, {
    mend: "Name a file that does not exist, in a folder that does",
  });
}

/** Verifies all of a recording. @throws {ReelError} ERR_USAGE for one that is being made */
function readWhole(path: string): RecordingInfo {
  using recording = openRecording(path);
  const { info } = recording;
  if (info.state !== "recording") return info;
  throw new ReelError("ERR_USAGE", `Cannot pack ${path}: a process is recording to it`, {
    mend: "Wait for that process to end",
  });
}

function packInPlace(file: string, info: RecordingInfo): void {
  if (info.recovered !== undefined) writeRecovered(file);
  const release = claimPath(file);
  try {
    // A log that is left behind would be taken for that of the new file.
    if (existsSync(`${file}-wal`)) {
      closeRecorded(openForRecording(file, { durable: true, sizeBytesMax: Infinity }), file);
    }
    if (existsSync(`${file}-wal`)) {
      throw new ReelError("ERR_STORE", `Cannot pack ${file}: another program has it open`, {
        mend: "Close that program, or name another file to pack into",
      });
    }
    writePacked(file, file);
  } finally {
    release();
  }
}

/** Recovering changes a recording: a copy is recovered, with all that lies beside it. */
function packRecovered(file: string, out: string): void {
  const folder = mkdtempSync(join(dirname(out), ".ioreel-pack-"));
  try {
    const name = basename(file);
    const copy = join(folder, name);
    const isPart = (entry: string): boolean =>
      entry === name || entry === `${name}-wal` || entry.startsWith(basename(tailPath(file)));
    for (const entry of readdirSync(dirname(file)).filter(isPart)) {
      copyFileSync(join(dirname(file), entry), join(folder, entry), constants.COPYFILE_FICLONE);
    }
    writeRecovered(copy);
    writePacked(copy, out);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Writes a packed form and puts it in its place when all of it is on the disk. */
function writePacked(file: string, out: string): void {
  const draft = join(dirname(out), `.${basename(out)}.${process.pid}.packed`);
  rmSync(draft, { force: true });
  try {
    const database = new Database(file, { readonly: true });
    try {
      database.run("VACUUM INTO ?", [draft]);
    } finally {
      database.close();
    }
    chmodSync(draft, statSync(file).mode);
    const descriptor = openSync(draft, "r");
    fsyncSync(descriptor);
    closeSync(descriptor);
    renameSync(draft, out);
  } finally {
    rmSync(draft, { force: true });
  }
}
