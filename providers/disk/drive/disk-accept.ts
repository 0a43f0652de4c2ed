/**
 * Accepting a command: what the task file means to this disk, where its sectors are, which data
 * are ready-made, and what is refused with which error.
 */
import { addressOf, defaultGeometry, showAddress } from "./address.ts";
import { ATA, ERROR, STATUS } from "./bits.ts";
import { shapeOf, type CommandShape } from "./commands.ts";
import type { DiskDrive } from "./disk-drive.ts";
import { PROTOCOL, type Plan } from "./drive.ts";
import { fillErrorLog, NO_ERROR_LOG } from "./error-log.ts";
import { smartShape } from "./effects.ts";
import { fillIdentify, type IdentifyFacts } from "./identify.ts";
import { log } from "./disk-sectors.ts";
import { fillSmartData, fillSmartThresholds, SMART } from "./settings.ts";

const SECTOR = 512;
const READY = STATUS.DRDY | STATUS.DSC;

/** Decodes the command in `plan.task`; the plan has been cleared. */
export function acceptCommand(drive: DiskDrive, plan: Plan): void {
  drive.counters.commands += 1;
  const shape = shapeOf(plan.task.command);
  if (shape === undefined || drive.asleep) return refuse(drive, plan, ERROR.ABRT);
  plan.extended = shape.extended;
  plan.fua = shape.fua;
  plan.protocol = shape.protocol;
  if (shape.queued) acceptQueued(drive, plan);
  if (plan.failed) return;
  if (shape.medium) acceptMedium(drive, shape, plan);
  else acceptOther(drive, plan);
}

export function refuse(drive: DiskDrive, plan: Plan, error: number, lba = plan.task.lba): void {
  plan.failed = true;
  plan.protocol = PROTOCOL.NONE;
  plan.transferBytes = 0;
  plan.sectors = 0;
  plan.error = error;
  plan.status = READY | STATUS.ERR;
  plan.resultLba = lba;
  plan.resultCount = plan.task.count;
  plan.resultDevice = plan.task.device;
}

/** NCQ: the count is in the features, the tag in the count's bits 7:3 ([ACS-3] 7.16). */
function acceptQueued(drive: DiskDrive, plan: Plan): void {
  plan.queued = true;
  plan.tag = (plan.task.count >>> 3) & 31;
  const depth = drive.options.queueDepth ?? 0;
  plan.fua = (plan.task.device & 0x80) !== 0;
  if (depth === 0 || plan.tag >= depth) {
    plan.queued = depth !== 0;
    refuse(drive, plan, ERROR.ABRT);
    log(drive, plan);
  }
}

function acceptMedium(drive: DiskDrive, shape: CommandShape, plan: Plan): void {
  const { task } = plan;
  if (shape.multiple && drive.settings.multiple === 0) return refuse(drive, plan, ERROR.ABRT);
  const lba = addressOf(task, shape.extended, drive.settings);
  const count = shape.queued ? task.features : task.count;
  const sectors = shape.extended ? count & 0xffff || 65536 : count & 0xff || 256;
  if (lba < 0 || lba + sectors > drive.medium.sectors) {
    // The first address that does not exist, where it can be said.
    const shown = lba < 0 ? task.lba : Math.max(lba, drive.medium.sectors);
    refuse(drive, plan, ERROR.IDNF);
    if (lba >= 0) showAddress(shown, task, shape.extended, drive.settings, plan);
    log(drive, plan);
    return;
  }
  plan.firstLba = lba;
  plan.sectors = sectors;
  if (shape.protocol === PROTOCOL.NONE) return;
  plan.transferBytes = sectors * SECTOR;
  plan.blockBytes = (shape.multiple ? drive.settings.multiple : 1) * SECTOR;
  if (shape.protocol === PROTOCOL.DMA_OUT || shape.protocol === PROTOCOL.PIO_OUT) {
    if (drive.medium.readOnly) return refuse(drive, plan, ERROR.ABRT);
    chooseWriteFaults(drive, plan);
  }
}

