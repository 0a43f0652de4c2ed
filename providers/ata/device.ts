/**
 * The two-channel IDE controller with bus mastering: a PCI function whose channels answer at the
 * legacy places. A plain class over two hosts, one for each interrupt line; it imports nothing of
 * the core and can be mounted on any machine (docs/mounting-a-device.md).
 *
 * References: [ATA-6] ATA/ATAPI-6, T13/1410D; [ACS-3] T13/2161-D; [SFF-8038i] Programming interface
 * for bus master IDE; [PCI] PCI Local Bus 3.0.
 */
import type { Drive } from "../disk/drive/drive.ts";
import type { AccessWidth, DeviceHost, DeviceModel } from "../disk/host.ts";
import { PciFunction } from "../disk/pci.ts";
import { decodeState, encodeState } from "../disk/state.ts";
import { Channel } from "./channel.ts";
import { BUS_MASTER } from "./registers.ts";

const STATE_VERSION = 1;

/** The function of a PIIX3: Intel's, an IDE controller in compatibility mode with bus mastering. */
const DESCRIPTION = {
  vendorId: 0x8086,
  deviceId: 0x7010,
  classCode: 0x010180,
  revision: 0,
  bars: [{ index: 4, space: "ports", sizeBytes: 16 }],
  interruptPin: 0,
} as const;

export interface IdeOptions {
  /** Hosts of channels 0 and 1: each has its interrupt line. */
  hosts: readonly [DeviceHost, DeviceHost];
  /** Drives by channel and position; what is missing is absent. */
  drives: readonly (readonly (Drive | undefined)[])[];
}

export class IdeController implements DeviceModel {
  readonly name = "ide";
  readonly pci = new PciFunction(DESCRIPTION);
  readonly channels: readonly [Channel, Channel];

  constructor(options: IdeOptions) {
    const channel = (i: 0 | 1): Channel =>
      new Channel({
        host: options.hosts[i],
        drives: options.drives[i] ?? [],
        mayMaster: () => this.pci.busMaster,
      });
    this.channels = [channel(0), channel(1)];
  }

  /**
   * @param block `command0`, `control0`, `command1`, `control1`, `bus-master` or `pci`
   * @returns all ones for a block that is none
   */
  readRegister(block: string, offset: number, width: AccessWidth): number {
    const [first, second] = this.channels;
    switch (block) {
      case "command0":
        return first.readCommandBlock(offset, width);
      case "command1":
        return second.readCommandBlock(offset, width);
      case "control0":
        return first.readControlBlock(offset, width);
      case "control1":
        return second.readControlBlock(offset, width);
      case "bus-master":
        return this.#busMaster(offset).read(offset % BUS_MASTER.BYTES, width);
      case "pci":
        return this.pci.read(offset, width);
      default:
        return 2 ** (8 * width) - 1;
    }
  }

  writeRegister(block: string, offset: number, width: AccessWidth, value: number): void {
    const [first, second] = this.channels;
    switch (block) {
      case "command0":
        return first.writeCommandBlock(offset, width, value);
      case "command1":
        return second.writeCommandBlock(offset, width, value);
      case "control0":
        return first.writeControlBlock(offset, value & 0xff);
      case "control1":
        return second.writeControlBlock(offset, value & 0xff);
      case "bus-master":
        return this.#busMaster(offset).write(offset % BUS_MASTER.BYTES, width, value);
      case "pci":
        this.pci.write(offset, width, value);
        // What waited for bus mastering to be allowed goes on.
        for (const channel of this.channels) channel.kick();
        return undefined;
      default:
        return undefined;
    }
  }

  #busMaster(offset: number) {
    return this.channels[offset < BUS_MASTER.BYTES ? 0 : 1].busMaster;
  }

  reset(): void {
    this.pci.reset();
    for (const channel of this.channels) channel.reset();
  }

  /** The controller and its drives; media are whoever's who handed them in. */
  snapshot(): Uint8Array {
    return encodeState("ide", STATE_VERSION, this.#fields());
  }

  #drives(): Drive[] {
    return this.channels.flatMap(({ slots }) => slots.flatMap(({ drive }) => drive ?? []));
  }

  #fields() {
    return {
      pci: this.pci.capture(),
      channels: this.channels.map((channel) => channel.save()),
      drives: this.#drives().map((drive) => ({ name: drive.name, state: drive.snapshot() })),
    };
  }

  restore(bytes: Uint8Array): void {
    const drives = this.#drives();
    const fields = decodeState("ide", STATE_VERSION, bytes, this.#fields());
    const before = drives.map((drive) => drive.snapshot());
    if (!this.pci.accepts(fields.pci))
      throw new RangeError("Cannot restore ide: not its PCI space");
    if (fields.channels.length !== 2) throw new RangeError("Cannot restore ide: not two channels");
    try {
      for (const { name, state } of fields.drives) {
        const drive = drives.find((one) => one.name === name);
        if (drive === undefined) {
          throw new RangeError(`Cannot restore ide: found drive ${name}, which is not here`);
        }
        drive.restore(state);
      }
    } catch (error) {
      for (const [i, drive] of drives.entries()) drive.restore(before[i]!);
      throw error;
    }
    this.pci.apply(fields.pci);
    for (const [i, channel] of this.channels.entries()) channel.load(fields.channels[i]!);
  }
}
