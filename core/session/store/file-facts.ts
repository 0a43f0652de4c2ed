/**
 * What a file says of itself before SQLite sees it: whether it is a recording, of which version,
 * and how long it was.
 */
import { closeSync, openSync, readSync, statSync } from "node:fs";
import { refuseFile, storeError } from "./errors.ts";
import { TABLES_VERSION } from "./migrations.ts";

/** "REEL": tells our files from other SQLite databases (SQLite file format §1.2.16). */
export const APPLICATION_ID = 0x5245454c;
export const PAGE_BYTES = 8192;
/** More pages than any recording has: what is cut off is not made longer than that. */
const PAGES_MAX = 2 ** 27;

const HEADER_BYTES = 100;
const MAGIC = "SQLite format 3\0";
const PAGE_BYTES_AT = 16;
const PAGES_AT = 28;
const VERSION_AT = 60;
const APPLICATION_AT = 68;

export interface FileFacts {
  readonly sizeBytes: number;
  readonly header: Buffer;
}

/** Looks at a file. @returns undefined when there is none */
export function inspect(path: string): FileFacts | undefined {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return undefined;
  if (!stats.isFile()) {
    refuseFile(path, stats.isDirectory() ? "found a directory" : "found no regular file", {
      mend: "Name a recording, a file that ioreel has made",
    });
  }
  const header = Buffer.alloc(HEADER_BYTES);
  const file = openSync(path, "r");
  try {
    const count = readSync(file, header, 0, HEADER_BYTES, 0);
    return { sizeBytes: stats.size, header: header.subarray(0, count) };
  } finally {
    closeSync(file);
  }
}

export function isRecording({ header }: FileFacts): boolean {
  return (
    header.length === HEADER_BYTES &&
    header.toString("latin1", 0, MAGIC.length) === MAGIC &&
    header.readUInt32BE(APPLICATION_AT) === APPLICATION_ID
  );
}

/**
 * Looks at a file that is to be read as a recording.
 * @throws {ReelError} ENOENT, ERR_STORE when it cannot be reached, ERR_INCOMPATIBLE_RECORDING for a
 *   newer one, ERR_CORRUPT_RECORDING for anything else that is no recording
 */
export function inspectRecording(path: string): FileFacts {
  const facts = reach(path);
  if (facts === undefined) {
    refuseFile(path, "found no file", { code: "ENOENT", mend: "Check the path" });
  }
  checkFacts(path, facts);
  return facts;
}

/** The version of a recording's tables. */
export function tablesVersion({ header }: FileFacts): number {
  return header.readUInt32BE(VERSION_AT);
}

/** How long the file says that it is (file format §1.3.2, §1.3.8), within bounds. */
export function lengthBefore({ header }: FileFacts): number {
  return header.readUInt16BE(PAGE_BYTES_AT) === PAGE_BYTES
    ? Math.min(header.readUInt32BE(PAGES_AT), PAGES_MAX) * PAGE_BYTES
    : 0;
}

function reach(path: string): FileFacts | undefined {
  try {
    return inspect(path);
  } catch (error) {
    throw storeError(`open the recording ${path}`, error);
  }
}

function checkFacts(path: string, facts: FileFacts): void {
  const { sizeBytes, header } = facts;
  if (sizeBytes === 0) refuseFile(path, "found an empty file");
  if (header.toString("latin1", 0, MAGIC.length) !== MAGIC) {
    const found = header.subarray(0, MAGIC.length).toHex();
    refuseFile(path, `found a file that begins with ${found}, wanted an SQLite database`);
  }
  if (sizeBytes < PAGE_BYTES) {
    refuseFile(path, `found ${sizeBytes} bytes, wanted at least ${PAGE_BYTES}: it is cut off`);
  }
  if (!isRecording(facts)) {
    const found = header.readUInt32BE(APPLICATION_AT).toString(16);
    const wanted = APPLICATION_ID.toString(16);
    refuseFile(path, `found an SQLite database of application ${found}, wanted ${wanted}`);
  }
  const version = header.readUInt32BE(VERSION_AT);
  if (version > TABLES_VERSION) {
    refuseFile(path, `found tables of version ${version}, wanted at most ${TABLES_VERSION}`, {
      code: "ERR_INCOMPATIBLE_RECORDING",
      mend: "Open it with the release of ioreel that made it, or a later one",
    });
  }
  if (version < 1) refuseFile(path, `found tables of version ${version}, wanted 1`);
}
