/** Ready-made answers of a CD drive: IDENTIFY PACKET DEVICE, INQUIRY, table of contents, sense. */
import { putChecksum, putText, putWord } from "./identify.ts";

/** Sense keys ([SPC-3] 4.5.6). */
export const SENSE = {
  NONE: 0,
  NOT_READY: 2,
  MEDIUM_ERROR: 3,
  ILLEGAL_REQUEST: 5,
  UNIT_ATTENTION: 6,
} as const;

/** Additional sense codes, with the qualifier in the low byte ([SPC-3] annex D). */
export const ASC = {
  NONE: 0x0000,
  UNRECOVERED_READ: 0x1100,
  INVALID_OPCODE: 0x2000,
  LBA_OUT_OF_RANGE: 0x2100,
  INVALID_FIELD: 0x2400,
  MEDIUM_CHANGED: 0x2800,
  RESET: 0x2900,
  NO_MEDIUM_TRAY_CLOSED: 0x3a01,
  NO_MEDIUM_TRAY_OPEN: 0x3a02,
} as const;

/** IDENTIFY PACKET DEVICE ([ATA-6] 8.16): a removable CD-ROM with 12-byte packets. */
export function fillPacketIdentify(
  data: Uint8Array,
  texts: { model: string; serial: string; firmware: string },
  transferMode: number,
  serial: boolean,
): void {
  putWord(data, 0, 0x85c0);
  putText(data, 10, 10, texts.serial);
  putText(data, 23, 4, texts.firmware);
  putText(data, 27, 20, texts.model);
  putWord(data, 49, 0x0f00);
  putWord(data, 50, 0x4000);
  putWord(data, 53, 0x0006);
  const mode = (group: number): number =>
    (transferMode & 0xf8) === group ? 0x100 << (transferMode & 7) : 0;
  putWord(data, 63, 0x07 | mode(0x20));
  putWord(data, 64, 0x0003);
  for (const word of [65, 66, 67, 68]) putWord(data, word, 120);
  putWord(data, 76, serial ? 0x0006 : 0);
  putWord(data, 80, 0x01f0);
  putWord(data, 82, 0x4218); // NOP, DEVICE RESET, PACKET, power management.
  putWord(data, 83, 0x4000);
  putWord(data, 84, 0x4000);
  putWord(data, 85, 0x4218);
  putWord(data, 87, 0x4000);
  putWord(data, 88, 0x3f | mode(0x40));
  putWord(data, 93, serial ? 0 : 0x6009);
  putChecksum(data);
}

function putAscii(data: Uint8Array, at: number, length: number, text: string): void {
  for (let i = 0; i < length; i++) data[at + i] = i < text.length ? text.charCodeAt(i) & 0x7f : 32;
}

/** INQUIRY, 36 bytes ([SPC-3] 6.4): a removable MMC device. */
export function inquiry(model: string, firmware: string): Uint8Array {
  const data = new Uint8Array(36);
  data.set([0x05, 0x80, 0x05, 0x32, 31]);
  putAscii(data, 8, 8, "IOREEL");
  putAscii(data, 16, 16, model);
  putAscii(data, 32, 4, firmware);
  return data;
}

/** Fixed-format sense data, 18 bytes ([SPC-3] 4.5.3). @param lba of a bad block, or -1 */
export function senseData(key: number, asc: number, lba: number): Uint8Array {
  const data = new Uint8Array(18);
  data[0] = lba < 0 ? 0x70 : 0xf0;
  data[2] = key;
  if (lba >= 0) new DataView(data.buffer).setUint32(3, lba);
  data[7] = 10;
  data[12] = asc >>> 8;
  data[13] = asc & 0xff;
  return data;
}

/** READ TOC formats 0 and 1 ([MMC-3] 6.25): one data track and the lead-out. */
export function tableOfContents(sectors: number, format: number, msf: boolean): Uint8Array {
  const isSession = format === 1;
  const data = new Uint8Array(isSession ? 12 : 20);
  data.set([0, data.length - 2, 1, 1]);
  data.set([0, 0x14, 1, 0], 4);
  putAddress(data, 8, 0, msf);
  if (isSession) return data;
  data.set([0, 0x14, 0xaa, 0], 12);
  putAddress(data, 16, sectors, msf);
  return data;
}

/** A block's address as a number, or as minutes, seconds and frames from the lead-in's end. */
function putAddress(data: Uint8Array, at: number, lba: number, msf: boolean): void {
  if (!msf) return new DataView(data.buffer).setUint32(at, lba);
  const frames = lba + 150;
  data.set([0, Math.floor(frames / 4500), Math.floor(frames / 75) % 60, frames % 75], at);
}

/** READ CAPACITY ([MMC-3] 6.23): the last block, and the size of one. */
export function capacity(sectors: number, sectorBytes: number): Uint8Array {
  const data = new Uint8Array(8);
  const view = new DataView(data.buffer);
  view.setUint32(0, sectors - 1);
  view.setUint32(4, sectorBytes);
  return data;
}

/** GET EVENT STATUS NOTIFICATION, media class ([MMC-3] 6.5): what happened, and what is there. */
export function mediaEvent(event: number, present: boolean, open: boolean): Uint8Array {
  return Uint8Array.of(0, 6, 0x04, 0x10, event, (present ? 2 : 0) | (open ? 1 : 0), 0, 0);
}

/** MODE SENSE(10), page 2Ah: what the drive can do ([MMC-3] 5.5.10). */
export function capabilitiesPage(): Uint8Array {
  const data = new Uint8Array(30);
  data[1] = 28;
  data.set([0x2a, 20, 0x03, 0x00, 0x71, 0x60, 0x29, 0x00], 8);
  return data;
}
