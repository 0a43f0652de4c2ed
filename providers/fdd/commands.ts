/**
 * The command set: which bytes are commands, how many parameters they take, and where they go on.
 * Option bits that a command does not have make it an invalid one: [82077] 5.0, table 5-1.
 */
import {
  CMD_CONFIGURE,
  CMD_DRIVE_SPECIFICATION,
  CMD_DUMPREG,
  CMD_FORMAT,
  CMD_LOCK,
  CMD_PART_ID,
  CMD_PERPENDICULAR,
  CMD_READ,
  CMD_READ_DELETED,
  CMD_READ_ID,
  CMD_READ_TRACK,
  CMD_RECALIBRATE,
  CMD_RELATIVE_SEEK,
  CMD_SCAN_EQUAL,
  CMD_SCAN_HIGH,
  CMD_SCAN_LOW,
  CMD_SEEK,
  CMD_SENSE_DRIVE,
  CMD_SENSE_INTERRUPT,
  CMD_SPECIFY,
  CMD_VERIFY,
  CMD_VERSION,
  CMD_WRITE,
  CMD_WRITE_DELETED,
  OPTION_DIR,
  OPTION_MFM,
  OPTION_MT,
  OPTION_SK,
} from "./registers.ts";

/** What a first byte of the command phase means. */
export interface CommandShape {
  readonly code: number;
  /** Bytes of the command phase, with the first. */
  readonly length: number;
  /** Only the 82078 has it. */
  readonly only82078: boolean;
}

const ALL = OPTION_MT | OPTION_MFM | OPTION_SK;

/** Command, its option bits, and its length in bytes. */
const TABLE: readonly (readonly [code: number, options: number, length: number])[] = [
  [CMD_READ, ALL, 9], // 5.1.1
  [CMD_READ_DELETED, ALL, 9], // 5.1.2
  [CMD_READ_TRACK, OPTION_MFM, 9], // 5.1.3
  [CMD_WRITE, OPTION_MT | OPTION_MFM, 9], // 5.1.4
  [CMD_WRITE_DELETED, OPTION_MT | OPTION_MFM, 9], // 5.1.5
  [CMD_VERIFY, ALL, 9], // 5.1.6
  [CMD_FORMAT, OPTION_MFM, 6], // 5.1.7
  [CMD_SCAN_EQUAL, ALL, 9], // 5.1.8
  [CMD_SCAN_LOW, ALL, 9],
  [CMD_SCAN_HIGH, ALL, 9],
  [CMD_READ_ID, OPTION_MFM, 2], // 5.2.1
  [CMD_RECALIBRATE, 0, 2], // 5.2.2
  [CMD_SEEK, 0, 3], // 5.2.3
  [CMD_SENSE_INTERRUPT, 0, 1], // 5.2.4
  [CMD_SENSE_DRIVE, 0, 2], // 5.2.5
  [CMD_SPECIFY, 0, 3], // 5.2.6
  [CMD_CONFIGURE, 0, 4], // 5.2.7
  [CMD_VERSION, 0, 1], // 5.2.8
  [CMD_RELATIVE_SEEK, OPTION_DIR, 3], // 5.2.9
  [CMD_PERPENDICULAR, 0, 2], // 5.2.11
  [CMD_LOCK, OPTION_MT, 1], // 5.2.12
  [CMD_DUMPREG, 0, 1], // 5.2.10
  [CMD_PART_ID, 0, 1], // [82078]
  [CMD_DRIVE_SPECIFICATION, 0, 6], // [82078]: at most so many; a byte with bit 7 ends it
];

/** What each first byte means; undefined for an invalid command. */
export const COMMANDS: readonly (CommandShape | undefined)[] = Array.from(
  { length: 256 },
  (_, byte) => {
    const row = TABLE.find(([code, options]) => (byte & ~options) === code);
    if (row === undefined) return undefined;
    const [code, , length] = row;
    const only82078 = code === CMD_PART_ID || code === CMD_DRIVE_SPECIFICATION;
    return { code, length, only82078 };
  },
);
