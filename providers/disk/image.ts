/**
 * Media over a base: what is written lies in memory, in chunks copied when they are first written
 * to, and the base (zeros, or an image file) stays as it is until a flush writes them back, if the
 * medium is to do that. So a program that is killed has lost exactly what it had not flushed.
 */
import { copyPart } from "./copy-part.ts";
import { closeSync, fstatSync, fsyncSync, openSync, readSync, writeSync } from "node:fs";
import { MEDIUM, sectorsInside, type Medium, type MediumStatus } from "./medium.ts";
import { decodeState, encodeState } from "./state.ts";

const CHUNK_BYTES = 65536;
/** Clean chunks over a file that are kept: they can be read again. */
const CLEAN_CHUNKS_MAX = 1024;
const STATE_VERSION = 1;

/** What an overlay lies over. */
export interface MediumBase {
  readonly sizeBytes: number;
  /** @returns whether all bytes could be read */
  read(offset: number, target: Uint8Array): boolean;
  /** @returns whether all bytes could be written; undefined for a base that takes none */
  write?(offset: number, bytes: Uint8Array): boolean;
  flush?(): boolean;
  close?(): void;
}

/** A base of zeros: with it an overlay is a sparse medium. */
export function zeros(sizeBytes: number): MediumBase {
  return {
    sizeBytes,
    read(_offset, target) {
      target.fill(0);
      return true;
    },
  };
}

/** Runs a system call. @returns undefined when it failed */
function attempt<T>(call: () => T): T | undefined {
  try {
    return call();
  } catch {
    return undefined;
  }
}

/**
 * An image file as a base.
 * @param writable whether flushes may write to it
 * @throws the system's error when it cannot be opened
 */
export function fileBase(path: string, writable: boolean): MediumBase {
  const file = openSync(path, writable ? "r+" : "r");
  const move = (target: Uint8Array, offset: number, call: typeof readSync): boolean => {
    let done = 0;
    while (done < target.length) {
      const from = done;
      const count = attempt(() => call(file, target, from, target.length - from, offset + from));
      if (count === undefined || count === 0) return false;
      done += count;
    }
    return true;
  };
  return {
    sizeBytes: fstatSync(file).size,
    read: (offset, target) => move(target, offset, readSync),
    ...(writable && {
      write: (offset: number, bytes: Uint8Array) =>
        move(bytes, offset, writeSync as unknown as typeof readSync),
      flush: () => attempt(() => fsyncSync(file) ?? true) ?? false,
    }),
    close: () => void attempt(() => closeSync(file)),
  };
}

export interface OverlayOptions {
  sectorBytes?: number;
  readOnly?: boolean;
}

export class OverlayMedium implements Medium {
  readonly sectorBytes: number;
  readonly sectors: number;
  readonly readOnly: boolean;
  status: MediumStatus = MEDIUM.OK;
  readonly #base: MediumBase;
  readonly #chunks = new Map<number, Uint8Array>();
  readonly #dirty = new Set<number>();

  constructor(base: MediumBase, options: OverlayOptions = {}) {
    this.#base = base;
    this.sectorBytes = options.sectorBytes ?? 512;
    this.readOnly = options.readOnly ?? false;
    this.sectors = Math.floor(base.sizeBytes / this.sectorBytes);
  }

