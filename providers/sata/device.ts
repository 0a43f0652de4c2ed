/**
 * An AHCI host bus adapter as a device model: generic host control, up to 32 ports, and the PCI
 * function that they are behind. A plain class over a small host interface, which can be mounted on
 * any machine; nothing here knows of ioreel.
 *
 * Blocks of registers: `config` (256 bytes of PCI configuration space) and `abar` (the memory
 * mapped registers, 8 KiB). Registers of `abar` are 32 bits wide: narrower reads take their part,
 * narrower writes are put into the rest of the register's present value.
 *
 * References: [AHCI] Serial ATA Advanced Host Controller Interface 1.3.1.
 */
import type { Drive } from "../disk/drive/drive.ts";
import type { AccessWidth, DeviceHost, DeviceModel } from "../disk/host.ts";
import { CAPABILITY_MSI, CAPABILITY_SATA, PciFunction } from "../disk/pci.ts";
import { Dma } from "./dma.ts";
import { SentFis } from "./fis.ts";
import { Port } from "./port.ts";
import type { PortBoard } from "./port-state.ts";
import * as R from "./registers.ts";
import { type OwnState, restoreHba, saveHba } from "./saved.ts";

/** Message signalled interrupts: [PCI] 6.8, 64-bit, one message. */
const MSI_AT = 0x80;
const MSI_ENABLE = 0x01;
/** Serial ATA capability: [AHCI] 2.4. Its index and data pair is not there. */
const SATA_AT = 0xa8;

/** A drive of a state that is to be restored. */
export interface PluggedDrive {
  readonly drive: Drive;
  /** It was pulled out, and will be put in again. */
  readonly isOut: boolean;
}

export interface HbaOptions {
  /** Prefix of its state: default `sata`. */
  name?: string;
  /** 1 to 32, default 6. */
  ports?: number;
  /** From a link reset to the signature, default 0. */
  linkNs?: number;
  /** Whether devices ask for an interrupt at each DMA setup, default false. */
  setupInterrupts?: boolean;
}

export class AhciHba implements DeviceModel {
  readonly name: string;
  readonly ports: readonly Port[];
  readonly pci: PciFunction;
  readonly #host: DeviceHost;
  readonly #capabilities: number;
  #ghc = R.GHC_AE;
  #is = 0;
  #level = false;
  /** The line is high for nothing, until somebody looks at IS. */
  #startled = false;

