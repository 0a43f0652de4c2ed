/**
 * The emulated hardware behind the driver: an HBA on the machine, and a disk for each port that
 * something opened. Saved and restored as one device, disks and media included.
 */
import { ReelError, type DriverContext, type SavedDevice } from "../../../core/provider/index.ts";
import { DiskDrive } from "../../disk/drive/disk-drive.ts";
import { PacketDrive } from "../../disk/drive/packet-drive.ts";
import { FaultList, parseFault } from "../../disk/faults.ts";
import { imageBase } from "../../disk/image-base.ts";
import { OverlayMedium, zeros } from "../../disk/image.ts";
import { refuseFixed, requireEmpty, requireMedium } from "../../disk/media-change.ts";
import { PCI_COMMAND } from "../../disk/pci.ts";
import { decodeState, encodeState } from "../../disk/state.ts";
import { timingOf } from "../../disk/timing.ts";
import { AhciHba } from "../device.ts";
import type { SataOptions } from "../options.ts";
import * as R from "../registers.ts";

const STATE_VERSION = 1;
const PORTS = 6;
const SECTOR_BYTES = 512;
const CD_SECTOR_BYTES = 2048;

/** What a drive is made from; plain, so that it can be saved. */
interface FittedOptions extends SataOptions {
  /** Whether its disc was taken out. */
  empty?: boolean;
}

/** A disk in a port. */
interface Fitted {
  options: FittedOptions;
  /** What is in the drive; when the disc was taken out, a blank one that stands for it. */
  medium: OverlayMedium;
  readonly drive: DiskDrive | PacketDrive;
}

export class Fitting implements SavedDevice {
  readonly name = "sata.hba";
  readonly hba: AhciHba;
  readonly #cx: DriverContext;
  readonly #disks: (Fitted | undefined)[] = [];

  constructor(cx: DriverContext) {
    this.#cx = cx;
    const { machine } = cx;
    const hba = new AhciHba(machine.attach("sata", R.SATA_LINE), { ports: PORTS });
    this.hba = hba;
    machine.memory.register(
      R.ABAR,
      R.ABAR_BYTES,
      {
        read: (offset, width) => hba.readRegister("abar", offset, width),
        write: (offset, width, value) => hba.writeRegister("abar", offset, width, value),
      },
      "sata",
    );
    // What a computer's firmware does: memory space and bus mastering on.
    hba.writeRegister("config", PCI_COMMAND, 2, 0x0006);
  }

  /**
   * Puts a disk into a port.
   * @returns the port
   * @throws {ReelError} EBUSY for a port that has one, ENOENT and others for its image
   */
  plug(options: SataOptions): number {
    const { port } = options;
    const isFree = (number: number): boolean => this.#disks[number] === undefined;
    const found = port >= 0 ? port : Array.from({ length: PORTS }, (_, i) => i).find(isFree);
    if (found === undefined || !isFree(found)) {
      const what = found === undefined ? `all ${PORTS} ports have one` : `port ${found} has one`;
      throw new ReelError("EBUSY", `Cannot plug in a disk: ${what}`, {
        mend: "Close the other disk, or choose another port",
      });
    }
    const fitted = this.#make(found, options);
    this.#disks[found] = fitted;
    this.hba.plug(found, fitted.drive);
    return found;
  }

  /** Takes a port's disk out and lets go of its image. */
  unplug(port: number): void {
    this.hba.unplug(port);
    this.#disks[port]?.medium.close();
    this.#disks[port] = undefined;
  }

  /** A port's disk, if it has one: what is in it, for people and tests. */
  drive(port: number): DiskDrive | PacketDrive | undefined {
    return this.#disks[port]?.drive;
  }

