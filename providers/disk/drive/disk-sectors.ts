/**
 * Moving sectors between a transport and a disk's medium, as far as they are good: unreadable
 * ones, writes that tear or go astray, errors on the cable.
 */
import { showAddress } from "./address.ts";
import { ERROR, STATUS } from "./bits.ts";
import type { DiskDrive } from "./disk-drive.ts";
import { PROTOCOL, type Plan } from "./drive.ts";

const SECTOR = 512;
const READY = STATUS.DRDY | STATUS.DSC;

export function produce(
  drive: DiskDrive,
  plan: Plan,
  target: Uint8Array,
  at: number,
  length: number,
): number {
  if (plan.failed) return 0;
  const left = Math.min(length, plan.transferBytes - plan.movedBytes, target.length - at);
  if (cableFails(drive, plan)) return 0;
  if (plan.sectors === 0) {
    target.set(plan.data.subarray(plan.movedBytes, plan.movedBytes + left), at);
    plan.movedBytes += left;
    return left;
  }
  const lba = plan.firstLba + plan.movedBytes / SECTOR;
  const moved = readSectors(drive, plan, lba, Math.floor(left / SECTOR), target, at) * SECTOR;
  plan.movedBytes += moved;
  drive.counters.readBytes += moved;
  return moved;
}

function readSectors(
  drive: DiskDrive,
  plan: Plan,
  lba: number,
  wanted: number,
  target: Uint8Array,
  at: number,
): number {
  const { faults } = drive.options;
  const bad = faults.size > 0 ? faults.unreadable(lba, wanted) : -1;
  const good = bad < 0 ? wanted : bad - lba;
  const moved = good === 0 ? 0 : drive.medium.read(lba, good, target, at);
  if (moved < wanted) {
    drive.counters.unreadable += 1;
    failAt(drive, plan, ERROR.UNC, lba + moved);
  }
  return moved;
}

export function consume(
  drive: DiskDrive,
  plan: Plan,
  source: Uint8Array,
  at: number,
  length: number,
): number {
  if (plan.failed) return 0;
  const left = Math.min(length, plan.transferBytes - plan.movedBytes, source.length - at);
  if (cableFails(drive, plan)) return 0;
  if (plan.sectors === 0) {
    plan.data.set(source.subarray(at, at + left), plan.movedBytes);
    plan.movedBytes += left;
    return left;
  }
  const lba = plan.firstLba + plan.movedBytes / SECTOR;
  const wanted = Math.floor(left / SECTOR);
  const moved = writeSectors(drive, plan, lba, wanted, source, at);
  plan.movedBytes += moved * SECTOR;
  drive.counters.writtenBytes += moved * SECTOR;
  if (moved < wanted) {
    failAt(drive, plan, ERROR.IDNF, lba + moved);
    plan.status |= STATUS.DF;
  }
  return moved * SECTOR;
}

/** @returns sectors that the drive says it wrote */
function writeSectors(
  drive: DiskDrive,
  plan: Plan,
  lba: number,
  count: number,
  source: Uint8Array,
  at: number,
): number {
  const { faults } = drive.options;
  const through = !drive.settings.writeCache || plan.fua;
  const place = lba + plan.shiftSectors;
  const kept = Math.min(count, plan.keepSectors - (lba - plan.firstLba));
  if (kept <= 0) return count;
  if (!through) drive.cache.remember(place, kept);
  const moved = drive.medium.write(place, kept, source, at);
  if (through) {
    drive.cache.forget(place, moved);
    const isLast = plan.movedBytes + moved * SECTOR === plan.transferBytes;
    if (isLast && !drive.medium.flush()) return 0;
  }
  if (faults.size > 0) faults.written(place, moved);
  return kept < count && moved === kept ? count : moved;
}

/** A CRC error on the cable, for transfers that have a CRC: Ultra DMA. */
function cableFails(drive: DiskDrive, plan: Plan): boolean {
  const isDma = plan.protocol === PROTOCOL.DMA_IN || plan.protocol === PROTOCOL.DMA_OUT;
  const { faults } = drive.options;
  if (!isDma || faults.size === 0 || plan.movedBytes > 0) return false;
  if (faults.strike("crc", plan.firstLba, plan.sectors) === undefined) return false;
  failAt(drive, plan, ERROR.ICRC | ERROR.ABRT, plan.firstLba);
  return true;
}

/** Fails a command that has begun, at a sector. */
export function failAt(drive: DiskDrive, plan: Plan, error: number, lba: number): void {
  plan.failed = true;
  plan.error = error;
  plan.status = READY | STATUS.ERR;
  plan.resultCount = Math.max(0, plan.firstLba + plan.sectors - lba);
  showAddress(lba, plan.task, plan.extended, drive.settings, plan);
  log(drive, plan);
}

export function log(drive: DiskDrive, plan: Plan): void {
  if (!plan.queued) return;
  const { tag, status, error, resultLba: lba, resultCount: count, task } = plan;
  drive.errorLog = { filled: true, tag, status, error, lba, count, device: task.device };
}
