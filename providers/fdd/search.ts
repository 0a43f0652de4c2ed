/**
 * Finding things on the turning disk: when does the sector that a command names come to the head,
 * or, when it never will, what does the controller say after two turns, [82077] 5.1.1.
 */
import { SECTOR_BYTES, SECTOR_CODE } from "./geometry.ts";
import {
  CMD_FORMAT,
  CMD_READ,
  CMD_READ_ID,
  CMD_READ_TRACK,
  CMD_VERIFY,
  CMD_WRITE,
  OPTION_MFM,
  ST1_DATA_ERROR,
  ST1_MISSING_MARK,
  ST1_NO_DATA,
  ST2_BAD_CYLINDER,
  ST2_MISSING_DATA_MARK,
  ST2_WRONG_CYLINDER,
} from "./registers.ts";
import { loadSector } from "./sectors.ts";
import { RATE_FACTORS } from "./seeks.ts";
import { SEEK, STAGE } from "./state.ts";
import { MARK, type Surface } from "./surface.ts";
import type { Transfer } from "./transfer.ts";

/** FORMAT TRACK's sector ID: C, H, R, N. */
const ID_LENGTH = 4;

/** Looks for what the command wants next, not before a moment, and sets the timer for it. */
export function search(transfer: Transfer, fromNs: number): void {
  const { drive } = transfer;
  const { state } = transfer.fdc;
  const { surface } = drive;
  if (!drive.isTurning || surface === undefined || drive.state.seeking !== SEEK.NONE) {
    state.stage = STAGE.STALLED;
    return;
  }
  let readyNs = drive.readyNs(fromNs);
  if (fromNs > drive.state.loadedUntilNs) readyNs = Math.max(readyNs, fromNs + loadNs(transfer));
  // From here on the head stays loaded: until the command ends, and HUT after it.
  drive.state.loadedUntilNs = Number.MAX_SAFE_INTEGER;
  if (state.code === CMD_FORMAT) return findPlace(transfer, surface, readyNs);
  if (!isReadable(transfer, surface)) return miss(transfer, ST1_MISSING_MARK, 0, readyNs);
  if (state.code === CMD_READ_ID) return findAnyId(transfer, surface, readyNs);
  const isTrack = state.code === CMD_READ_TRACK;
  const record = isTrack ? state.done + 1 : state.record;
  const lba = surface.lbaOf(drive.state.cylinder, state.head, record);
  if (lba < 0) return miss(transfer, isTrack ? ST1_MISSING_MARK : ST1_NO_DATA, 0, readyNs);
  const mark = surface.mark(lba);
  if (mark === MARK.MISSING) return miss(transfer, ST1_NO_DATA, 0, readyNs);
  if (mark === MARK.BAD_ID) return miss(transfer, ST1_DATA_ERROR, 0, readyNs);
  if (!isAddressed(transfer, record)) {
    // READ TRACK reads on and says so; every other command wants this very ID.
    if (!isTrack) return missAddress(transfer, readyNs);
    state.st1 |= ST1_NO_DATA;
  }
  if (mark === MARK.NO_DATA_MARK && !transfer.isWriting) {
    return miss(transfer, ST1_MISSING_MARK, ST2_MISSING_DATA_MARK, readyNs);
  }
  comeTo(transfer, surface, record, lba, readyNs);
}

/**
 * The short way to the sector right behind the one that has just passed, on the same track: what
 * {@link search} would find, without looking. Most of a transfer goes this way.
 * @returns false when it is not as simple as that
 */
export function follow(transfer: Transfer): boolean {
  const { fdc, drive } = transfer;
  const { state } = fdc;
  const { surface } = drive;
  const isPlain = state.code === CMD_READ || state.code === CMD_WRITE;
  if (!isPlain || state.stage !== STAGE.SECTOR || fdc.isNonDma || surface === undefined)
    return false;
  const { record } = state;
  const lba = surface.lbaOf(drive.state.cylinder, state.head, record);
  if (record < 2 || lba < 0 || surface.mark(lba) !== MARK.NORMAL) return false;
  const gapNs = surface.times(record).endNs - surface.times(record - 1).endNs;
  transfer.wait(STAGE.SECTOR, fdc.host.now() + gapNs);
  return true;
}

/** Waits for a sector that is on the track: for its end, or for its first byte. */
function comeTo(
  transfer: Transfer,
  surface: Surface,
  record: number,
  lba: number,
  readyNs: number,
): void {
  const { fdc, drive } = transfer;
  const { state } = fdc;
  const { idNs, dataNs, endNs } = surface.times(record);
  // READ TRACK begins behind the index pulse; everything else with the next ID field that fits.
  const isFirst = state.code === CMD_READ_TRACK && state.done === 0;
  const fromNs = isFirst ? drive.passesNs(0, readyNs) : readyNs;
  const foundNs = drive.passesNs(idNs, fromNs);
  const isSkipped = transfer.isOtherKind(lba) && transfer.skips;
  if (!fdc.isNonDma || state.code === CMD_VERIFY || isSkipped) {
    return transfer.wait(STAGE.SECTOR, foundNs + endNs - idNs);
  }
  if (!transfer.isWriting) loadSector(transfer, lba);
  transfer.fifo.begin(SECTOR_BYTES);
  transfer.wait(STAGE.BYTES, foundNs + dataNs - idNs + transfer.byteNs);
}

