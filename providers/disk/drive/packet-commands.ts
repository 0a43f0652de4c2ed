/**
 * The command packets of a CD drive ([MMC-3] clause 6, [SPC-3]): which data phase each asks for,
 * and what it is refused with.
 */
import { ERROR, REASON, STATUS } from "./bits.ts";
import { PROTOCOL, type Plan } from "./drive.ts";
import {
  ASC,
  capabilitiesPage,
  capacity,
  inquiry,
  mediaEvent,
  SENSE,
  senseData,
  tableOfContents,
} from "./packet-data.ts";
import type { PacketDrive } from "./packet-drive.ts";
import type { Medium } from "../medium.ts";

const READY = STATUS.DRDY | STATUS.DSC;
const BLOCK_BYTES_MAX = 0xfffe;

/** Operation codes of the packets ([MMC-3] clause 6). */
const PACKET = {
  TEST_UNIT_READY: 0x00,
  REQUEST_SENSE: 0x03,
  INQUIRY: 0x12,
  START_STOP: 0x1b,
  PREVENT_REMOVAL: 0x1e,
  READ_CAPACITY: 0x25,
  READ_10: 0x28,
  READ_TOC: 0x43,
  GET_EVENT: 0x4a,
  MODE_SENSE_10: 0x5a,
  READ_12: 0xa8,
} as const;

/** Ends the packet with CHECK CONDITION ([ATA-6] 9.8): the sense key is in the error register. */
export function check(drive: PacketDrive, plan: Plan, key: number, asc: number, lba = -1): void {
  drive.state.senseKey = key;
  drive.state.senseCode = asc;
  drive.state.senseLba = lba;
  plan.failed = true;
  plan.error = (key << 4) | (key === SENSE.ILLEGAL_REQUEST ? ERROR.ABRT : 0);
  plan.status = READY | STATUS.ERR;
  plan.resultCount = REASON.COMMAND | REASON.TO_HOST;
  plan.resultLba = plan.task.lba;
}

export function runPacket(drive: PacketDrive, plan: Plan, bytes: Uint8Array, at: number): void {
  plan.protocol = PROTOCOL.NONE;
  const opcode = bytes[at]!;
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, 12);
  const { attention } = drive.state;
  const isPatient =
    opcode === PACKET.INQUIRY || opcode === PACKET.REQUEST_SENSE || opcode === PACKET.GET_EVENT;
  if (attention !== 0 && !isPatient) {
    drive.state.attention = 0;
    return check(drive, plan, SENSE.UNIT_ATTENTION, attention);
  }
  if (opcode !== PACKET.REQUEST_SENSE) clearSense(drive);
  if (!withoutMedium(drive, plan, opcode, view)) withMedium(drive, plan, opcode, view);
}

export function clearSense(drive: PacketDrive): void {
  drive.state.senseKey = 0;
  drive.state.senseCode = 0;
  drive.state.senseLba = -1;
}

/** Data to the host, cut to what it has room for. */
function send(drive: PacketDrive, plan: Plan, data: Uint8Array, limit: number): void {
  direct(drive, plan, Math.min(data.length, limit));
  plan.data = data;
}

/** Chooses the data phase: DMA if the features said so, else blocks of the byte count limit. */
function direct(drive: PacketDrive, plan: Plan, bytes: number): void {
  plan.transferBytes = bytes;
  if (bytes === 0) return;
  const isDma = (plan.task.features & 1) !== 0;
  plan.protocol = isDma ? PROTOCOL.DMA_IN : PROTOCOL.PIO_IN;
  const limit = Math.floor(plan.task.lba / 256) & 0xffff;
  // An odd limit is one less; 0 is more than a block can be ([ATA-6] 8.23.4).
  plan.blockBytes = limit < 2 ? BLOCK_BYTES_MAX : Math.min(limit & ~1, BLOCK_BYTES_MAX);
}

