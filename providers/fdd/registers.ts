/**
 * Registers, bits and command codes of the floppy controller, and where a PC has it.
 *
 * References: [82077] Intel 82077AA CHMOS Single-Chip Floppy Disk Controller, data sheet 290166;
 * [82078] Intel 82078 data sheet 290475, for the few commands that only that chip has;
 * [ISA] the resources of the PC/AT's first controller.
 */

/** First port of the controller [ISA]. */
export const FDC_BASE = 0x3f0;
/** Ports that it answers: 3F0h to 3F5h and 3F7h; 3F6h belongs to the IDE channel. */
export const FDC_LOW_LENGTH = 6;
export const FDC_HIGH = 0x3f7;
export const FDC_LINE = 6;
export const FDC_DMA_CHANNEL = 2;

/** Offsets from the first port: [82077] 2.1 "Status, data and control registers". */
export const REG_SRA = 0; // read only, PS/2 modes only: not driven in AT mode
export const REG_SRB = 1; // read only, PS/2 modes only: not driven in AT mode
export const REG_DOR = 2; // read and write: digital output register, 2.1.3
export const REG_TDR = 3; // read and write: tape drive register, 2.1.4
export const REG_MSR = 4; // read: main status register, 2.1.6
export const REG_DSR = 4; // write: data rate select register, 2.1.5
export const REG_FIFO = 5; // read and write: data, 2.1.7
export const REG_DIR = 7; // read: digital input register, 2.1.8
export const REG_CCR = 7; // write: configuration control register, 2.1.9

/** Digital output register, [82077] 2.1.3. */
export const DOR_SELECT = 0x03;
export const DOR_NOT_RESET = 0x04;
export const DOR_DMA_GATE = 0x08;
export const DOR_MOTOR_0 = 0x10;

/** Main status register, [82077] 2.1.6. The low four bits say which drives are seeking. */
export const MSR_COMMAND_BUSY = 0x10;
export const MSR_NON_DMA = 0x20;
export const MSR_DIO = 0x40; // the host is to read
export const MSR_RQM = 0x80; // the host may transfer a byte

/** Data rate select register, [82077] 2.1.5. */
export const DSR_RATE = 0x03;
export const DSR_POWER_DOWN = 0x40;
export const DSR_RESET = 0x80;

/** Digital input register in AT mode, [82077] 2.1.8.1. */
export const DIR_CHANGED = 0x80;

/** Status register 0, [82077] 6.1. */
export const ST0_UNIT = 0x03;
export const ST0_HEAD = 0x04;
export const ST0_EQUIPMENT_CHECK = 0x10;
export const ST0_SEEK_END = 0x20;
export const ST0_ABNORMAL = 0x40;
export const ST0_INVALID = 0x80;
export const ST0_POLLED = 0xc0;

/** Status register 1, [82077] 6.2. */
export const ST1_MISSING_MARK = 0x01;
export const ST1_NOT_WRITABLE = 0x02;
export const ST1_NO_DATA = 0x04;
export const ST1_OVERRUN = 0x10;
export const ST1_DATA_ERROR = 0x20;
export const ST1_END_OF_CYLINDER = 0x80;

/** Status register 2, [82077] 6.3. */
export const ST2_MISSING_DATA_MARK = 0x01;
export const ST2_BAD_CYLINDER = 0x02;
export const ST2_SCAN_NOT_SATISFIED = 0x04;
export const ST2_SCAN_HIT = 0x08;
export const ST2_WRONG_CYLINDER = 0x10;
export const ST2_DATA_ERROR = 0x20;
export const ST2_CONTROL_MARK = 0x40;

/** Status register 3, [82077] 6.4. Bits 3 and 5 are always 1. */
export const ST3_ALWAYS = 0x28;
export const ST3_TRACK_0 = 0x10;
export const ST3_WRITE_PROTECTED = 0x40;

/** Commands without their option bits, [82077] 5.0, table 5-1. */
export const CMD_READ_TRACK = 0x02;
export const CMD_SPECIFY = 0x03;
export const CMD_SENSE_DRIVE = 0x04;
export const CMD_WRITE = 0x05;
export const CMD_READ = 0x06;
export const CMD_RECALIBRATE = 0x07;
export const CMD_SENSE_INTERRUPT = 0x08;
export const CMD_WRITE_DELETED = 0x09;
export const CMD_READ_ID = 0x0a;
export const CMD_READ_DELETED = 0x0c;
export const CMD_FORMAT = 0x0d;
export const CMD_DUMPREG = 0x0e;
export const CMD_SEEK = 0x0f;
export const CMD_VERSION = 0x10;
export const CMD_SCAN_EQUAL = 0x11;
export const CMD_PERPENDICULAR = 0x12;
export const CMD_CONFIGURE = 0x13;
export const CMD_LOCK = 0x14;
export const CMD_VERIFY = 0x16;
export const CMD_PART_ID = 0x18; // [82078] only
export const CMD_SCAN_LOW = 0x19;
export const CMD_SCAN_HIGH = 0x1d;
export const CMD_DRIVE_SPECIFICATION = 0x8e; // [82078] only
export const CMD_RELATIVE_SEEK = 0x8f;

/** Option bits of the data commands, [82077] 5.0. */
export const OPTION_MT = 0x80;
export const OPTION_MFM = 0x40;
export const OPTION_SK = 0x20;
/** Direction of RELATIVE SEEK: 1 is inwards, towards higher cylinders, [82077] 5.2.9. */
export const OPTION_DIR = 0x40;

/** CONFIGURE's second byte, [82077] 5.2.7. */
export const CONFIG_IMPLIED_SEEK = 0x40;
export const CONFIG_NO_FIFO = 0x20;
export const CONFIG_NO_POLL = 0x10;
export const CONFIG_THRESHOLD = 0x0f;
/** After a hardware reset: FIFO off, polling on, no implied seek, [82077] 5.2.7. */
export const CONFIG_DEFAULT = CONFIG_NO_FIFO;

/** Steps that one RECALIBRATE makes at most, [82077] 5.2.2. */
export const RECALIBRATE_STEPS_MAX = 79;
/** VERSION's answer of an enhanced controller, [82077] 5.2.8. */
export const VERSION_ENHANCED = 0x90;
/** PART ID's answer of the 82078, [82078] "Part ID". */
export const PART_82078 = 0x41;
