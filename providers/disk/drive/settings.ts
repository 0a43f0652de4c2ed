/**
 * What a disk remembers between commands, and the commands that only change that: SET FEATURES
 * ([ATA-6] 8.46), SET MULTIPLE, the power modes and SMART ([ATA-6] 8.51).
 */
import { MULTIPLE_MAX, putChecksum } from "./identify.ts";

/** Power modes as CHECK POWER MODE names them in the count register ([ATA-6] 8.9). */
export const POWER = { STANDBY: 0x00, IDLE: 0x80, ACTIVE: 0xff, SLEEP: 0x01 } as const;

export interface Settings {
  writeCache: boolean;
  lookAhead: boolean;
  /** SET FEATURES 66h: a soft reset leaves features alone. */
  keepOverReset: boolean;
  multiple: number;
  transferMode: number;
  power: number;
  smart: boolean;
  smartAutosave: boolean;
  heads: number;
  trackSectors: number;
  cylinders: number;
}

/** The highest transfer mode numbers: PIO 4, multiword 2, Ultra DMA 5 (6 on a serial link). */
function isTransferMode(mode: number, serial: boolean): boolean {
  const number = mode & 7;
  switch (mode & 0xf8) {
    case 0x00:
      return number <= 1; // PIO default, with or without IORDY.
    case 0x08:
      return number <= 4;
    case 0x20:
      return number <= 2;
    case 0x40:
      return number <= (serial ? 6 : 5);
    default:
      return false;
  }
}

/** @returns whether the feature exists: false is ABRT */
export function setFeatures(settings: Settings, feature: number, count: number, serial: boolean) {
  switch (feature & 0xff) {
    case 0x02:
      settings.writeCache = true;
      return true;
    case 0x82:
      settings.writeCache = false;
      return true;
    case 0x03:
      if (!isTransferMode(count & 0xff, serial)) return false;
      settings.transferMode = count & 0xff;
      return true;
    case 0xaa:
      settings.lookAhead = true;
      return true;
    case 0x55:
      settings.lookAhead = false;
      return true;
    case 0x66:
      settings.keepOverReset = true;
      return true;
    case 0xcc:
      settings.keepOverReset = false;
      return true;
    default:
      return false;
  }
}

/** SET MULTIPLE MODE: a power of two up to 16; 0 switches it off ([ATA-6] 8.48). */
export function setMultiple(settings: Settings, count: number): boolean {
  const sectors = count & 0xff;
  if (sectors > MULTIPLE_MAX || (sectors & (sectors - 1)) !== 0) return false;
  settings.multiple = sectors;
  return true;
}

/** SMART subcommands, in the features register ([ATA-6] 8.51.1). */
export const SMART = {
  READ_DATA: 0xd0,
  READ_THRESHOLDS: 0xd1,
  AUTOSAVE: 0xd2,
  ENABLE: 0xd8,
  DISABLE: 0xd9,
  RETURN_STATUS: 0xda,
} as const;

/** What LBA mid and high hold in every SMART command. */
export const SMART_KEY = 0xc24f;

/** Attributes: number, flags, value, worst; raw values follow. */
function putAttribute(data: Uint8Array, slot: number, id: number, raw: number): void {
  const at = 2 + slot * 12;
  data.set([id, 0x32, 0x00, 100, 100], at);
  for (let i = 0; i < 4; i++) data[at + 5 + i] = Math.floor(raw / 256 ** i) & 0xff;
}

/**
 * SMART READ DATA: the counters that people look at.
 * @param bad sectors found unreadable so far
 */
export function fillSmartData(data: Uint8Array, bad: number, commands: number): void {
  data.fill(0);
  data[0] = 0x10;
  putAttribute(data, 0, 5, 0); // Reallocated sectors.
  putAttribute(data, 1, 12, 1); // Power cycles.
  putAttribute(data, 2, 197, bad); // Pending sectors.
  putAttribute(data, 3, 241, commands);
  putChecksumOnly(data);
}

export function fillSmartThresholds(data: Uint8Array): void {
  data.fill(0);
  data[0] = 0x10;
  for (const [slot, id] of [5, 12, 197, 241].entries()) data[2 + slot * 12] = id;
  putChecksumOnly(data);
}

function putChecksumOnly(data: Uint8Array): void {
  putChecksum(data);
  // SMART pages have the sum alone, without IDENTIFY's A5h before it.
  data[511] = (data[511]! + data[510]!) & 0xff;
  data[510] = 0;
}
