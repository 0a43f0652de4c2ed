/**
 * Media: what holds a disk's sectors. Access is synchronous; the time that it takes is the drive's
 * to model. A transfer goes on up to the first sector that fails, so each sector has its outcome.
 */

/** Why a transfer stopped where it did. */
export const MEDIUM = {
  OK: 0,
  /** The sector cannot be read: uncorrectable data (UNC). */
  UNREADABLE: 1,
  /** The sector is behind the end of the medium. */
  OUTSIDE: 2,
  READ_ONLY: 3,
  /** What is behind the medium failed: the image was cut, its disk is full. */
  FAILED: 4,
} as const;
export type MediumStatus = (typeof MEDIUM)[keyof typeof MEDIUM];

export interface Medium {
  /** Bytes of a sector: 512 for disks, 2048 for a CD, 128 to 16384 for a floppy. */
  readonly sectorBytes: number;
  readonly sectors: number;
  readonly readOnly: boolean;
  /** Why the last call fell short; {@link MEDIUM.OK} when it did not. */
  readonly status: MediumStatus;
  /**
   * Reads sectors into `target` from byte `at` on.
   * @returns how many sectors were read, from the first on, before one failed
   */
  read(lba: number, sectors: number, target: Uint8Array, at: number): number;
  /** Writes sectors. @returns how many were written before one failed */
  write(lba: number, sectors: number, source: Uint8Array, at: number): number;
  /** Makes what was written durable. @returns whether it is */
  flush(): boolean;
  /** Forgets sectors (TRIM): they read as zeros from now on. @returns whether it could */
  discard(lba: number, sectors: number): boolean;
  /** The contents, or what differs from what it was made over, as bytes. */
  snapshot(): Uint8Array;
  /** @throws {RangeError} for bytes that are not its own; nothing changes then */
  restore(bytes: Uint8Array): void;
}

/** Sectors of the asked-for range that the medium has. */
export function sectorsInside(medium: Medium, lba: number, sectors: number): number {
  if (!(lba >= 0) || lba >= medium.sectors) return 0;
  return Math.max(0, Math.min(sectors, medium.sectors - lba));
}

/** A medium in one array: its bytes may be looked at and changed by whoever made it. */
export class MemoryMedium implements Medium {
  readonly sectorBytes: number;
  readonly sectors: number;
  readonly readOnly: boolean;
  readonly bytes: Uint8Array;
  status: MediumStatus = MEDIUM.OK;

  /** @param bytes the contents; a last part sector is not part of the medium */
  constructor(bytes: Uint8Array, options: { sectorBytes?: number; readOnly?: boolean } = {}) {
    this.bytes = bytes;
    this.sectorBytes = options.sectorBytes ?? 512;
    this.readOnly = options.readOnly ?? false;
    this.sectors = Math.floor(bytes.length / this.sectorBytes);
  }

  read(lba: number, sectors: number, target: Uint8Array, at: number): number {
    const count = sectorsInside(this, lba, sectors);
    const size = this.sectorBytes;
    target.set(this.bytes.subarray(lba * size, (lba + count) * size), at);
    this.status = count === sectors ? MEDIUM.OK : MEDIUM.OUTSIDE;
    return count;
  }

  write(lba: number, sectors: number, source: Uint8Array, at: number): number {
    if (this.readOnly) {
      this.status = MEDIUM.READ_ONLY;
      return 0;
    }
    const count = sectorsInside(this, lba, sectors);
    const size = this.sectorBytes;
    this.bytes.set(source.subarray(at, at + count * size), lba * size);
    this.status = count === sectors ? MEDIUM.OK : MEDIUM.OUTSIDE;
    return count;
  }

  flush(): boolean {
    this.status = MEDIUM.OK;
    return true;
  }

  discard(lba: number, sectors: number): boolean {
    this.status = MEDIUM.OK;
    if (this.readOnly) this.status = MEDIUM.READ_ONLY;
    else if (sectorsInside(this, lba, sectors) < sectors) this.status = MEDIUM.OUTSIDE;
    else this.bytes.fill(0, lba * this.sectorBytes, (lba + sectors) * this.sectorBytes);
    return this.status === MEDIUM.OK;
  }

  snapshot(): Uint8Array {
    return this.bytes.slice();
  }

  restore(bytes: Uint8Array): void {
    if (bytes.length !== this.bytes.length) {
      throw new RangeError(
        `Cannot restore the medium: found ${bytes.length} bytes, wanted ${this.bytes.length}`,
      );
    }
    this.bytes.set(bytes);
  }
}
