/**
 * Frame information structures: how they are laid out in command tables and in the received-FIS
 * area. Those that a device sends are written into one scratch array per type, made once.
 *
 * References: [SATA] Serial ATA Revision 3.1, 10.3 (FIS types); [AHCI] 4.2.1.
 */
import type { Signature, TaskFile } from "../disk/drive/drive.ts";

/** FIS types: [SATA] 10.3.1. */
export const FIS_H2D = 0x27; // register, host to device: 10.3.4
export const FIS_D2H = 0x34; // register, device to host: 10.3.5
export const FIS_SDB = 0xa1; // set device bits: 10.3.6
export const FIS_DMA_SETUP = 0x41; // first-party DMA setup: 10.3.8
export const FIS_PIO_SETUP = 0x5f; // 10.3.10

export const H2D_BYTES = 20;
/** Byte 1 of a register FIS to the device: this is a command, not a change of device control. */
export const H2D_COMMAND = 0x80;
export const H2D_CONTROL_AT = 15;
/** Device control: software reset. */
export const CONTROL_SRST = 0x04;

/** Byte 1 of what the device sends. */
const INTERRUPT = 0x40;
const TO_HOST = 0x20;

/** The result registers as a plan of the drive shows them. */
export interface ResultRegisters {
  status: number;
  error: number;
  resultCount: number;
  resultLba: number;
  resultDevice: number;
}

const LBA_HIGH = 2 ** 24;

/** Reads a register FIS to the device into a task file: [SATA] 10.3.4. */
export function readTask(fis: Uint8Array, task: TaskFile): void {
  task.command = fis[2]!;
  task.features = fis[3]! | (fis[11]! << 8);
  const low = fis[4]! | (fis[5]! << 8) | (fis[6]! << 16);
  const high = fis[8]! | (fis[9]! << 8) | (fis[10]! << 16);
  task.lba = high * LBA_HIGH + low;
  task.device = fis[7]!;
  task.count = fis[12]! | (fis[13]! << 8);
}

/** Writes a register FIS to the device for a command. The array must hold 20 bytes from `at`. */
export function writeTask(fis: Uint8Array, at: number, task: TaskFile): void {
  fis[at] = FIS_H2D;
  fis[at + 1] = H2D_COMMAND;
  fis[at + 2] = task.command;
  fis[at + 3] = task.features & 0xff;
  writeLba(fis, at + 4, task.lba);
  fis[at + 7] = task.device;
  writeLba(fis, at + 8, Math.floor(task.lba / LBA_HIGH));
  fis[at + 11] = task.features >>> 8;
  fis[at + 12] = task.count & 0xff;
  fis[at + 13] = task.count >>> 8;
  for (let i = 14; i < H2D_BYTES; i++) fis[at + i] = 0;
}

/** Scratch for the FISes that a device sends. */
export class SentFis {
  readonly d2h = new Uint8Array(20);
  readonly pioSetup = new Uint8Array(20);
  readonly dmaSetup = new Uint8Array(28);
  readonly setBits = new Uint8Array(8);

  constructor() {
    this.d2h[0] = FIS_D2H;
    this.pioSetup[0] = FIS_PIO_SETUP;
    this.dmaSetup[0] = FIS_DMA_SETUP;
    this.setBits[0] = FIS_SDB;
  }

  /** [SATA] 10.3.5 */
  fillD2h(result: ResultRegisters, interrupt: boolean): Uint8Array {
    return fillResult(this.d2h, result, interrupt ? INTERRUPT : 0);
  }

  /** The signature that follows a reset: [SATA] 11.4. */
  fillSignature(signature: Signature): Uint8Array {
    const fis = this.d2h;
    fis.fill(0, 1);
    fis[2] = signature.status;
    fis[3] = signature.error;
    writeLba(fis, 4, signature.lba % LBA_HIGH);
    fis[7] = signature.device;
    writeLba(fis, 8, Math.floor(signature.lba / LBA_HIGH));
    fis[12] = signature.count & 0xff;
    return fis;
  }

  /**
   * [SATA] 10.3.10
   * @param status what the registers show while the block moves: DRQ
   * @param endStatus what they show afterwards
   */
  fillPioSetup(
    result: ResultRegisters,
    toHost: boolean,
    interrupt: boolean,
    status: number,
    endStatus: number,
    transferBytes: number,
  ): Uint8Array {
    const fis = this.pioSetup;
    fillResult(fis, result, (interrupt ? INTERRUPT : 0) | (toHost ? TO_HOST : 0));
    fis[2] = status;
    fis[15] = endStatus;
    fis[16] = transferBytes & 0xff;
    fis[17] = transferBytes >>> 8;
    return fis;
  }

  /** [SATA] 10.3.8: the buffer identifier is the tag. */
  fillDmaSetup(tag: number, toHost: boolean, interrupt: boolean, bytes: number): Uint8Array {
    const fis = this.dmaSetup;
    fis[1] = (interrupt ? INTERRUPT : 0) | (toHost ? TO_HOST : 0);
    fis[4] = tag;
    fis[20] = bytes & 0xff;
    fis[21] = (bytes >>> 8) & 0xff;
    fis[22] = (bytes >>> 16) & 0xff;
    fis[23] = bytes >>> 24;
    return fis;
  }

  /** [SATA] 10.3.6: the tags that are done, or an error with the tags that were done before it. */
  fillSetBits(status: number, error: number, tags: number): Uint8Array {
    const fis = this.setBits;
    fis[1] = INTERRUPT;
    fis[2] = status & 0x77;
    fis[3] = error;
    fis[4] = tags & 0xff;
    fis[5] = (tags >>> 8) & 0xff;
    fis[6] = (tags >>> 16) & 0xff;
    fis[7] = tags >>> 24;
    return fis;
  }
}

function fillResult(fis: Uint8Array, result: ResultRegisters, flags: number): Uint8Array {
  fis[1] = flags;
  fis[2] = result.status;
  fis[3] = result.error;
  writeLba(fis, 4, result.resultLba % LBA_HIGH);
  fis[7] = result.resultDevice;
  writeLba(fis, 8, Math.floor(result.resultLba / LBA_HIGH));
  fis[12] = result.resultCount & 0xff;
  fis[13] = (result.resultCount >>> 8) & 0xff;
  return fis;
}

function writeLba(fis: Uint8Array, at: number, value: number): void {
  fis[at] = value & 0xff;
  fis[at + 1] = (value >>> 8) & 0xff;
  fis[at + 2] = (value >>> 16) & 0xff;
}
