/** The file that all subjects of a run of the disk benchmarks read, and what they do with it. */
import { existsSync, rmSync, statSync, writeFileSync } from "node:fs";

/** Bytes of a read by programmed I/O. */
export const PIO_BYTES = 65536;

export interface Reading {
  readonly path: string;
  readonly sizeBytes: number;
  readonly blockBytes: number;
  readonly depth: number;
  readonly random: boolean;
  readonly direct: boolean;
  /** Which of a subject's ways to read. */
  readonly form: string;
}

/** Makes the file if this subject is the first to need it. */
export function openReading(argument: string): Reading {
  const [path = "", size, block, depth, order, cache, form = ""] = argument.split(" ");
  const sizeBytes = Number(size);
  if (!existsSync(path) || statSync(path).size < sizeBytes) {
    const bytes = new Uint8Array(sizeBytes);
    // No zeros: a host may keep those without storing them.
    for (let at = 0; at < sizeBytes; at += 8) bytes[at] = 1 + (at % 251);
    writeFileSync(path, bytes);
    Bun.spawnSync(["sync", path]);
  }
  return {
    path,
    sizeBytes,
    blockBytes: Number(block),
    depth: Number(depth),
    random: order === "random",
    direct: cache === "direct",
    form,
  };
}

/** Each subject tries: the last to do so has no file any more. */
export function removeFile({ path }: Reading): void {
  rmSync(path, { force: true });
}

/** Where the next block is: one after the other, or drawn as peers/disk.c draws. */
export class Positions {
  readonly #blocks: number;
  readonly #blockBytes: number;
  readonly #random: boolean;
  #state = 1;
  #next = 0;

  constructor({ blockBytes, random, sizeBytes }: Reading) {
    this.#blocks = Math.floor(sizeBytes / blockBytes);
    this.#blockBytes = blockBytes;
    this.#random = random;
  }

  next(): number {
    if (!this.#random) return (this.#next++ % this.#blocks) * this.#blockBytes;
    let state = this.#state;
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    this.#state = state;
    return ((state >>> 0) % this.#blocks) * this.#blockBytes;
  }
}
