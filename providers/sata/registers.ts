/**
 * Registers of an AHCI host bus adapter and the layout of what it keeps in memory.
 *
 * References: [AHCI] Serial ATA Advanced Host Controller Interface 1.3.1; the section stands behind
 * each name.
 */

/** Where the registers lie on ioreel's machine, and the interrupt line of INTA#. */
export const ABAR = 0xfeb00000;
export const ABAR_BYTES = 0x2000;
export const SATA_LINE = 11;

export const PORTS_MAX = 32;
export const SLOTS = 32;

// Generic host control: 3.1.
export const HBA_CAP = 0x00; // 3.1.1
export const HBA_GHC = 0x04; // 3.1.2
export const HBA_IS = 0x08; // 3.1.3
export const HBA_PI = 0x0c; // 3.1.4
export const HBA_VS = 0x10; // 3.1.5

/** 3.1.1: number of ports minus one in bits 4:0; the rest by name. */
export const CAP_SLOTS_SHIFT = 8;
export const CAP_PMD = 0x0000_8000; // PIO in DRQ blocks of several sectors
export const CAP_SAM = 0x0004_0000; // AHCI mode only
export const CAP_ISS_GEN3 = 0x0030_0000; // 6 Gb/s
export const CAP_SCLO = 0x0100_0000; // command list override
export const CAP_SNCQ = 0x4000_0000; // native command queuing
export const CAP_S64A = 0x8000_0000; // 64-bit addresses

/** 3.1.2 */
export const GHC_HR = 0x0000_0001; // HBA reset
export const GHC_IE = 0x0000_0002; // interrupt enable
export const GHC_AE = 0x8000_0000; // AHCI enable, read-only 1 with CAP.SAM

/** 3.1.5: version 1.3.1. */
export const VERSION = 0x0001_0301;

/** The first port's registers, and how far each port's are from the next. */
export const PORT_BASE = 0x100;
export const PORT_BYTES = 0x80;

// Port registers: 3.3.
export const PORT_CLB = 0x00; // 3.3.1
export const PORT_CLBU = 0x04; // 3.3.2
export const PORT_FB = 0x08; // 3.3.3
export const PORT_FBU = 0x0c; // 3.3.4
export const PORT_IS = 0x10; // 3.3.5
export const PORT_IE = 0x14; // 3.3.6
export const PORT_CMD = 0x18; // 3.3.7
export const PORT_TFD = 0x20; // 3.3.8
export const PORT_SIG = 0x24; // 3.3.9
export const PORT_SSTS = 0x28; // 3.3.10
export const PORT_SCTL = 0x2c; // 3.3.11
export const PORT_SERR = 0x30; // 3.3.12
export const PORT_SACT = 0x34; // 3.3.13
export const PORT_CI = 0x38; // 3.3.14

/** 3.3.5 and 3.3.6: interrupt status and enable. */
export const IS_DHRS = 0x0000_0001; // D2H register FIS with the I bit
export const IS_PSS = 0x0000_0002; // PIO setup FIS with the I bit, after its data
export const IS_DSS = 0x0000_0004; // DMA setup FIS with the I bit
export const IS_SDBS = 0x0000_0008; // set device bits FIS with the I bit
export const IS_UFS = 0x0000_0010; // unknown FIS; mirrors SERR.DIAG.F
export const IS_DPS = 0x0000_0020; // a PRD with the I bit is done
export const IS_PCS = 0x0000_0040; // port connect change; mirrors SERR.DIAG.X
export const IS_PRCS = 0x0040_0000; // PhyRdy change; mirrors SERR.DIAG.N
export const IS_OFS = 0x0100_0000; // more data than the PRD table has room for
export const IS_INFS = 0x0400_0000; // interface error, not fatal
export const IS_IFS = 0x0800_0000; // interface error, fatal
export const IS_HBDS = 0x1000_0000; // host bus data error
export const IS_HBFS = 0x2000_0000; // host bus fatal error: a bad address
export const IS_TFES = 0x4000_0000; // task file error
export const IS_FATAL = IS_IFS | IS_HBDS | IS_HBFS | IS_TFES;
export const IE_WRITABLE = 0xfdc0_00ff;
/** What a write of ones clears; the others mirror PxSERR. */
export const IS_CLEARABLE = (IE_WRITABLE & ~(IS_UFS | IS_PCS | IS_PRCS)) >>> 0;