/** Whether the data separator makes anything of this track: its rate, MFM, a formatted side. */
function isReadable({ fdc, drive }: Transfer, { format }: Surface): boolean {
  const { state } = fdc;
  if ((state.options & OPTION_MFM) === 0 || state.rate !== format.rate) return false;
  return drive.state.cylinder < format.cylinders && state.head < format.heads;
}

/** Whether the ID field on the disk is the one that the command names. */
function isAddressed({ fdc, drive }: Transfer, record: number): boolean {
  const { state } = fdc;
  const isSame = state.cylinderId === drive.state.cylinder && state.headId === state.head;
  return isSame && state.sizeCode === SECTOR_CODE && state.record === record;
}

/** BC speaks of ID fields with cylinder FFh, which no image can hold, so it is never set alone. */
function missAddress(transfer: Transfer, readyNs: number): void {
  const { drive, fdc } = transfer;
  const { cylinder } = drive.state;
  const bad = cylinder === 0xff ? ST2_BAD_CYLINDER : 0;
  const st2 = fdc.state.cylinderId === cylinder ? 0 : ST2_WRONG_CYLINDER | bad;
  miss(transfer, ST1_NO_DATA, st2, readyNs);
}

/** Nothing fits: the command ends at the second index pulse. */
function miss(transfer: Transfer, st1: number, st2: number, readyNs: number): void {
  const { drive, fdc } = transfer;
  fdc.state.st1 |= st1;
  fdc.state.st2 |= st2;
  transfer.wait(STAGE.FAILING, drive.passesNs(0, readyNs) + drive.format.turnNs);
}

/** READ ID: the first ID field that passes, [82077] 5.2.1. */
function findAnyId(transfer: Transfer, surface: Surface, readyNs: number): void {
  const { fdc, drive } = transfer;
  const { state } = fdc;
  const { sectorsPerTrack } = surface.format;
  let best = 0;
  let bestNs = Infinity;
  for (let i = 0; i < sectorsPerTrack; i++) {
    const record = drive.isReal ? i + 1 : ((state.turned + i) % sectorsPerTrack) + 1;
    const mark = surface.mark(surface.lbaOf(drive.state.cylinder, state.head, record));
    if (mark === MARK.MISSING || mark === MARK.BAD_ID) continue;
    const { idNs, idEndNs } = surface.times(record);
    const endNs = drive.passesNs(idNs, readyNs) + idEndNs - idNs;
    if (endNs >= bestNs) continue;
    best = record;
    bestNs = endNs;
    // Without time the IDs come in their order, one a command.
    if (!drive.isReal) break;
  }
  if (best === 0) return miss(transfer, ST1_MISSING_MARK, 0, readyNs);
  state.turned = best;
  state.cylinderId = drive.state.cylinder;
  state.headId = state.head;
  state.record = best;
  state.sizeCode = SECTOR_CODE;
  transfer.wait(STAGE.IDENTIFY, bestNs);
}

/** FORMAT TRACK: from index pulse to index pulse, an ID for each sector's place. */
function findPlace(transfer: Transfer, surface: Surface, readyNs: number): void {
  const { fdc, drive } = transfer;
  const { state } = fdc;
  const { sectorsPerTrack } = surface.format;
  const indexNs = drive.passesNs(0, readyNs);
  if (state.done >= state.lastRecord) return transfer.wait(STAGE.FORMAT_END, indexNs);
  if (state.done === 0) eraseTrack(transfer, surface);
  const startNs = state.done === 0 ? indexNs : readyNs;
  // A count above what the track holds writes on over its beginning; the IDs still are asked for.
  const isBehind = state.done + 1 > sectorsPerTrack;
  const place = isBehind ? sectorsPerTrack : state.done + 1;
  const placeNs = isBehind ? startNs : drive.passesNs(surface.times(place).idNs, startNs);
  if (!fdc.isNonDma) return transfer.wait(STAGE.FORMAT, placeNs);
  transfer.fifo.begin(ID_LENGTH);
  transfer.wait(STAGE.BYTES, placeNs + transfer.byteNs);
}

function eraseTrack({ fdc, drive }: Transfer, surface: Surface): void {
  for (let record = 1; record <= surface.format.sectorsPerTrack; record++) {
    const lba = surface.lbaOf(drive.state.cylinder, fdc.state.head, record);
    surface.setMark(lba, MARK.MISSING);
  }
}

/** SPECIFY's head load time: 2 ms each, 0 for 256 ms, at 500 kbit/s, [82077] 5.2.6. */
function loadNs({ fdc }: Transfer): number {
  const { state } = fdc;
  return (state.loadAndMode >> 1 || 128) * 2e6 * RATE_FACTORS[state.rate]!;
}
