/**
 * A floppy disk as the drive's heads see it: sectors with address marks over a medium of plain
 * sectors. An image holds neither deleted-data marks nor missing sectors: those are kept here for
 * as long as the disk is in the machine.
 */
import type { FaultList } from "../disk/faults.ts";
import { MEDIUM, type Medium } from "../disk/medium.ts";
import { sectorTimes, sectorsOf, type FloppyFormat, type SectorTimes } from "./geometry.ts";

/** What the read channel meets at a sector. */
export const MARK = {
  NORMAL: 0,
  /** Its data have a deleted-data address mark. */
  DELETED: 1,
  /** No ID field: never formatted, or formatted as what an image cannot hold. */
  MISSING: 2,
  /** The ID field's CRC is wrong. */
  BAD_ID: 3,
  /** The data's CRC is wrong. */
  BAD_DATA: 4,
  /** An ID field, and no data mark behind it. */
  NO_DATA_MARK: 5,
} as const;
export type Mark = (typeof MARK)[keyof typeof MARK];
const MARK_MAX = MARK.NO_DATA_MARK;

export class Surface {
  readonly format: FloppyFormat;
  readonly medium: Medium;
  /** What goes wrong with this disk and its drive. */
  readonly faults: FaultList | undefined;
  /** Each sector's mark. */
  readonly #marks: Uint8Array;
  readonly #times: readonly SectorTimes[];

  /**
   * @param medium sectors of 512 bytes; what it lacks of the format reads as CRC errors
   * @param faults strike at the disk's sectors, and at the drive while the disk is in it
   * @throws {RangeError} for sectors of another size
   */
  constructor(format: FloppyFormat, medium: Medium, faults?: FaultList) {
    if (medium.sectorBytes !== 512) {
      throw new RangeError(
        `Cannot use the medium as a floppy: found sectors of ${medium.sectorBytes} bytes, ` +
          "wanted 512",
      );
    }
    this.format = format;
    this.medium = medium;
    this.faults = faults;
    this.#marks = new Uint8Array(sectorsOf(format));
    const { sectorsPerTrack } = format;
    this.#times = Array.from({ length: sectorsPerTrack }, (_, i) => sectorTimes(format, i));
  }

  get writeProtected(): boolean {
    return this.medium.readOnly;
  }

  /** The sector's number in the image, or -1 when the format has none there. */
  lbaOf(cylinder: number, head: number, record: number): number {
    const { cylinders, heads, sectorsPerTrack } = this.format;
    if (!(cylinder < cylinders && head < heads && record >= 1 && record <= sectorsPerTrack)) {
      return -1;
    }
    return (cylinder * heads + head) * sectorsPerTrack + record - 1;
  }

  times(record: number): SectorTimes {
    return this.#times[record - 1]!;
  }

  mark(lba: number): Mark {
    return this.#marks[lba] as Mark;
  }

  /** Gives a sector another mark: a fault, or what a write or FORMAT TRACK has put there. */
  setMark(lba: number, mark: Mark): void {
    if (lba >= 0 && lba < this.#marks.length) this.#marks[lba] = mark;
  }

  /** Reads a sector. @returns whether its data are good */
  read(lba: number, target: Uint8Array): boolean {
    const { faults } = this;
    if (faults !== undefined && faults.unreadable(lba, 1) >= 0) return false;
    if (faults?.strike("crc", lba, 1) !== undefined) return false;
    return this.medium.read(lba, 1, target, 0) === 1;
  }

  /** Writes a sector with its mark. @returns a MEDIUM status */
  write(lba: number, source: Uint8Array, deleted: boolean): number {
    const { faults } = this;
    if (faults !== undefined && faults.size > 0) {
      // A torn write leaves the sector's second half as it was, and says that all is well.
      if (faults.strike("torn", lba, 1) !== undefined) this.#keepHalf(lba, source);
      if (faults.strike("misdirected", lba, 1) !== undefined) {
        const other = (lba + 1) % this.#marks.length;
        return this.medium.write(other, 1, source, 0) === 1 ? MEDIUM.OK : this.medium.status;
      }
      faults.written(lba, 1);
    }
    if (this.medium.write(lba, 1, source, 0) !== 1) return this.medium.status;
    this.setMark(lba, deleted ? MARK.DELETED : MARK.NORMAL);
    return MEDIUM.OK;
  }

  #keepHalf(lba: number, source: Uint8Array): void {
    const before = new Uint8Array(source.length);
    if (this.medium.read(lba, 1, before, 0) === 1) {
      source.set(before.subarray(source.length / 2), source.length / 2);
    }
  }

  /** The marks, for a snapshot. */
  get marks(): Uint8Array {
    return this.#marks.slice();
  }

  /** @returns whether the bytes are marks of such a disk */
  accepts(marks: Uint8Array): boolean {
    return marks.length === this.#marks.length && marks.every((mark) => mark <= MARK_MAX);
  }

  restoreMarks(marks: Uint8Array): void {
    this.#marks.set(marks);
  }
}
