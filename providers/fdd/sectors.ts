/**
 * What happens when the disk has brought a whole sector past the head: its bytes are moved or
 * compared, its outcome goes into the status registers, and the address steps on as [82077] table
 * 5-3 "Result phase" has it.
 */
import { MEDIUM } from "../disk/medium.ts";
import { SECTOR_BYTES, SECTOR_CODE } from "./geometry.ts";
import {
  CMD_FORMAT,
  CMD_READ_TRACK,
  CMD_SCAN_HIGH,
  CMD_SCAN_LOW,
  CMD_VERIFY,
  CMD_WRITE_DELETED,
  OPTION_MT,
  ST0_ABNORMAL,
  ST0_EQUIPMENT_CHECK,
  ST1_DATA_ERROR,
  ST1_END_OF_CYLINDER,
  ST1_NOT_WRITABLE,
  ST1_OVERRUN,
  ST2_DATA_ERROR,
  ST2_SCAN_HIT,
  ST2_SCAN_NOT_SATISFIED,
} from "./registers.ts";
import { STAGE } from "./state.ts";
import { MARK, type Surface } from "./surface.ts";
import type { Transfer } from "./transfer.ts";

/** An ID as FORMAT TRACK gets it: C, H, R, N. */
const ID_LENGTH = 4;
/** VERIFY's bit by which its last byte is a count of sectors, [82077] 5.1.6. */
const ENABLE_COUNT = 0x80;

/** The record that the sector at work has on the disk. */
function recordOf({ fdc }: Transfer): number {
  const { state } = fdc;
  return state.code === CMD_READ_TRACK ? state.done + 1 : state.record;
}

/** Reads the sector at work into the controller and notes whether its CRC is right. */
export function loadSector(transfer: Transfer, lba: number): void {
  const { fdc } = transfer;
  const surface = surfaceOf(transfer);
  const isGood = surface.read(lba, fdc.state.data) && surface.mark(lba) !== MARK.BAD_DATA;
  fdc.state.bad = isGood ? 0 : 1;
}

/** The end of the sector, or of the ID to format, is under the head. */
export function finishSector(transfer: Transfer): void {
  const { state } = transfer.fdc;
  if (state.code === CMD_FORMAT) return formatSector(transfer);
  const isByBytes = state.stage === STAGE.BYTES;
  const lba = lbaOf(transfer, recordOf(transfer));
  const isOther = transfer.isOtherKind(lba);
  if (isOther && transfer.skips && state.code !== CMD_READ_TRACK) return advance(transfer, false);
  if (!isByBytes && !moveByDma(transfer, lba)) {
    state.st1 |= ST1_OVERRUN;
    return transfer.finish(ST0_ABNORMAL);
  }
  const ended = !isByBytes && state.code !== CMD_VERIFY && transfer.fdc.host.dma.terminalCount;
  if (transfer.isWriting) {
    const status = surfaceOf(transfer).write(lba, state.data, state.code === CMD_WRITE_DELETED);
    if (status !== MEDIUM.OK) return failWrite(transfer, status);
    return advance(transfer, ended);
  }
  if (state.bad === 1) {
    state.st1 |= ST1_DATA_ERROR;
    state.st2 |= ST2_DATA_ERROR;
    return transfer.fifo.end(ST0_ABNORMAL);
  }
  if (transfer.isScanning) return compare(transfer, ended);
  // Another kind of mark ends the command behind its sector; the address stays, table 5-2.
  if (isOther && state.code !== CMD_READ_TRACK) return transfer.fifo.end(0);
  advance(transfer, ended);
}

/** @returns false when the host's DMA did not serve the request in time */
function moveByDma(transfer: Transfer, lba: number): boolean {
  const { fdc, hostBytes } = transfer;
  const { dma } = fdc.host;
  const { state } = fdc;
  if (!transfer.isWriting) loadSector(transfer, lba);
  if (state.code === CMD_VERIFY) return true;
  if (transfer.faults?.strike("dma-error", lba, 1) !== undefined) return false;
  if (transfer.isWriting) {
    const moved = dma.request(state.data, SECTOR_BYTES, false);
    // Terminal count inside a sector: the rest of it is zeros, [82077] 5.1.4.
    state.data.fill(0, moved);
    return moved > 0;
  }
  if (!transfer.isScanning) return dma.request(state.data, SECTOR_BYTES, true) > 0;
  // What the host does not give any more is not compared: FFh meets every condition.
  const moved = dma.request(hostBytes, SECTOR_BYTES, false);
  hostBytes.fill(0xff, moved);
  return moved > 0;
}

function failWrite(transfer: Transfer, status: number): void {
  const { state } = transfer.fdc;
  if (status !== MEDIUM.READ_ONLY) return transfer.finish(ST0_ABNORMAL | ST0_EQUIPMENT_CHECK);
  state.st1 |= ST1_NOT_WRITABLE;
  transfer.finish(ST0_ABNORMAL);
}