  constructor(host: DeviceHost, options: HbaOptions = {}) {
    const count = options.ports ?? 6;
    if (!(Number.isInteger(count) && count >= 1 && count <= R.PORTS_MAX)) {
      throw new RangeError(`Cannot build an HBA: ports must be 1 to ${R.PORTS_MAX}: ${count}`);
    }
    this.name = options.name ?? "sata";
    this.#host = host;
    this.pci = new PciFunction({
      // The identity of the ICH9's AHCI function, which every system has a driver for.
      vendorId: 0x8086,
      deviceId: 0x2922,
      classCode: 0x010601,
      revision: 2,
      bars: [{ index: 5, space: "memory", sizeBytes: R.ABAR_BYTES }],
      capabilities: [
        {
          id: CAPABILITY_MSI,
          at: MSI_AT,
          body: [0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
          writable: [0x01, 0, 0xfc, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
        },
        { id: CAPABILITY_SATA, at: SATA_AT, body: [0x10, 0, 0, 0, 0, 0], writable: [] },
      ],
      interruptPin: 1,
    });
    const dma = new Dma(host);
    dma.enabled = () => this.pci.busMaster;
    const board: PortBoard = {
      host,
      dma,
      fis: new SentFis(),
      linkNs: options.linkNs ?? 0,
      setupInterrupts: options.setupInterrupts ?? false,
      update: (port) => this.#update(port),
      startle: () => this.#startle(true),
    };
    this.ports = Array.from({ length: count }, (_, number) => new Port(board, number));
    this.#capabilities =
      (count - 1) |
      ((R.SLOTS - 1) << R.CAP_SLOTS_SHIFT) |
      R.CAP_PMD |
      R.CAP_SAM |
      R.CAP_ISS_GEN3 |
      R.CAP_SCLO |
      R.CAP_SNCQ |
      R.CAP_S64A;
  }

  /** Puts a device into a port. @throws {RangeError} when there is no such port or one is in it */
  plug(port: number, drive: Drive): void {
    const found = this.ports[port];
    if (found === undefined || found.drive !== undefined) {
      throw new RangeError(
        `Cannot plug a drive into port ${port}: wanted a free one of ${this.ports.length}`,
      );
    }
    found.plug(drive);
  }

  /** Pulls a port's device out, whatever it is doing. @returns it, if there was one */
  unplug(port: number): Drive | undefined {
    return this.ports[port]?.unplug();
  }

  /**
   * Restores a state whose drives are not those that are in the ports: takes these out and puts the
   * others in, without anything of it being heard on the links.
   * @param drives each port's drive
   * @throws {RangeError} as {@link restore}; the drives are what they were then
   */
  exchange(drives: readonly (PluggedDrive | undefined)[], bytes: Uint8Array): void {
    const before = this.ports.map(({ drive, pulled, engine }) => {
      return { drive, pulled, slots: engine.slots };
    });
    for (const port of this.ports) {
      const given = drives[port.number];
      port.hold(given?.drive, given?.isOut);
    }
    try {
      this.restore(bytes);
    } catch (error) {
      for (const port of this.ports) {
        const { drive, pulled, slots } = before[port.number]!;
        port.hold(drive ?? pulled, drive === undefined);
        port.engine.slots = slots;
      }
      throw error;
    }
  }

  readRegister(block: string, offset: number, width: AccessWidth): number {
    if (block === "config") return this.pci.read(offset, width);
    if (block !== "abar") return 0;
    const shift = (offset & 3) * 8;
    const value = this.#read(offset & ~3) >>> shift;
    if (width === 4) return value;
    return width === 2 ? value & 0xffff : value & 0xff;
  }

  writeRegister(block: string, offset: number, width: AccessWidth, value: number): void {
    if (block === "config") return this.#configure(offset, width, value);
    if (block !== "abar") return;
    const at = offset & ~3;
    if (width === 4) return this.#write(at, value | 0);
    const shift = (offset & 3) * 8;
    const mask = (width === 2 ? 0xffff : 0xff) << shift;
    // What is cleared by writing ones must not be cleared by a neighbour's byte.
    const kept = R.isWriteOne(at) ? 0 : this.#read(at) & ~mask;
    this.#write(at, kept | ((value << shift) & mask));
  }

  /** Back to power-on: configuration space too. Drives stay where they are. */
  reset(): void {
    this.pci.reset();
    this.#ghc = R.GHC_AE;
    this.#is = 0;
    this.#startled = false;
    for (const port of this.ports) {
      port.reset();
      Object.assign(port.state, { clb: 0, clbu: 0, fb: 0, fbu: 0 });
    }
    this.#drive();
  }

  snapshot(): Uint8Array {
    return saveHba(this.name, this.ports, this.pci, this.#own());
  }

  /** @throws {RangeError} for bytes that are not its own; nothing changes then */
  restore(bytes: Uint8Array): void {
    const own = restoreHba(this.name, this.ports, this.pci, bytes, this.#own());
    this.#ghc = own.ghc;
    this.#is = own.is;
    this.#level = own.level;
    this.#startled = own.startled;
  }

  #own(): OwnState {
    return { ghc: this.#ghc, is: this.#is, level: this.#level, startled: this.#startled };
  }

  #read(offset: number): number {
    if (offset >= R.PORT_BASE) {
      const port = this.ports[(offset - R.PORT_BASE) >>> 7];
      return port === undefined ? 0 : port.read(offset & 0x7f) >>> 0;
    }
    switch (offset) {
      case R.HBA_CAP:
        return this.#capabilities >>> 0;
      case R.HBA_GHC:
        return this.#ghc >>> 0;
      case R.HBA_IS:
        if (this.#startled) this.#startle(false);
        return this.#is >>> 0;
      case R.HBA_PI:
        return (2 ** this.ports.length - 1) >>> 0;
      case R.HBA_VS:
        return R.VERSION;
      default:
        return 0;
    }
  }

  #write(offset: number, value: number): void {
    if (offset >= R.PORT_BASE) {
      this.ports[(offset - R.PORT_BASE) >>> 7]?.write(offset & 0x7f, value);
      return;
    }
    if (offset === R.HBA_IS) {
      this.#is &= ~value;
      // A port that still asks sets its bit again: PxIS is to be cleared first, 10.7.2.1.
      for (const port of this.ports) if (port.asks) this.#is |= 1 << port.number;
      this.#drive();
    } else if (offset === R.HBA_GHC) {
      if ((value & R.GHC_HR) !== 0) return this.#resetHba();
      this.#ghc = R.GHC_AE | (value & R.GHC_IE);
      this.#drive();
    }
  }

  /** GHC.HR: at once, so that it reads 0 again: 10.4.3. */
  #resetHba(): void {
    this.#ghc = R.GHC_AE;
    this.#is = 0;
    this.#startled = false;
    for (const port of this.ports) port.reset();
    this.#drive();
  }

  #configure(offset: number, width: AccessWidth, value: number): void {
    const before = this.pci.busMaster;
    this.pci.write(offset, width, value);
    if (this.pci.busMaster && !before) for (const port of this.ports) port.engine.kick();
    this.#drive();
  }

  #startle(startled: boolean): void {
    this.#startled = startled;
    this.#drive();
  }

  #update(port: number): void {
    if (this.ports[port]?.asks !== true) return;
    this.#is |= 1 << port;
    this.#drive();
  }

  /** The interrupt output: a level on the pin, or a message at each rise. */
  #drive(): void {
    const wanted = (this.#is !== 0 || this.#startled) && (this.#ghc & R.GHC_IE) !== 0;
    if (wanted === this.#level) {
      if (wanted) this.#pin(true);
      return;
    }
    this.#level = wanted;
    this.pci.showInterrupt(wanted);
    if (wanted && (this.pci.read(MSI_AT + 2, 1) & MSI_ENABLE) !== 0) this.#message();
    this.#pin(wanted);
  }

  #pin(level: boolean): void {
    const isMessage = (this.pci.read(MSI_AT + 2, 1) & MSI_ENABLE) !== 0;
    this.#host.interrupt(level && this.pci.pinEnabled && !isMessage);
  }

  /** A message is a write to memory: whoever mounts the HBA sees to it that it arrives. */
  #message(): void {
    const { pci } = this;
    if (!pci.busMaster) return;
    const address = pci.read(MSI_AT + 8, 4) * 2 ** 32 + pci.read(MSI_AT + 4, 4);
    const data = pci.read(MSI_AT + 12, 2);
    this.#host.writeMemory(address, Uint8Array.of(data & 0xff, data >>> 8, 0, 0));
  }
}