/** 3.3.7 */
export const CMD_ST = 0x0000_0001; // start
export const CMD_SUD = 0x0000_0002; // spin up, read-only 1 without CAP.SSS
export const CMD_POD = 0x0000_0004; // power on, read-only 1 without cold presence detection
export const CMD_CLO = 0x0000_0008; // command list override
export const CMD_FRE = 0x0000_0010; // FIS receive enable
export const CMD_CCS_SHIFT = 8; // current command slot
export const CMD_CCS_MASK = 0x0000_1f00;
export const CMD_FR = 0x0000_4000; // FIS receive running
export const CMD_CR = 0x0000_8000; // command list running
export const CMD_HPCP = 0x0004_0000; // hot plug capable
export const CMD_ATAPI = 0x0100_0000; // the device is a packet device: software's note
export const CMD_DLAE = 0x0200_0000; // drive LED on packet commands: software's note
export const CMD_ICC_MASK = 0xf000_0000; // interface communication control
export const CMD_WRITABLE = CMD_ATAPI | CMD_DLAE;

/** 3.3.10 and 3.3.11: device detection. */
export const DET_MASK = 0xf;
export const DET_NONE = 0x0;
export const DET_PRESENT = 0x3; // SSTS: device there, communication established
export const DET_OFFLINE = 0x4;
export const DET_COMRESET = 0x1; // SCTL
/** SSTS with a device at 6 Gb/s in the active state. */
export const SSTS_UP = 0x133;
export const SCTL_WRITABLE = 0xfff;

/** 3.3.12 */
export const SERR_I = 0x0000_0001; // recovered data integrity error
export const SERR_M = 0x0000_0002; // recovered communications error
export const SERR_T = 0x0000_0100; // transient data integrity error
export const SERR_C = 0x0000_0200; // persistent communication error
export const SERR_P = 0x0000_0400; // protocol error
export const SERR_E = 0x0000_0800; // internal error
export const SERR_N = 0x0001_0000; // PhyRdy change
export const SERR_B = 0x0008_0000; // 10b to 8b decode error
export const SERR_CRC = 0x0020_0000; // DIAG.C: CRC error
export const SERR_H = 0x0040_0000; // handshake error
export const SERR_F = 0x0200_0000; // DIAG.F: unknown FIS type
export const SERR_X = 0x0400_0000; // exchanged: a COMINIT came
export const SERR_CLEARABLE = 0x07ff_0f03;

/** The status register's bits in PxTFD: [ACS-3] 6.2. */
export const STATUS_BSY = 0x80;
export const STATUS_DF = 0x20;
export const STATUS_DRQ = 0x08;
export const STATUS_ERR = 0x01;
/** PxTFD and PxSIG before the first FIS: 3.3.8, 3.3.9. */
export const TFD_NO_DEVICE = 0x7f;
export const SIG_NONE = 0xffff_ffff;
export const SIG_DISK = 0x0000_0101;
export const SIG_PACKET = 0xeb14_0101;

/** Memory: command list of 32 headers (4.2.2), command tables (4.2.3), received FISes (4.2.1). */
export const HEADER_BYTES = 32;
export const COMMAND_LIST_BYTES = SLOTS * HEADER_BYTES;
export const RECEIVED_FIS_BYTES = 256;
export const TABLE_CFIS = 0x00;
export const TABLE_ACMD = 0x40;
export const TABLE_PRDT = 0x80;
export const PRD_BYTES = 16;
/** 4.2.3.3: a region of at most 4 MiB, of even length. */
export const PRD_LENGTH_MAX = 0x40_0000;
export const PRD_COUNT_MASK = 0x3f_ffff;
export const PRD_INTERRUPT = 0x8000_0000;

/** 4.2.2, word 0 */
export const HEADER_CFL_MASK = 0x1f;
export const HEADER_A = 0x0020;
export const HEADER_W = 0x0040;
export const HEADER_P = 0x0080;
export const HEADER_R = 0x0100;
export const HEADER_B = 0x0200;
export const HEADER_C = 0x0400;
export const HEADER_PRDTL_SHIFT = 16;

/** Where each FIS type is received: 4.2.1. */
export const RECEIVED_DMA_SETUP = 0x00;
export const RECEIVED_PIO_SETUP = 0x20;
export const RECEIVED_D2H = 0x40;
export const RECEIVED_SDB = 0x58;
export const RECEIVED_UNKNOWN = 0x60;

/** Registers whose bits are set or cleared by ones: IS, PxIS, PxSERR, PxSACT, PxCI. */
export function isWriteOne(offset: number): boolean {
  if (offset < PORT_BASE) return offset === HBA_IS;
  switch (offset & 0x7f) {
    case PORT_IS:
    case PORT_SERR:
    case PORT_SACT:
    case PORT_CI:
      return true;
    default:
      return false;
  }
}
