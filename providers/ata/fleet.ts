/**
 * The drives on the emulated cables: made when a disk is opened, put into a slot, and saved with
 * the controller and what was written to their media, so that a restored session has them again.
 */
import { ReelError } from "../../core/provider/index.ts";
import { DiskDrive } from "../disk/drive/disk-drive.ts";
import type { Drive } from "../disk/drive/drive.ts";
import { PacketDrive } from "../disk/drive/packet-drive.ts";
import { FaultList, parseFault } from "../disk/faults.ts";
import { imageBase, writeBackAndClose, type Images } from "../disk/image-base.ts";
import { OverlayMedium, zeros } from "../disk/image.ts";
import {
  refuseFixed,
  requireEmpty,
  requireMedium,
  type MediaChanger,
} from "../disk/media-change.ts";
import { decodeState, encodeState } from "../disk/state.ts";
import { timingOf } from "../disk/timing.ts";
import type { IdeController } from "./device.ts";
import type { AtaOptions } from "./options.ts";

const STATE_VERSION = 1;
const SECTOR_BYTES = 512;
const CD_SECTOR_BYTES = 2048;

/** What a drive is made from; plain, so that it can be saved. */
export interface Berth extends AtaOptions {
  resource: number;
  /** Whether its disc was taken out. */
  empty?: boolean;
}

interface Moored {
  berth: Berth;
  seed: number;
  /** What is in the drive; when the disc was taken out, a blank one that stands for it. */
  medium: OverlayMedium;
  drive: Drive;
}

export class Fleet implements MediaChanger {
  readonly name = "ata.machine";
  readonly #ide: IdeController;
  readonly #images: Images;
  readonly #now: () => number;
  readonly #moored = new Map<number, Moored>();

  constructor(ide: IdeController, images: Images, now: () => number) {
    this.#ide = ide;
    this.#images = images;
    this.#now = now;
  }

  has(channel: number, drive: number): boolean {
    return [...this.#moored.values()].some(
      ({ berth }) => berth.channel === channel && berth.drive === drive,
    );
  }

  /**
   * Makes a disk and puts it on its cable.
   * @returns whether it refuses writes
   * @throws {ReelError} the system's code for the image; EINVAL for one without a sector or a fault
   *   line that is none
   */
  plug(berth: Berth, seed: number): boolean {
    const moored = this.#make(berth, seed);
    this.#moored.set(berth.resource, moored);
    this.#ide.channels[berth.channel as 0 | 1].plug(berth.drive as 0 | 1, moored.drive);
    return moored.medium.readOnly;
  }

  #make(berth: Berth, seed: number): Moored {
    let faults: FaultList;
    try {
      faults = new FaultList(berth.faults.map(parseFault), seed);
    } catch (cause) {
      throw new ReelError("EINVAL", (cause as Error).message, { cause });
    }
    const medium = this.#mediumOf(berth);
    const { channel, drive: position } = berth;
    const name = `ata${channel}${position}`;
    const timing = timingOf(berth.timing, medium.sectors);
    const common = { name, medium, timing, faults, now: this.#now, position };
    const drive = berth.packet ? new PacketDrive(common) : new DiskDrive(common);
    if (berth.empty === true && drive instanceof PacketDrive) drive.changeMedium(undefined);
    return { berth, seed, medium, drive };
  }

  /** @throws {ReelError} the system's code for the image; EINVAL for one without a sector */
  #mediumOf({ empty, image, packet, readOnly, sizeBytes, writeBack }: Berth): OverlayMedium {
    const sectorBytes = packet ? CD_SECTOR_BYTES : SECTOR_BYTES;
    const isFixed = readOnly || packet;
    const isBlank = image === "" || empty === true;
    const base = isBlank ? zeros(sizeBytes) : imageBase(this.#images, image, writeBack && !isFixed);
    const medium = new OverlayMedium(base, { sectorBytes, readOnly: isFixed });
    if (medium.sectors > 0) return medium;
    medium.close();
    throw new ReelError("EINVAL", `Cannot open ${image}: it is shorter than a sector`);
  }

  /** See {@link MediaChanger}: discs can be changed, disks cannot. */
  eject(resource: number): void {
    const { drive, moored } = this.#changeable(resource, "eject");
    requireMedium(moored.berth.empty !== true, this.describe(resource));
    drive.changeMedium(undefined);
    moored.medium.close();
    moored.berth = { ...moored.berth, empty: true };
    moored.medium = this.#mediumOf(moored.berth);
  }

  insert(resource: number, image: string): void {
    const { drive, moored } = this.#changeable(resource, "insert");
    requireEmpty(moored.berth.empty !== true, this.describe(resource));
    const berth = { ...moored.berth, image, empty: false };
    moored.medium = this.#mediumOf(berth);
    moored.berth = berth;
    drive.changeMedium(moored.medium);
  }

  #changeable(resource: number, action: string): { moored: Moored; drive: PacketDrive } {
    const moored = this.#moored.get(resource);
    if (moored?.drive instanceof PacketDrive) return { moored, drive: moored.drive };
    refuseFixed(action, this.describe(resource));
  }

  /**
   * Takes a disk off its cable.
   * @throws {ReelError} EIO for an image that did not take what was left; the disk is off even so
   */
  unplug(resource: number): void {
    const moored = this.#moored.get(resource);
    if (moored === undefined) return;
    const { channel, drive } = moored.berth;
    this.#ide.channels[channel as 0 | 1].plug(drive as 0 | 1, undefined);
    this.#moored.delete(resource);
    // Closing is an orderly end: what the drive's cache held reaches the image.
    writeBackAndClose(moored.medium, moored.berth.image);
  }

  describe(resource: number): string {
    const berth = this.#moored.get(resource)?.berth;
    if (berth === undefined) return "no disk";
    const medium = berth.empty === true ? "no disc" : berth.image || "memory";
    return `${medium} on channel ${berth.channel} drive ${berth.drive}`;
  }

  snapshot(): Uint8Array {
    const moored = [...this.#moored.values()];
    return encodeState(this.name, STATE_VERSION, {
      disks: moored.map(({ berth, seed, medium }) => {
        return { berth: JSON.stringify(berth), seed, medium: medium.snapshot() };
      }),
      ide: this.#ide.snapshot(),
    });
  }

  restore(bytes: Uint8Array): void {
    const none = new Uint8Array(0);
    const like = { disks: [{ berth: "", seed: 0, medium: none }], ide: none };
    let made: Moored[] = [];
    const before = [...this.#moored.values()];
    try {
      const { disks, ide } = decodeState(this.name, STATE_VERSION, bytes, like);
      for (const { berth, seed, medium } of disks) {
        const moored = this.#make(JSON.parse(berth) as Berth, seed);
        made.push(moored);
        moored.medium.restore(medium);
      }
      this.#moor(made);
      this.#ide.restore(ide);
    } catch (cause) {
      this.#moor(before);
      for (const { medium } of made) medium.close();
      made = before;
      throw new ReelError("ERR_STATE_CORRUPT", `${(cause as Error).message}`, { cause });
    }
    for (const { medium } of before) medium.close();
  }

  /** Has these drives on the cables, and no others. */
  #moor(all: readonly Moored[]): void {
    for (const channel of this.#ide.channels) {
      for (const position of [0, 1] as const) channel.slots[position].drive = undefined;
    }
    this.#moored.clear();
    for (const moored of all) {
      const { resource, channel, drive } = moored.berth;
      this.#moored.set(resource, moored);
      this.#ide.channels[channel as 0 | 1].slots[drive as 0 | 1].drive = moored.drive;
    }
  }
}
