/**
 * An image file as a medium: its bytes are in memory while it is in the drive, and what was written
 * goes back to the file at a flush. A floppy image is small enough for that.
 */
import { closeSync, fstatSync, fsyncSync, openSync, readSync, writeSync } from "node:fs";
import { MEDIUM, MemoryMedium } from "../disk/medium.ts";

const SECTOR_BYTES = 512;

export class ImageMedium extends MemoryMedium {
  readonly #path: string;
  /** Sectors that the file does not have yet: 1 for each. */
  readonly #dirty: Uint8Array;
  readonly #writesBack: boolean;

  /** @param writesBack false keeps what is written to this machine: an overlay */
  constructor(path: string, bytes: Uint8Array, readOnly: boolean, writesBack: boolean) {
    super(bytes, { readOnly });
    this.#path = path;
    this.#dirty = new Uint8Array(this.sectors);
    this.#writesBack = writesBack && !readOnly;
  }

  override write(lba: number, sectors: number, source: Uint8Array, at: number): number {
    const count = super.write(lba, sectors, source, at);
    this.#dirty.fill(1, lba, lba + count);
    return count;
  }

  override discard(lba: number, sectors: number): boolean {
    const isDone = super.discard(lba, sectors);
    if (isDone) this.#dirty.fill(1, lba, lba + sectors);
    return isDone;
  }

  override flush(): boolean {
    this.status = MEDIUM.OK;
    if (!this.#writesBack || !this.#dirty.includes(1)) return true;
    try {
      this.#writeBack();
      return true;
    } catch {
      this.status = MEDIUM.FAILED;
      return false;
    }
  }

  override restore(bytes: Uint8Array): void {
    super.restore(bytes);
    // What the file holds now is anybody's guess: all of it goes back at the next flush.
    this.#dirty.fill(1);
  }

  #writeBack(): void {
    const file = openSync(this.#path, "r+");
    try {
      for (let lba = this.#dirty.indexOf(1); lba >= 0; lba = this.#dirty.indexOf(1, lba)) {
        const clean = this.#dirty.indexOf(0, lba);
        const end = clean < 0 ? this.sectors : clean;
        writeWhole(file, this.bytes.subarray(lba * SECTOR_BYTES, end * SECTOR_BYTES), lba);
        this.#dirty.fill(0, lba, end);
      }
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
  }
}

function writeWhole(file: number, bytes: Uint8Array, lba: number): void {
  let written = 0;
  while (written < bytes.length) {
    const left = bytes.length - written;
    written += writeSync(file, bytes, written, left, lba * SECTOR_BYTES + written);
  }
}

/**
 * Reads a whole image.
 * @param sizeMax bytes that it may have at most
 * @returns its bytes, or its size when that is too large
 * @throws what the host's file system throws
 */
export function readImage(path: string, sizeMax: number): Uint8Array | number {
  const file = openSync(path, "r");
  try {
    const { size } = fstatSync(file);
    if (size > sizeMax) return size;
    const bytes = new Uint8Array(size);
    let at = 0;
    while (at < size) {
      const count = readSync(file, bytes, at, size - at, at);
      if (count === 0) break;
      at += count;
    }
    return bytes.subarray(0, at);
  } finally {
    closeSync(file);
  }
}
