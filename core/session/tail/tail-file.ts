/**
 * The file of a tail: made whole, mapped into memory and, at the end, removed. What is in a page of
 * a mapped file survives the process that wrote it there.
 */
import {
  closeSync,
  fsyncSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { TAIL_HEADER_BYTES, TAIL_MAGIC, TAIL_VERSION, TAIL_WORD, tailPath } from "./layout.ts";
import { bootId, processStart } from "./process-start.ts";

/** A tail in memory. All three are views of the same bytes. */
export interface TailMemory {
  readonly bytes: Uint8Array;
  readonly words: Int32Array;
  readonly floats: Float64Array;
}

/** What a tail's header says from its beginning to its end. */
export interface TailFacts {
  /** Of the recording. */
  readonly uuid: string;
  /** One of TAIL_MODE. */
  readonly mode: number;
  readonly sizeBytes: number;
}

const UUID_BYTES = 16;

/** Maps a tail that is there. @throws what the host says when it cannot be */
export function mapTail(file: string): TailMemory {
  const bytes = Bun.mmap(file, { shared: true });
  const { buffer, byteOffset, length } = bytes;
  return {
    bytes,
    words: new Int32Array(buffer, byteOffset, length >>> 2),
    floats: new Float64Array(buffer, byteOffset, length >>> 3),
  };
}

/**
 * Makes a tail beside its recording, under the name of a draft: {@link placeTail} gives it its own.
 *
 * Its blocks are written first: a store to a mapped page that the disk has no room for would end
 * the process, where a write says that the disk is full.
 * @param path of the recording
 * @throws what the host says when it cannot be made; then there is none
 */
export function draftTail(path: string, facts: TailFacts): TailMemory {
  const draft = draftPath(path);
  try {
    writeZeros(draft, facts.sizeBytes);
    const memory = mapTail(draft);
    fillHeader(memory, facts);
    return memory;
  } catch (error) {
    rmSync(draft, { force: true });
    throw error;
  }
}

function draftPath(path: string): string {
  return join(dirname(path), `.${basename(path)}.${process.pid}.tail`);
}

function writeZeros(file: string, sizeBytes: number): void {
  const zeros = new Uint8Array(TAIL_HEADER_BYTES);
  const descriptor = openSync(file, "w");
  try {
    for (let at = 0; at < sizeBytes;) {
      at += writeSync(descriptor, zeros, 0, Math.min(zeros.length, sizeBytes - at), at);
    }
  } finally {
    closeSync(descriptor);
  }
}

function fillHeader({ bytes, words, floats }: TailMemory, facts: TailFacts): void {
  const uuid = Uint8Array.fromHex(facts.uuid.replaceAll("-", ""));
  bytes.set(uuid.subarray(0, UUID_BYTES), TAIL_WORD.UUID * 4);
  words[TAIL_WORD.VERSION] = TAIL_VERSION;
  words[TAIL_WORD.SIZE] = facts.sizeBytes;
  words[TAIL_WORD.PROCESS] = process.pid;
  floats[TAIL_WORD.PROCESS_START / 2] = processStart(process.pid) ?? 0;
  words[TAIL_WORD.MODE] = facts.mode;
  bytes.set(bootId(), TAIL_WORD.BOOT * 4);
  words[TAIL_WORD.MAGIC] = TAIL_MAGIC[0];
  words[TAIL_WORD.MAGIC + 1] = TAIL_MAGIC[1];
}

/** Puts a draft in its place; what an earlier recording of that path left there goes. */
export function placeTail(path: string): void {
  removeTails(path);
  renameSync(draftPath(path), tailPath(path));
}

/** Removes a draft that has no place. Never throws. */
export function dropDraft(path: string): void {
  try {
    rmSync(draftPath(path), { force: true });
  } catch {
    // A disk that takes no change any more keeps it; the next recording there replaces it.
  }
}

/** Removes a recording's tail, and the files of frames that did not fit into it. */
export function removeTails(path: string): void {
  const folder = dirname(path);
  const name = basename(tailPath(path));
  for (const entry of readdirSync(folder)) {
    const rest = entry.startsWith(name) ? entry.slice(name.length) : undefined;
    if (rest === undefined || !/^(?:\.\d+)?$/.test(rest)) continue;
    rmSync(join(folder, entry), { force: true });
  }
}

/** Brings the names of a recording's files to the disk. @throws what the host says */
export function syncFolder(path: string): void {
  const folder = openSync(dirname(path), "r");
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}
