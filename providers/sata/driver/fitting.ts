/**
 * The emulated hardware behind the driver: an HBA on the machine, and a disk for each port that
 * something opened. Saved and restored as one device, disks and media included.
 */
import { ReelError, type DriverContext, type SavedDevice } from "../../../core/provider/index.ts";
import { DiskDrive } from "../../disk/drive/disk-drive.ts";
import { FaultList, parseFault } from "../../disk/faults.ts";
import { imageBase } from "../../disk/image-base.ts";
import { OverlayMedium, zeros } from "../../disk/image.ts";
import { PCI_COMMAND } from "../../disk/pci.ts";
import { decodeState, encodeState } from "../../disk/state.ts";
import { timingOf } from "../../disk/timing.ts";
import { AhciHba } from "../device.ts";
import type { SataOptions } from "../options.ts";
import * as R from "../registers.ts";

const STATE_VERSION = 1;
const PORTS = 6;

/** A disk in a port. */
interface Fitted {
  readonly options: SataOptions;
  readonly medium: OverlayMedium;
  readonly drive: DiskDrive;
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
  drive(port: number): DiskDrive | undefined {
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
        made[port] = this.#make(port, JSON.parse(options) as SataOptions);
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

  #make(port: number, options: SataOptions): Fitted {
    const { image, timing, queueDepth, readOnly, writeBack } = options;
    const writable = !readOnly && writeBack;
    const faults = this.#faultsOf(port, options);
    const base = image === "" ? zeros(options.sizeBytes) : imageBase(this.#cx, image, writable);
    const medium = new OverlayMedium(base, { readOnly });
    if (medium.sectors === 0) {
      medium.close();
      throw new ReelError("EINVAL", `Cannot open ${image}: it is shorter than a sector`);
    }
    const drive = new DiskDrive({
      name: `sata${port}`,
      medium,
      timing: timingOf(timing, medium.sectors),
      faults,
      now: () => this.#cx.machine.now(),
      queueDepth,
      model: "IOREEL SATA DISK",
      serial: `IRSATA${port}`,
    });
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
