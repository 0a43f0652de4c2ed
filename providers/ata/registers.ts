/**
 * Where the IDE controller's registers are. Command and control blocks: [ATA-6] 7 and annex; the
 * bus-master block: [SFF-8038i] 3. The places are those of every PC.
 */

/** Command block: offset from 1F0h or 170h; R is what reading gives, W what writing means. */
export const REG = {
  /** R/W, 8, 16 or 32 bits wide. */
  DATA: 0,
  /** R: error. W: features. */
  ERROR: 1,
  FEATURES: 1,
  COUNT: 2,
  LBA_LOW: 3,
  LBA_MID: 4,
  LBA_HIGH: 5,
  DEVICE: 6,
  /** R: status, and acknowledges the interrupt. W: command. */
  STATUS: 7,
  COMMAND: 7,
} as const;

/** Device control register, at the control block (3F6h, 376h) ([ATA-6] 7.8). */
export const CONTROL = {
  /** The interrupt output is off. */
  NIEN: 0x02,
  /** Soft reset of both devices for as long as it is set. */
  SRST: 0x04,
  /** Reads show the previous contents of the 48-bit registers. */
  HOB: 0x80,
} as const;

/** Bus-master block of a channel; the second channel's begins at 8 ([SFF-8038i] 3.0). */
export const BUS_MASTER = { COMMAND: 0, STATUS: 2, TABLE: 4, BYTES: 8 } as const;
export const BM_COMMAND = {
  START: 0x01,
  /** The transfer goes to memory. */
  TO_MEMORY: 0x08,
} as const;
export const BM_STATUS = {
  ACTIVE: 0x01,
  /** Write 1 to clear, both. */
  ERROR: 0x02,
  INTERRUPT: 0x04,
  /** For the host's notes: device 0, 1 can do DMA. */
  CAPABLE: 0x60,
} as const;

/** A physical region descriptor: address, byte count (0 is 64 KiB), and bit 31: the last one. */
export const PRD_BYTES = 8;
export const PRD_LAST = 0x80000000;

export const COMMAND_PORTS = [0x1f0, 0x170] as const;
export const CONTROL_PORTS = [0x3f6, 0x376] as const;
export const BUS_MASTER_PORT = 0xc000;
export const IDE_LINES = [14, 15] as const;
