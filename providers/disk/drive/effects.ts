/** What commands do that move no sectors: caches, features, power, TRIM, SMART. */
import { geometryFor } from "./address.ts";
import { ATA, DEVICE, ERROR } from "./bits.ts";
import { modernOpcode } from "./commands.ts";
import type { DiskDrive } from "./disk-drive.ts";
import type { Plan, TaskFile } from "./drive.ts";
import { POWER, setFeatures, setMultiple, SMART, SMART_KEY } from "./settings.ts";

const LBA28_MAX = 0x0fffffff;

/** Whether a SMART command moves data, is without, or is refused ([ATA-6] 8.51). */
export function smartShape(task: TaskFile, enabled: boolean): "data" | "none" | "refused" {
  if (Math.floor(task.lba / 256) % 65536 !== SMART_KEY) return "refused";
  const subcommand = task.features & 0xff;
  if (subcommand === SMART.ENABLE) return "none";
  if (!enabled) return "refused";
  switch (subcommand) {
    case SMART.READ_DATA:
    case SMART.READ_THRESHOLDS:
      return "data";
    case SMART.AUTOSAVE:
    case SMART.DISABLE:
    case SMART.RETURN_STATUS:
      return "none";
    default:
      return "refused";
  }
}

/** @returns 0, or the error register */
function flush(drive: DiskDrive): number {
  const { faults } = drive.options;
  if (faults.strike("flush-error")) return ERROR.ABRT;
  if (faults.strike("lost-flush")) return 0;
  if (!drive.medium.flush()) return ERROR.ABRT;
  drive.cache.clear();
  return 0;
}

function smart(drive: DiskDrive, plan: Plan): number {
  const subcommand = plan.task.features & 0xff;
  if (subcommand === SMART.ENABLE) drive.settings.smart = true;
  else if (subcommand === SMART.DISABLE) drive.settings.smart = false;
  else if (subcommand === SMART.AUTOSAVE) drive.settings.smartAutosave = plan.task.count !== 0;
  // RETURN STATUS: the key unchanged says that no threshold is passed ([ATA-6] 8.51.7).
  return 0;
}

function setGeometry(drive: DiskDrive, task: TaskFile): number {
  const trackSectors = task.count & 0xff;
  if (trackSectors === 0) return ERROR.ABRT;
  const heads = (task.device & DEVICE.HEAD) + 1;
  Object.assign(drive.settings, geometryFor(drive.medium.sectors, heads, trackSectors));
  return 0;
}

/** Ends a command without data. @returns 0, or the error register */
export function applyNonData(drive: DiskDrive, plan: Plan): number {
  const { task } = plan;
  const { settings } = drive;
  switch (modernOpcode(task.command)) {
    case ATA.FLUSH_CACHE:
    case ATA.FLUSH_CACHE_EXT:
      return flush(drive);
    case ATA.SET_FEATURES: {
      // Switching the cache off writes it out first ([ATA-6] 8.46.10).
      const error = (task.features & 0xff) === 0x82 ? flush(drive) : 0;
      if (error !== 0) return error;
      return setFeatures(settings, task.features, task.count, drive.serial) ? 0 : ERROR.ABRT;
    }
    case ATA.SET_MULTIPLE:
      return setMultiple(settings, task.count) ? 0 : ERROR.ABRT;
    case ATA.INITIALIZE_DEVICE_PARAMETERS:
      return setGeometry(drive, task);
    case ATA.READ_NATIVE_MAX:
      showMax(plan, Math.min(drive.medium.sectors - 1, LBA28_MAX));
      return 0;
    case ATA.READ_NATIVE_MAX_EXT:
      plan.resultLba = drive.medium.sectors - 1;
      return 0;
    case ATA.STANDBY_IMMEDIATE:
    case ATA.STANDBY:
      settings.power = POWER.STANDBY;
      return flush(drive);
    case ATA.IDLE_IMMEDIATE:
    case ATA.IDLE:
      settings.power = POWER.IDLE;
      return 0;
    case ATA.SLEEP:
      settings.power = POWER.SLEEP;
      return flush(drive);
    case ATA.CHECK_POWER_MODE:
      plan.resultCount = settings.power;
      return 0;
    case ATA.SMART:
      return smart(drive, plan);
    default:
      return 0; // RECALIBRATE, SEEK: the head goes, nothing else.
  }
}

/** 28 bits: the top four are in the device register. */
function showMax(plan: Plan, lba: number): void {
  plan.resultLba = lba % 2 ** 24;
  plan.resultDevice = (plan.task.device & ~DEVICE.HEAD) | Math.floor(lba / 2 ** 24);
}

const RANGE_BYTES = 8;

/** TRIM: 48 bits of address and 16 of count each; all are checked before any is forgotten. */
export function takeData(drive: DiskDrive, plan: Plan): number {
  const { data } = plan;
  const view = new DataView(data.buffer, data.byteOffset, data.length);
  for (const apply of [false, true]) {
    for (let at = 0; at < data.length; at += RANGE_BYTES) {
      const count = view.getUint16(at + 6, true);
      const lba = view.getUint32(at, true) + view.getUint16(at + 4, true) * 2 ** 32;
      if (count === 0) continue;
      if (lba + count > drive.medium.sectors || drive.medium.readOnly) return ERROR.ABRT;
      if (!apply) continue;
      if (!drive.medium.discard(lba, count)) return ERROR.ABRT;
      // What the cache kept of these sectors must not come back.
      drive.cache.forget(lba, count);
      drive.options.faults.written(lba, count);
    }
  }
  return 0;
}