/** Commands that need no medium. @returns whether it was one */
function withoutMedium(drive: PacketDrive, plan: Plan, opcode: number, view: DataView): boolean {
  const state = drive.state;
  switch (opcode) {
    case PACKET.REQUEST_SENSE:
      sendSense(drive, plan, view.getUint8(4));
      return true;
    case PACKET.INQUIRY: {
      const { model = "CD-ROM", firmware = "1.0" } = drive.options;
      send(drive, plan, inquiry(model, firmware), view.getUint8(4));
      return true;
    }
    case PACKET.START_STOP:
      startStop(drive, plan, view.getUint8(4));
      return true;
    case PACKET.PREVENT_REMOVAL:
      state.locked = (view.getUint8(4) & 1) !== 0;
      return true;
    case PACKET.MODE_SENSE_10:
      send(drive, plan, capabilitiesPage(), view.getUint16(7));
      return true;
    case PACKET.GET_EVENT: {
      const event = mediaEvent(state.mediaEvent, drive.medium !== undefined, state.open);
      state.mediaEvent = 0;
      send(drive, plan, event, view.getUint16(7));
      return true;
    }
    default:
      return false;
  }
}

function sendSense(drive: PacketDrive, plan: Plan, limit: number): void {
  const state = drive.state;
  const pending = state.senseKey === 0 && state.attention !== 0;
  const data = pending
    ? senseData(SENSE.UNIT_ATTENTION, state.attention, -1)
    : senseData(state.senseKey, state.senseCode, state.senseLba);
  if (pending) state.attention = 0;
  clearSense(drive);
  send(drive, plan, data, limit);
}

/** START STOP UNIT: bit 1 loads or ejects, bit 0 says which ([MMC-3] 6.47). */
function startStop(drive: PacketDrive, plan: Plan, bits: number): void {
  if ((bits & 2) === 0) return;
  const state = drive.state;
  if ((bits & 1) === 0) {
    if (state.locked) return check(drive, plan, SENSE.ILLEGAL_REQUEST, 0x5302);
    state.open = true;
    return;
  }
  if (state.open && drive.medium !== undefined) state.attention = ASC.MEDIUM_CHANGED;
  state.open = false;
}

function withMedium(drive: PacketDrive, plan: Plan, opcode: number, view: DataView): void {
  const medium = drive.state.open ? undefined : drive.medium;
  if (medium === undefined) {
    const { open } = drive.state;
    const asc = open ? ASC.NO_MEDIUM_TRAY_OPEN : ASC.NO_MEDIUM_TRAY_CLOSED;
    const isKnown = Object.values<number>(PACKET).includes(opcode);
    if (isKnown) return check(drive, plan, SENSE.NOT_READY, asc);
    return check(drive, plan, SENSE.ILLEGAL_REQUEST, ASC.INVALID_OPCODE);
  }
  switch (opcode) {
    case PACKET.TEST_UNIT_READY:
      return;
    case PACKET.READ_CAPACITY:
      return send(drive, plan, capacity(medium.sectors, medium.sectorBytes), 8);
    case PACKET.READ_10:
      return read(drive, plan, medium, view.getUint32(2), view.getUint16(7));
    case PACKET.READ_12:
      return read(drive, plan, medium, view.getUint32(2), view.getUint32(6));
    case PACKET.READ_TOC: {
      // The format is in byte 2, or in byte 9's top bits as [SFF-8020i] has it.
      const format = view.getUint8(2) & 15 || view.getUint8(9) >>> 6;
      if (format > 1) return check(drive, plan, SENSE.ILLEGAL_REQUEST, ASC.INVALID_FIELD);
      const toc = tableOfContents(medium.sectors, format, (view.getUint8(1) & 2) !== 0);
      return send(drive, plan, toc, view.getUint16(7));
    }
    default:
      return check(drive, plan, SENSE.ILLEGAL_REQUEST, ASC.INVALID_OPCODE);
  }
}

function read(drive: PacketDrive, plan: Plan, medium: Medium, lba: number, count: number): void {
  if (lba + count > medium.sectors) {
    return check(drive, plan, SENSE.ILLEGAL_REQUEST, ASC.LBA_OUT_OF_RANGE, lba);
  }
  plan.firstLba = lba;
  plan.sectors = count;
  direct(drive, plan, count * medium.sectorBytes);
}