  snapshot(): Uint8Array {
    const disks = this.#disks.flatMap((fitted, port) => {
      if (fitted === undefined) return [];
      const { options, medium } = fitted;
      const isOut = this.hba.ports[port]!.drive === undefined;
      return [{ port, isOut, options: JSON.stringify(options), medium: medium.snapshot() }];
    });
    return encodeState(this.name, STATE_VERSION, { disks, hba: this.hba.snapshot() });
  }

  restore(bytes: Uint8Array): void {
    const disk = { port: 0, isOut: false, options: "", medium: new Uint8Array(0) };
    const like = { disks: [disk], hba: new Uint8Array(0) };
    const { disks, hba } = decodeState(this.name, STATE_VERSION, bytes, like);
    const made: (Fitted | undefined)[] = [];
    const isOut = new Set(disks.filter((saved) => saved.isOut).map(({ port }) => port));
    try {
      for (const { port, options, medium } of disks) {
        if (!(port >= 0 && port < PORTS) || made[port] !== undefined) {
          throw new RangeError(`Cannot restore ${this.name}: found a disk in port ${port}`);
        }
        made[port] = this.#make(port, JSON.parse(options) as FittedOptions);
        made[port].medium.restore(medium);
      }
      this.hba.exchange(
        made.map((fitted, port) => {
          if (fitted === undefined) return undefined;
          return { drive: fitted.drive, isOut: isOut.has(port) };
        }),
        hba,
      );
    } catch (error) {
      for (const fitted of made) fitted?.medium.close();
      throw error;
    }
    for (const fitted of this.#disks) fitted?.medium.close();
    this.#disks.length = 0;
    this.#disks.push(...made);
  }

  /** See `MediaChanger`: discs can be changed, disks cannot. */
  eject(port: number): void {
    const { drive, fitted } = this.#changeable(port, "eject");
    requireMedium(fitted.options.empty !== true, `the drive in port ${port}`);
    drive.changeMedium(undefined);
    fitted.medium.close();
    fitted.options = { ...fitted.options, empty: true };
    fitted.medium = this.#mediumOf(fitted.options);
  }

  insert(port: number, image: string): void {
    const { drive, fitted } = this.#changeable(port, "insert");
    requireEmpty(fitted.options.empty !== true, `the drive in port ${port}`);
    const options = { ...fitted.options, image, empty: false };
    fitted.medium = this.#mediumOf(options);
    fitted.options = options;
    drive.changeMedium(fitted.medium);
  }

  #changeable(port: number, action: string): { fitted: Fitted; drive: PacketDrive } {
    const fitted = this.#disks[port];
    if (fitted?.drive instanceof PacketDrive) return { fitted, drive: fitted.drive };
    refuseFixed(action, `the disk in port ${port}`);
  }

  #mediumOf({ empty, image, packet, readOnly, sizeBytes, writeBack }: FittedOptions) {
    const isFixed = readOnly || packet;
    const isBlank = image === "" || empty === true;
    const base = isBlank ? zeros(sizeBytes) : imageBase(this.#cx, image, writeBack && !isFixed);
    const sectorBytes = packet ? CD_SECTOR_BYTES : SECTOR_BYTES;
    const medium = new OverlayMedium(base, { sectorBytes, readOnly: isFixed });
    if (medium.sectors > 0) return medium;
    medium.close();
    throw new ReelError("EINVAL", `Cannot open ${image}: it is shorter than a sector`);
  }

  #make(port: number, options: FittedOptions): Fitted {
    const { timing, packet, queueDepth } = options;
    const faults = this.#faultsOf(port, options);
    const medium = this.#mediumOf(options);
    const common = {
      name: `sata${port}`,
      medium,
      timing: timingOf(timing, medium.sectors),
      faults,
      now: () => this.#cx.machine.now(),
      serial: `IRSATA${port}`,
    };
    if (!packet) {
      const drive = new DiskDrive({ ...common, queueDepth, model: "IOREEL SATA DISK" });
      return { options, medium, drive };
    }
    const drive = new PacketDrive({ ...common, model: "IOREEL SATA CD" });
    if (options.empty === true) drive.changeMedium(undefined);
    return { options, medium, drive };
  }

  /** @throws {ReelError} EINVAL for a line that is no fault */
  #faultsOf(port: number, { faults }: SataOptions): FaultList {
    try {
      return new FaultList(faults.map(parseFault), this.#cx.machine.seed + port);
    } catch (cause) {
      throw new ReelError("EINVAL", (cause as Error).message, { cause });
    }
  }
}
