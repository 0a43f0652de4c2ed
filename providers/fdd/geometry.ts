/**
 * Floppy formats, and where on a track a sector passes under the head.
 *
 * A track in MFM, [82077] 5.1.7 figure "System 34 format": after the index pulse gap 4a (80 bytes),
 * sync 12, index mark 4, gap 1 50; then for each sector sync 12, ID mark 4, C H R N 4, CRC 2, gap 2
 * 22, sync 12, data mark 4, data 512, CRC 2, gap 3; gap 4b fills the rest of the turn.
 */

/** Data rates as DSR and CCR select them, [82077] table 2-5: nanoseconds of one byte in MFM. */
export const BYTE_NS = [16_000, 80_000 / 3, 32_000, 8_000] as const;

export const FORMAT_NAMES = [
  "160K",
  "180K",
  "320K",
  "360K",
  "720K",
  "1.2M",
  "1.44M",
  "2.88M",
] as const;
export type FormatName = (typeof FORMAT_NAMES)[number];

export interface FloppyFormat {
  readonly name: FormatName;
  readonly cylinders: number;
  readonly heads: number;
  readonly sectorsPerTrack: number;
  /** DSR and CCR's code of the data rate. */
  readonly rate: number;
  /** One turn of the drive that it is read in: 300 or 360 turns a minute. */
  readonly turnNs: number;
  /** Gap 3 between sectors, as FORMAT TRACK gets it. */
  readonly formatGap: number;
  /** Gap length for reading and writing: shorter, so that the write splice falls into the gap. */
  readonly transferGap: number;
  /** Cylinders that the drive's arm can reach: a few more than the format uses. */
  readonly driveCylinders: number;
}

const TURN_300_NS = 200_000_000;
const TURN_360_NS = 500_000_000 / 3;

type Row = readonly [FormatName, number, number, number, number, number, number, number, number];
const ROWS: readonly Row[] = [
  ["160K", 40, 1, 8, 2, TURN_300_NS, 0x50, 0x2a, 42],
  ["180K", 40, 1, 9, 2, TURN_300_NS, 0x50, 0x2a, 42],
  ["320K", 40, 2, 8, 2, TURN_300_NS, 0x50, 0x2a, 42],
  ["360K", 40, 2, 9, 2, TURN_300_NS, 0x50, 0x2a, 42],
  ["720K", 80, 2, 9, 2, TURN_300_NS, 0x50, 0x2a, 83],
  ["1.2M", 80, 2, 15, 0, TURN_360_NS, 0x54, 0x1b, 83],
  ["1.44M", 80, 2, 18, 0, TURN_300_NS, 0x6c, 0x1b, 83],
  ["2.88M", 80, 2, 36, 3, TURN_300_NS, 0x53, 0x1b, 83],
];

/** All formats, by rising capacity. */
export const FORMATS: readonly FloppyFormat[] = ROWS.map((row) => {
  const [name, cylinders, heads, sectorsPerTrack, rate, turnNs, formatGap, transferGap] = row;
  const shape = { name, cylinders, heads, sectorsPerTrack, rate, turnNs };
  return { ...shape, formatGap, transferGap, driveCylinders: row[8] };
});

/** Bytes of a sector: code N = 2, the only one that images of PC floppies have. */
export const SECTOR_BYTES = 512;
export const SECTOR_CODE = 2;

export function sectorsOf(format: FloppyFormat): number {
  return format.cylinders * format.heads * format.sectorsPerTrack;
}

export function bytesOf(format: FloppyFormat): number {
  return sectorsOf(format) * SECTOR_BYTES;
}

/** @throws {RangeError} for a name that is none */
export function formatNamed(name: string): FloppyFormat {
  const format = FORMATS.find((each) => each.name === name);
  if (format !== undefined) return format;
  throw new RangeError(`Cannot use format ${name}: wanted one of ${FORMAT_NAMES.join(", ")}`);
}

/** The format of an image of so many bytes, or undefined when none has as many. */
export function formatOfSize(sizeBytes: number): FloppyFormat | undefined {
  return FORMATS.find((each) => bytesOf(each) === sizeBytes);
}

const BEFORE_FIRST_BYTES = 80 + 12 + 4 + 50;
const ID_BYTES = 12 + 4 + 4 + 2;
const BEFORE_DATA_BYTES = ID_BYTES + 22 + 12 + 4;
const DATA_END_BYTES = BEFORE_DATA_BYTES + SECTOR_BYTES + 2;

/** Where the parts of a sector begin and end, in nanoseconds after the index pulse. */
export interface SectorTimes {
  readonly idNs: number;
  readonly idEndNs: number;
  readonly dataNs: number;
  readonly endNs: number;
}

/** @param index place of the sector on its track, from 0 */
export function sectorTimes(format: FloppyFormat, index: number): SectorTimes {
  const byteNs = BYTE_NS[format.rate]!;
  const at = BEFORE_FIRST_BYTES + index * (DATA_END_BYTES + format.formatGap);
  return {
    idNs: at * byteNs,
    idEndNs: (at + ID_BYTES) * byteNs,
    dataNs: (at + BEFORE_DATA_BYTES) * byteNs,
    endNs: (at + DATA_END_BYTES) * byteNs,
  };
}
