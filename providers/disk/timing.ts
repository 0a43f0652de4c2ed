/**
 * How long a disk takes. A model knows where its head is and says how long an access lasts: the
 * way to the first sector, then the transfer. Times are whole nanoseconds of the machine's clock.
 *
 * hdd7200: seek(d) = 0.8 ms + 14.4375 ms · √d for a distance d of the whole stroke (0 to 1). Over
 * random pairs the mean of √d is 8/15, so the mean seek is 8.5 ms. A turn is 60/7,200 s = 8.33 ms,
 * the mean wait half of it. Tracks are skewed by a tenth of a turn, so that a head switch loses
 * no turn; 2,048 sectors a track pass in a turn (126 MB/s). Reading on where the last read ended
 * finds the look-ahead buffer filled and needs no turn.
 *
 * ssd: 70 µs to read, 25 µs to write, 530 MB/s, eight commands at once.
 */

export const TIMING_NAMES = ["instant", "hdd7200", "ssd"] as const;
export type TimingName = (typeof TIMING_NAMES)[number];

export interface Timing {
  readonly name: TimingName;
  /** Commands that the medium works on at once. */
  readonly parallel: number;
  /** From now to the first sector of an access, without moving there. */
  reachNs(lba: number, nowNs: number, write: boolean): number;
  /** Time of the sectors themselves. */
  transferNs(lba: number, sectors: number, write: boolean): number;
  /** The head has gone where an access ends. */
  moved(lba: number, sectors: number, write: boolean): void;
  /** Time of a write that only the drive's cache takes. */
  cachedNs(sectors: number): number;
  /** Time of making so many sectors durable. */
  flushNs(sectors: number): number;
  /** Time of a command that touches no sector. */
  readonly commandNs: number;
  /** From the end of a soft reset to readiness. */
  readonly resetNs: number;
  /** From standby to readiness. */
  readonly spinUpNs: number;
  /** Where the head is: saved and put back. */
  position: number;
  /** The sector behind the last read, for the look-ahead buffer. */
  nextLba: number;
}

export const TURN_NS = 60e9 / 7200;
export const TRACK_SECTORS = 2048;
const HEADS = 4;
const SEEK_MIN_NS = 0.8e6;
const SEEK_STROKE_NS = 14.4375e6;
const SKEW = 0.1;
/** The interface: 300 MB/s of SATA 3 Gb/s after 8b/10b coding. */
const INTERFACE_SECTOR_NS = (512 / 300e6) * 1e9;

const SILENT = {
  parallel: 32,
  commandNs: 0,
  resetNs: 0,
  spinUpNs: 0,
  reachNs: () => 0,
  transferNs: () => 0,
  moved: () => {},
  cachedNs: () => 0,
  flushNs: () => 0,
};

/** The seek curve. @param stroke distance as a part of the whole stroke, 0 to 1 */
export function seekNs(stroke: number): number {
  return stroke === 0 ? 0 : SEEK_MIN_NS + SEEK_STROKE_NS * Math.sqrt(stroke);
}

/** Where a sector is on its track, as a part of a turn. */
function angleOf(lba: number): number {
  const track = Math.floor(lba / TRACK_SECTORS);
  return ((lba % TRACK_SECTORS) / TRACK_SECTORS + track * SKEW) % 1;
}

class RotatingTiming implements Timing {
  readonly name = "hdd7200";
  readonly parallel = 1;
  readonly commandNs = 100_000;
  readonly resetNs = 2e6;
  readonly spinUpNs = 4e9;
  position = 0;
  nextLba = -1;
  readonly #strokeCylinders: number;

  constructor(sectors: number) {
    this.#strokeCylinders = Math.max(1, Math.ceil(sectors / (TRACK_SECTORS * HEADS)) - 1);
  }

  #cylinder(lba: number): number {
    return Math.floor(lba / (TRACK_SECTORS * HEADS));
  }

  reachNs(lba: number, nowNs: number, write: boolean): number {
    if (!write && lba === this.nextLba) return this.commandNs;
    const distance = Math.abs(this.#cylinder(lba) - this.#cylinder(this.position));
    const seek = this.commandNs + seekNs(Math.min(1, distance / this.#strokeCylinders));
    const turned = ((nowNs + seek) / TURN_NS) % 1;
    const wait = (angleOf(lba) - turned + 1) % 1;
    return Math.round(seek + wait * TURN_NS);
  }

  transferNs(lba: number, sectors: number): number {
    const first = Math.floor(lba / TRACK_SECTORS);
    const last = Math.floor((lba + Math.max(sectors, 1) - 1) / TRACK_SECTORS);
    return Math.round((sectors / TRACK_SECTORS + (last - first) * SKEW) * TURN_NS);
  }

  moved(lba: number, sectors: number, write: boolean): void {
    this.position = lba + sectors;
    this.nextLba = write ? -1 : lba + sectors;
  }

  cachedNs(sectors: number): number {
    return Math.round(this.commandNs + sectors * INTERFACE_SECTOR_NS);
  }

  /** One mean seek and half a turn, then the sectors in one sweep. */
  flushNs(sectors: number): number {
    if (sectors === 0) return this.commandNs;
    return Math.round(8.5e6 + TURN_NS / 2 + (sectors / TRACK_SECTORS) * TURN_NS);
  }
}

const SSD_SECTOR_NS = (512 / 530e6) * 1e9;

const SSD = {
  parallel: 8,
  commandNs: 5_000,
  resetNs: 1e6,
  spinUpNs: 1e6,
  reachNs: (_lba: number, _now: number, write: boolean) => (write ? 25_000 : 70_000),
  transferNs: (_lba: number, sectors: number) => Math.round(sectors * SSD_SECTOR_NS),
  moved: () => {},
  cachedNs: (sectors: number) => Math.round(20_000 + sectors * SSD_SECTOR_NS),
  flushNs: (sectors: number) => (sectors === 0 ? 5_000 : 500_000),
};

/**
 * Makes a timing model.
 * @param sectors of the disk: the whole stroke of its arm
 * @throws {RangeError} for an unknown name
 */
export function timingOf(name: TimingName, sectors: number): Timing {
  switch (name) {
    case "instant":
      return { name, ...SILENT, position: 0, nextLba: -1 };
    case "ssd":
      return { name, ...SSD, position: 0, nextLba: -1 };
    case "hdd7200":
      return new RotatingTiming(sectors);
    default:
      throw new RangeError(`Cannot time a disk as ${String(name)}: wanted ${TIMING_NAMES}`);
  }
}