function chooseWriteFaults(drive: DiskDrive, plan: Plan): void {
  const { faults } = drive.options;
  if (faults.size === 0) return;
  if (faults.strike("torn", plan.firstLba, plan.sectors)) {
    plan.keepSectors = faults.below(plan.sectors);
  }
  if (faults.strike("misdirected", plan.firstLba, plan.sectors)) {
    const room = drive.medium.sectors - plan.sectors;
    plan.shiftSectors = room === 0 ? 0 : faults.below(room + 1) - plan.firstLba;
  }
}

/** Commands with data that are not the medium's. */
function acceptOther(drive: DiskDrive, plan: Plan): void {
  const { command, features, count, lba } = plan.task;
  switch (command) {
    case ATA.IDENTIFY_DEVICE:
      fillIdentify(ready(drive, plan, 1), facts(drive));
      break;
    case ATA.READ_LOG_EXT:
    case ATA.READ_LOG_DMA_EXT:
      return acceptLog(drive, plan, lba & 0xff, count & 0xffff);
    case ATA.DATA_SET_MANAGEMENT:
      // Only TRIM; each block holds 64 ranges ([ACS-3] 7.5).
      if ((features & 0xff) !== 1 || (count & 0xffff) < 1 || (count & 0xffff) > 8) {
        return refuse(drive, plan, ERROR.ABRT);
      }
      ready(drive, plan, count & 0xffff);
      break;
    case ATA.SMART:
      return acceptSmart(drive, plan);
    default:
      break;
  }
}

function acceptSmart(drive: DiskDrive, plan: Plan): void {
  const shape = smartShape(plan.task, drive.settings.smart);
  if (shape === "refused") return refuse(drive, plan, ERROR.ABRT);
  if (shape !== "data") return;
  plan.protocol = PROTOCOL.PIO_IN;
  const data = ready(drive, plan, 1);
  if ((plan.task.features & 0xff) === SMART.READ_THRESHOLDS) fillSmartThresholds(data);
  else fillSmartData(data, drive.counters.unreadable, drive.counters.commands);
}

/** READ LOG EXT: the directory (00h) and the NCQ error log (10h) ([ACS-3] 7.23, 9). */
function acceptLog(drive: DiskDrive, plan: Plan, page: number, count: number): void {
  if (count < 1 || count > 16 || (page !== 0x00 && page !== 0x10)) {
    return refuse(drive, plan, ERROR.ABRT);
  }
  const data = ready(drive, plan, count);
  if (page === 0x10) fillErrorLog(data, drive.errorLog);
  else {
    data[0] = 1; // Version 1; then one word a page: how many sectors it has.
    data[0x20] = 1;
  }
  if (page === 0x10) drive.errorLog = { ...NO_ERROR_LOG };
}

/** Makes room for ready-made data; the plan keeps its array when it is big enough. */
function ready(drive: DiskDrive, plan: Plan, sectors: number): Uint8Array {
  const bytes = sectors * SECTOR;
  if (plan.data.length !== bytes) plan.data = new Uint8Array(bytes);
  else plan.data.fill(0);
  plan.transferBytes = bytes;
  plan.blockBytes = SECTOR;
  return plan.data;
}

function facts(drive: DiskDrive): IdentifyFacts {
  const { settings, options } = drive;
  const geometry = defaultGeometry(drive.medium.sectors);
  return {
    model: options.model ?? "IOREEL DISK",
    serial: options.serial ?? `IR-${drive.name}`,
    firmware: options.firmware ?? "1.0",
    sectors: drive.medium.sectors,
    ...geometry,
    currentCylinders: settings.cylinders,
    currentHeads: settings.heads,
    currentTrackSectors: settings.trackSectors,
    multiple: settings.multiple,
    writeCache: settings.writeCache,
    lookAhead: settings.lookAhead,
    smart: settings.smart,
    transferMode: settings.transferMode,
    queueDepth: options.queueDepth ?? 0,
    rotationRpm: options.timing.name === "hdd7200" ? 7200 : 1,
    position: options.position ?? -1,
  };
}