/** The sector is done: names the next one, and ends the command or looks for it. */
function advance(transfer: Transfer, ended: boolean): void {
  const { fdc } = transfer;
  const { state } = fdc;
  state.done = Math.min(state.done + 1, 256);
  const isTrack = state.code === CMD_READ_TRACK;
  const isVerify = state.code === CMD_VERIFY;
  const counts = isVerify && (state.parameters[1]! & ENABLE_COUNT) !== 0;
  const isLast = isTrack ? state.done >= state.lastRecord : stepAddress(transfer);
  if (isTrack) state.record = (state.record + 1) & 0xff;
  if (ended || (counts && state.done >= (state.dataLength || 256))) return transfer.fifo.end(0);
  if (!isLast) return transfer.goOn();
  // VERIFY without a count ends here as if terminal count had come, [82077] 5.1.6.
  if (isVerify && !counts) return transfer.finish(0);
  state.st1 |= ST1_END_OF_CYLINDER;
  transfer.fifo.end(ST0_ABNORMAL);
}

/** C, H, R of the next sector, [82077] table 5-3. @returns whether the last one was done */
function stepAddress(transfer: Transfer): boolean {
  const { state } = transfer.fdc;
  if (state.record !== state.lastRecord) {
    state.record = (state.record + 1) & 0xff;
    return false;
  }
  state.record = 1;
  const isMultiTrack = (state.options & OPTION_MT) !== 0;
  if (isMultiTrack) state.headId = (state.headId ^ 1) & 0xff;
  if (isMultiTrack && state.head === 0) {
    state.head = 1;
    return false;
  }
  state.cylinderId = (state.cylinderId + 1) & 0xff;
  return true;
}

/**
 * SCAN: compares byte by byte, the first difference decides; FFh on either side meets every
 * condition, [82077] 5.1.8.
 */
function compare(transfer: Transfer, ended: boolean): void {
  const { fdc, hostBytes } = transfer;
  const { state } = fdc;
  let difference = 0;
  for (let i = 0; i < SECTOR_BYTES && difference === 0; i++) {
    const disk = state.data[i]!;
    const host = hostBytes[i]!;
    if (disk !== 0xff && host !== 0xff) difference = disk - host;
  }
  const isLow = state.code === CMD_SCAN_LOW && difference < 0;
  const isHigh = state.code === CMD_SCAN_HIGH && difference > 0;
  if (difference === 0) state.st2 |= ST2_SCAN_HIT;
  if (difference === 0 || isLow || isHigh) return transfer.finish(0);
  // STP 2 looks at every second sector.
  const step = state.dataLength === 2 ? 2 : 1;
  const isOver = step === 2 && state.record + 1 === state.lastRecord;
  if (step === 2 && !isOver && state.record < state.lastRecord) state.record += 1;
  const isLast = isOver || stepAddress(transfer);
  if (!isLast && !ended) return transfer.search(fdc.host.now());
  state.st2 |= ST2_SCAN_NOT_SATISFIED;
  transfer.finish(0);
}

/** FORMAT TRACK: the host has named the sector at this place; it gets the filler byte. */
function formatSector(transfer: Transfer): void {
  const { fdc, hostBytes } = transfer;
  const { state, drives } = fdc;
  const surface = surfaceOf(transfer);
  const isByBytes = state.stage === STAGE.BYTES;
  if (!isByBytes && fdc.host.dma.request(hostBytes, ID_LENGTH, false) < ID_LENGTH) {
    state.st1 |= ST1_OVERRUN;
    return transfer.finish(ST0_ABNORMAL);
  }
  const place = state.done;
  state.done = Math.min(place + 1, 256);
  const [cylinder = 0, head = 0, record = 0, sizeCode = 0] = hostBytes;
  // An image has a place only for the sectors of its format: others stay missing.
  const isHere = cylinder === drives[state.unit]!.state.cylinder && head === state.head;
  const isUsual = sizeCode === SECTOR_CODE && state.sizeCode === SECTOR_CODE;
  if (isHere && isUsual && place < surface.format.sectorsPerTrack) {
    const lba = surface.lbaOf(cylinder, head, record);
    state.data.fill(state.parameters[5]!);
    const status = lba < 0 ? MEDIUM.OK : surface.write(lba, state.data, false);
    if (status !== MEDIUM.OK) return failWrite(transfer, status);
  }
  transfer.search(fdc.host.now());
}

function surfaceOf({ fdc }: Transfer): Surface {
  return fdc.drives[fdc.state.unit]!.surface!;
}

function lbaOf(transfer: Transfer, record: number): number {
  const { state, drives } = transfer.fdc;
  const { cylinder } = drives[state.unit]!.state;
  return surfaceOf(transfer).lbaOf(cylinder, state.head, record);
}