  read(lba: number, sectors: number, target: Uint8Array, at: number): number {
    const size = this.sectorBytes;
    const count = sectorsInside(this, lba, sectors);
    this.status = count === sectors ? MEDIUM.OK : MEDIUM.OUTSIDE;
    const good = this.#eachPart(lba * size, count * size, (chunk, inside, length, done) => {
      const held = this.#chunks.get(chunk);
      if (held === undefined) {
        const part = target.subarray(at + done, at + done + length);
        return this.#base.read(chunk * CHUNK_BYTES + inside, part);
      }
      copyPart.call(held, target, at + done, inside, inside + length);
      return true;
    });
    if (good < count * size) this.status = MEDIUM.UNREADABLE;
    return Math.floor(good / size);
  }

  write(lba: number, sectors: number, source: Uint8Array, at: number): number {
    const size = this.sectorBytes;
    if (this.readOnly) {
      this.status = MEDIUM.READ_ONLY;
      return 0;
    }
    const count = sectorsInside(this, lba, sectors);
    this.status = count === sectors ? MEDIUM.OK : MEDIUM.OUTSIDE;
    const good = this.#eachPart(lba * size, count * size, (chunk, inside, length, done) => {
      const held = this.#own(chunk, length === CHUNK_BYTES);
      if (held === undefined) return false;
      copyPart.call(source, held, inside, at + done, at + done + length);
      return true;
    });
    if (good < count * size) this.status = MEDIUM.FAILED;
    return Math.floor(good / size);
  }

  /** Calls for each chunk that a range touches. @returns bytes done before one said no */
  #eachPart(
    from: number,
    bytes: number,
    visit: (chunk: number, inside: number, length: number, done: number) => boolean,
  ): number {
    let done = 0;
    while (done < bytes) {
      const at = from + done;
      const inside = at % CHUNK_BYTES;
      const length = Math.min(CHUNK_BYTES - inside, bytes - done);
      if (!visit(Math.floor(at / CHUNK_BYTES), inside, length, done)) break;
      done += length;
    }
    return done;
  }

  /** The chunk's copy, which is about to be written. */
  #own(chunk: number, whole: boolean): Uint8Array | undefined {
    let held = this.#chunks.get(chunk);
    if (held === undefined) {
      const offset = chunk * CHUNK_BYTES;
      held = new Uint8Array(Math.min(CHUNK_BYTES, this.#base.sizeBytes - offset));
      if (!whole && !this.#base.read(offset, held)) return undefined;
      this.#chunks.set(chunk, held);
    }
    this.#dirty.add(chunk);
    return held;
  }

  flush(): boolean {
    this.status = MEDIUM.OK;
    const { write, flush } = this.#base;
    if (write === undefined) return true;
    for (const chunk of [...this.#dirty].toSorted((a, b) => a - b)) {
      if (!write(chunk * CHUNK_BYTES, this.#chunks.get(chunk)!)) {
        this.status = MEDIUM.FAILED;
        return false;
      }
      this.#dirty.delete(chunk);
    }
    if (this.#chunks.size > CLEAN_CHUNKS_MAX) this.#chunks.clear();
    if (flush?.() === false) this.status = MEDIUM.FAILED;
    return this.status === MEDIUM.OK;
  }

  discard(lba: number, sectors: number): boolean {
    this.status = MEDIUM.OK;
    if (this.readOnly) this.status = MEDIUM.READ_ONLY;
    else if (sectorsInside(this, lba, sectors) < sectors) this.status = MEDIUM.OUTSIDE;
    else {
      const size = this.sectorBytes;
      const good = this.#eachPart(lba * size, sectors * size, (chunk, inside, length) => {
        const held = this.#own(chunk, length === CHUNK_BYTES);
        held?.fill(0, inside, inside + length);
        return held !== undefined;
      });
      if (good < sectors * size) this.status = MEDIUM.FAILED;
    }
    return this.status === MEDIUM.OK;
  }

  /** Lets go of the base. What was not flushed stays in memory. */
  close(): void {
    this.#base.close?.();
  }

  /** What differs from the base, and what of it a flush would write. */
  snapshot(): Uint8Array {
    const chunks = [...this.#chunks].toSorted((a, b) => a[0] - b[0]);
    return encodeState("medium", STATE_VERSION, {
      sizeBytes: this.#base.sizeBytes,
      chunks: chunks.map(([number, bytes]) => ({ number, bytes, dirty: this.#dirty.has(number) })),
    });
  }

  restore(blob: Uint8Array): void {
    const chunk = { number: 0, bytes: new Uint8Array(0), dirty: false };
    const like = { sizeBytes: 0, chunks: [chunk] };
    const { sizeBytes, chunks } = decodeState("medium", STATE_VERSION, blob, like);
    const sound = chunks.every(({ number, bytes }) => {
      const left = this.#base.sizeBytes - number * CHUNK_BYTES;
      return (
        Number.isInteger(number) && number >= 0 && bytes.length === Math.min(CHUNK_BYTES, left)
      );
    });
    if (sizeBytes !== this.#base.sizeBytes || !sound) {
      throw new RangeError(`Cannot restore the medium: it is not of ${this.#base.sizeBytes} bytes`);
    }
    this.#chunks.clear();
    this.#dirty.clear();
    for (const { number, bytes, dirty } of chunks) {
      this.#chunks.set(number, bytes);
      if (dirty) this.#dirty.add(number);
    }
  }
}
