/** A machine with an HBA for tests, and the little of a driver that register tests need. */
import { Machine } from "../../core/backend/emulated/machine.ts";
import { DiskDrive } from "../disk/drive/disk-drive.ts";
import type { TaskFile } from "../disk/drive/drive.ts";
import { type Fault, FaultList } from "../disk/faults.ts";
import { type Medium, MemoryMedium } from "../disk/medium.ts";
import { timingOf, type TimingName } from "../disk/timing.ts";
import { PCI_COMMAND } from "../disk/pci.ts";
import { AhciHba, type HbaOptions } from "./device.ts";
import { writeTask } from "./fis.ts";
import * as R from "./registers.ts";

export const LINE = R.SATA_LINE;
export const CLB = 0x10000;
export const FB = 0x11000;
export const TABLES = 0x12000;
export const TABLE_BYTES = 0x400;
export const DATA = 0x40000;

export interface RigOptions extends HbaOptions {
  seed?: number;
  timing?: TimingName;
  sectors?: number;
  faults?: readonly Fault[];
  ramBytes?: number;
  plugged?: boolean;
  /** Instead of one of the rig's own. */
  medium?: Medium;
}

export interface Prd {
  address: number;
  bytes: number;
  interrupt?: boolean;
}

export class Rig {
  readonly machine: Machine;
  readonly hba: AhciHba;
  readonly medium: MemoryMedium;
  readonly drive: DiskDrive;

  constructor(options: RigOptions = {}) {
    const { seed = 1, timing = "instant", sectors = 4096, faults = [] } = options;
    this.machine = new Machine({ seed, ramBytes: options.ramBytes ?? 1 << 20 });
    this.hba = new AhciHba(this.machine.attach("sata", LINE), options);
    this.machine.memory.register(
      R.ABAR,
      R.ABAR_BYTES,
      {
        read: (offset, width) => this.hba.readRegister("abar", offset, width),
        write: (offset, width, value) => this.hba.writeRegister("abar", offset, width, value),
      },
      "sata",
    );
    this.machine.interrupts.enable(LINE);
    const contents = new Uint8Array(sectors * 512);
    for (let i = 0; i < contents.length; i++) contents[i] = (i >> 9) * 7 + i;
    this.medium = new MemoryMedium(contents);
    const medium = options.medium ?? this.medium;
    this.drive = new DiskDrive({
      name: "disk",
      medium,
      timing: timingOf(timing, medium.sectors),
      faults: new FaultList(faults),
      now: () => this.machine.now(),
      queueDepth: 32,
    });
    if (options.plugged !== false) this.hba.plug(0, this.drive);
  }

  read(register: number): number {
    return this.machine.memory.read(R.ABAR + register, 4);
  }

  write(register: number, value: number): void {
    this.machine.memory.write(R.ABAR + register, 4, value);
  }

  readPort(register: number, port = 0): number {
    return this.read(R.PORT_BASE + port * R.PORT_BYTES + register);
  }

  writePort(register: number, value: number, port = 0): void {
    this.write(R.PORT_BASE + port * R.PORT_BYTES + register, value);
  }

  /** Runs until nothing is left to happen, or for so long. */
  settle(forNs = 60e9): void {
    const end = this.machine.now() + forNs;
    while (this.machine.nextEventNs <= end) this.machine.runUntil(this.machine.nextEventNs);
  }

  /** Bus mastering, list and FIS area, interrupts, FIS receive, start: 10.1.2. */
  start(enable: number = R.IE_WRITABLE): this {
    this.hba.writeRegister("config", PCI_COMMAND, 2, 0x0006);
    this.settle();
    this.writePort(R.PORT_CLB, CLB);
    this.writePort(R.PORT_FB, FB);
    this.writePort(R.PORT_SERR, 0xffffffff);
    this.writePort(R.PORT_IS, 0xffffffff);
    this.write(R.HBA_IS, 0xffffffff);
    this.writePort(R.PORT_IE, enable);
    this.write(R.HBA_GHC, R.GHC_AE | R.GHC_IE);
    this.restart();
    return this;
  }

  /** Stops the command list, forgets errors and starts it again: 10.4.2. */
  restart(): void {
    this.writePort(R.PORT_CMD, 0);
    this.writePort(R.PORT_SERR, 0xffffffff);
    this.writePort(R.PORT_IS, 0xffffffff);
    this.write(R.HBA_IS, 0xffffffff);
    this.writePort(R.PORT_CMD, R.CMD_FRE | R.CMD_ST);
  }

  /** Writes a command's header and table into memory. */
  build(slot: number, task: Partial<TaskFile>, prds: readonly Prd[], flags = 0): void {
    const table = TABLES + slot * TABLE_BYTES;
    const fis = new Uint8Array(64);
    writeTask(fis, 0, { command: 0, features: 0, count: 0, lba: 0, device: 0x40, ...task });
    this.poke(table, fis);
    for (const [i, prd] of prds.entries()) {
      const last = (prd.bytes - 1) | (prd.interrupt === true ? R.PRD_INTERRUPT : 0);
      this.pokeWords(table + R.TABLE_PRDT + i * R.PRD_BYTES, [prd.address, 0, 0, last]);
    }
    const word = 5 | flags | (prds.length << R.HEADER_PRDTL_SHIFT);
    this.pokeWords(CLB + slot * R.HEADER_BYTES, [word, 0, table, 0]);
  }

  issue(slot: number, queued = false): void {
    if (queued) this.writePort(R.PORT_SACT, 2 ** slot);
    this.writePort(R.PORT_CI, 2 ** slot);
  }

  /** Builds, issues and waits. @returns PxIS */
  run(task: Partial<TaskFile>, prds: readonly Prd[] = [], flags = 0): number {
    this.build(0, task, prds, flags);
    this.issue(0);
    this.settle();
    return this.readPort(R.PORT_IS);
  }

  /** A queued read or write: [ACS-3] 7.16. */
  queue(tag: number, lba: number, sectors: number, write = false, at = DATA + tag * 4096): void {
    const command = write ? 0x61 : 0x60;
    const task = { command, features: sectors, count: tag << 3, lba };
    this.build(tag, task, [{ address: at, bytes: sectors * 512 }], write ? R.HEADER_W : 0);
    this.issue(tag, true);
  }

  poke(address: number, bytes: Uint8Array): void {
    this.machine.ram.write(address, bytes);
  }

  pokeWords(address: number, words: readonly number[]): void {
    this.poke(address, new Uint8Array(Uint32Array.from(words).buffer));
  }

  peek(address: number, length: number): Uint8Array {
    return this.machine.ram.read(address, length)!.slice();
  }

  peekWord(address: number): number {
    return new DataView(this.peek(address, 4).buffer).getUint32(0, true);
  }

  /** What the medium holds. */
  sectors(lba: number, count: number): Uint8Array {
    return this.medium.bytes.slice(lba * 512, (lba + count) * 512);
  }
}
