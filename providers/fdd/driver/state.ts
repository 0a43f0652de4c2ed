/** What the driver remembers: of each open drive in records, of the controller in one place. */
import {
  bool,
  bytes,
  struct,
  u32,
  u53,
  u8,
  type Records,
  type View,
} from "../../../core/provider/index.ts";
import { countShape } from "../../disk/counts.ts";

/** Sectors of the largest cylinder: 2 heads of 36. */
export const CYLINDER_SECTORS_MAX = 72;
/** Stands for no cylinder. */
export const NO_CYLINDER = 255;

const shape = {
  drive: u8,
  /** Number of the format in FORMATS, from 1; 0 until it is known. */
  format: u8,
  /** Whether the program named the format: it is not looked for then. */
  isFormatGiven: bool,
  readOnly: bool,
  /** Whether it is known what was in the drive: a change is news then. */
  lookedInto: bool,
  motorOn: bool,
  /** The reset since which the arm's place is known; 0 for never. */
  calibration: u32,
  cylinder: u8,
  /** Operations that are at work: the motor stays on. */
  busy: u32,
  spinUpNs: u53,
  settleNs: u53,
  /** Disks seen so far. */
  generation: u32,
  /** Address of the cylinder buffer in the machine's memory. */
  buffer: u32,
  /** The cylinder in the buffer, and which of its sectors are there: 1 each. */
  cachedCylinder: u8,
  valid: bytes(CYLINDER_SECTORS_MAX),
  ...countShape,
  /** The last command's result bytes. */
  st0: u8,
  st1: u8,
  st2: u8,
  resultHead: u8,
  resultRecord: u8,
} as const;

export const driveState = struct(shape);

export type DriveRecords = Records<typeof shape>;
export type DriveView = View<typeof shape>;
