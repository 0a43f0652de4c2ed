/**
 * Sector addresses as the task file has them ([ATA-6] 6.2): 28-bit and 48-bit LBA, and cylinder,
 * head and sector, which a disk translates by a geometry of its own choice or of the host's.
 */
import { DEVICE } from "./bits.ts";
import type { TaskFile } from "./drive.ts";

export interface Geometry {
  cylinders: number;
  heads: number;
  trackSectors: number;
}

const CYLINDERS_MAX = 16383;

/** The default translation: 16 heads, 63 sectors ([ATA-6] 6.2.1), at most 16,383 cylinders. */
export function defaultGeometry(sectors: number): Geometry {
  const cylinders = Math.floor(sectors / (16 * 63));
  return {
    cylinders: Math.max(1, Math.min(CYLINDERS_MAX, cylinders)),
    heads: 16,
    trackSectors: 63,
  };
}

/** The translation that INITIALIZE DEVICE PARAMETERS asks for. */
export function geometryFor(sectors: number, heads: number, trackSectors: number): Geometry {
  const cylinders = Math.floor(sectors / (heads * trackSectors));
  return { cylinders: Math.max(1, Math.min(65535, cylinders)), heads, trackSectors };
}

/** The first sector that a task file names, or -1 for a place that the geometry does not have. */
export function addressOf(task: TaskFile, extended: boolean, geometry: Geometry): number {
  if (extended) return task.lba;
  const low = task.lba % 2 ** 24;
  if ((task.device & DEVICE.LBA) !== 0) return (task.device & DEVICE.HEAD) * 2 ** 24 + low;
  const sector = low & 0xff;
  const cylinder = low >>> 8;
  const head = task.device & DEVICE.HEAD;
  const { cylinders, heads, trackSectors } = geometry;
  if (sector < 1 || sector > trackSectors || head >= heads || cylinder >= cylinders) return -1;
  return (cylinder * heads + head) * trackSectors + sector - 1;
}

/** The LBA registers (and the device register's low bits) that show a sector's address. */
export function showAddress(
  lba: number,
  task: TaskFile,
  extended: boolean,
  geometry: Geometry,
  into: { resultLba: number; resultDevice: number },
): void {
  if (extended) {
    into.resultLba = lba;
    into.resultDevice = task.device;
    return;
  }
  if ((task.device & DEVICE.LBA) !== 0) {
    into.resultLba = lba % 2 ** 24;
    into.resultDevice = (task.device & ~DEVICE.HEAD) | (Math.floor(lba / 2 ** 24) & DEVICE.HEAD);
    return;
  }
  const { heads, trackSectors } = geometry;
  const track = Math.floor(lba / trackSectors);
  const cylinder = Math.floor(track / heads) & 0xffff;
  into.resultLba = cylinder * 256 + (lba % trackSectors) + 1;
  into.resultDevice = (task.device & ~DEVICE.HEAD) | (track % heads);
}
