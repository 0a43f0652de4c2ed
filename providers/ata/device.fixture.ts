/** An IDE controller on the tiny machine, with what tests need to speak to its registers. */
import { DiskDrive, type DiskOptions } from "../disk/drive/disk-drive.ts";
import type { Drive } from "../disk/drive/drive.ts";
import { type Fault, FaultList } from "../disk/faults.ts";
import { TinyMachine } from "../disk/machine.fixture.ts";
import { MemoryMedium } from "../disk/medium.ts";
import { timingOf, type TimingName } from "../disk/timing.ts";
import { IdeController } from "./device.ts";

export const SECTOR = 512;

/** Sectors whose bytes tell where they are. */
export function numberedMedium(sectors: number): MemoryMedium {
  const bytes = new Uint8Array(sectors * SECTOR);
  for (let i = 0; i < bytes.length; i++) bytes[i] = (i >>> 9) * 7 + i * 3;
  return new MemoryMedium(bytes);
}

export interface BenchOptions {
  sectors?: number;
  timing?: TimingName;
  faults?: readonly Fault[];
  seed?: number;
  /** Drives of channel 0 in place of one disk. */
  drives?: readonly (Drive | undefined)[];
  disk?: Partial<DiskOptions>;
}

export interface Task {
  features?: number;
  count?: number;
  lba?: number;
  device?: number;
}

export class IdeBench {
  readonly machine = new TinyMachine();
  readonly medium: MemoryMedium;
  readonly faults: FaultList;
  readonly disk: DiskDrive;
  readonly ide: IdeController;

  constructor(options: BenchOptions = {}) {
    this.medium = numberedMedium(options.sectors ?? 256);
    this.faults = new FaultList(options.faults ?? [], options.seed ?? 1);
    this.disk = new DiskDrive({
      name: "hd0",
      medium: this.medium,
      timing: timingOf(options.timing ?? "instant", this.medium.sectors),
      faults: this.faults,
      now: () => this.machine.nowNs,
      position: 0,
      ...options.disk,
    });
    this.ide = new IdeController({
      hosts: [this.machine.host("irq14"), this.machine.host("irq15")],
      drives: [options.drives ?? [this.disk]],
    });
    this.ide.writeRegister("pci", 4, 2, 5);
  }

  read(register: number, width: 1 | 2 | 4 = 1): number {
    return this.ide.readRegister("command0", register, width);
  }

  write(register: number, value: number, width: 1 | 2 | 4 = 1): void {
    this.ide.writeRegister("command0", register, width, value);
  }

  get status(): number {
    return this.ide.readRegister("control0", 0, 1);
  }

  get error(): number {
    return this.read(1);
  }

  get interrupt(): boolean {
    return this.machine.lines.has("irq14");
  }

  /** LBA registers as one number, the high half through HOB if wanted. */
  lba(extended = false): number {
    const low = this.read(3) + this.read(4) * 256 + this.read(5) * 65536;
    if (!extended) return low + (this.read(6) & 15) * 2 ** 24;
    this.ide.writeRegister("control0", 0, 1, 0x80);
    const high = this.read(3) + this.read(4) * 256 + this.read(5) * 65536;
    this.ide.writeRegister("control0", 0, 1, 0);
    return high * 2 ** 24 + low;
  }

  /** Writes a 28-bit task file and the command; nothing runs yet. */
  issue(command: number, { features = 0, count = 0, lba = 0, device = 0x40 }: Task = {}): void {
    this.write(6, device | (Math.floor(lba / 2 ** 24) & 15));
    this.write(1, features);
    this.write(2, count);
    for (const i of [0, 1, 2]) this.write(3 + i, Math.floor(lba / 256 ** i) & 0xff);
    this.write(7, command);
  }

  /** The same for a 48-bit command: each register twice, the high half first. */
  issueExt(command: number, { features = 0, count = 0, lba = 0, device = 0x40 }: Task = {}): void {
    this.write(6, device);
    this.write(1, features >>> 8);
    this.write(1, features & 0xff);
    this.write(2, count >>> 8);
    this.write(2, count & 0xff);
    for (const i of [3, 4, 5]) this.write(i, Math.floor(lba / 256 ** i) & 0xff);
    for (const i of [0, 1, 2]) this.write(3 + i, Math.floor(lba / 256 ** i) & 0xff);
    this.write(7, command);
  }

  /** Lets everything happen; @returns the status, acknowledging the interrupt. */
  run(): number {
    this.machine.settle();
    return this.read(7);
  }

  /** Reads a DRQ block. */
  take(bytes: number, width: 1 | 2 | 4 = 2): Uint8Array {
    const block = new Uint8Array(bytes);
    for (let at = 0; at < bytes; at += width) {
      const value = this.read(0, width);
      for (let i = 0; i < width; i++) block[at + i] = value >>> (8 * i);
    }
    return block;
  }

  give(block: Uint8Array, width: 1 | 2 | 4 = 2): void {
    for (let at = 0; at < block.length; at += width) {
      let value = 0;
      for (let i = width - 1; i >= 0; i--) value = value * 256 + (block[at + i] ?? 0);
      this.write(0, value, width);
    }
  }

  /** Writes a descriptor table at 1000h: pairs of address and count as the table has them. */
  table(entries: readonly (readonly [address: number, count: number])[]): void {
    const view = new DataView(this.machine.memory.buffer, 0x1000);
    for (const [i, [address, count]] of entries.entries()) {
      view.setUint32(i * 8, address, true);
      view.setUint32(i * 8 + 4, (count | (i === entries.length - 1 ? 0x80000000 : 0)) >>> 0, true);
    }
    this.ide.writeRegister("bus-master", 4, 4, 0x1000);
  }

  /** Starts the engine anew, as drivers do for each command. */
  start(toMemory: boolean): void {
    this.ide.writeRegister("bus-master", 0, 1, 0);
    this.ide.writeRegister("bus-master", 0, 1, toMemory ? 9 : 1);
  }

  get busMasterStatus(): number {
    return this.ide.readRegister("bus-master", 2, 1) & 7;
  }

  /** The medium's bytes of some sectors. */
  sectors(lba: number, count = 1): Uint8Array<ArrayBuffer> {
    return this.medium.bytes.slice(lba * SECTOR, (lba + count) * SECTOR);
  }
}
