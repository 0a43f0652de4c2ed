/**
 * What the driver knows of its disks, and how it speaks to the controller: through the machine's
 * ports, as any driver would.
 */
import {
  bool,
  struct,
  u16,
  u32,
  u53,
  u8,
  type DriverContext,
  type Lock,
} from "../../../core/provider/index.ts";
import { countShape } from "../../disk/counts.ts";
import { Turns } from "../../disk/queue/turns.ts";
import {
  BM_COMMAND,
  BUS_MASTER,
  BUS_MASTER_PORT,
  COMMAND_PORTS,
  CONTROL_PORTS,
  IDE_LINES,
  PRD_BYTES,
  PRD_LAST,
  REG,
} from "../registers.ts";

/** Bytes that one command moves at most: 256 sectors, what 28-bit commands can count. */
export const COMMAND_BYTES_MAX = 131072;
const REGION_BYTES = 65536;
const PAGE_BYTES = 4096;

const shape = {
  channel: u8,
  position: u8,
  packet: bool,
  readOnly: bool,
  dma: bool,
  lba48: bool,
  trim: bool,
  /** Writes may be told to be durable. */
  fua: bool,
  /** The drive has forgotten its settings: a reset happened. */
  unset: bool,
  sectorBytes: u32,
  sectors: u53,
  /** Discs that a packet device has had in it. */
  generation: u32,
  /** Sectors a DRQ block. */
  multiple: u16,
  /** Descriptor table and bounce buffer in the machine's memory. */
  table: u32,
  bounce: u32,
  // What the last failed command showed, for errors and reports.
  lastStatus: u8,
  lastError: u8,
  lastLba: u53,
  // What happened, for people.
  ...countShape,
  resets: u32,
  retries: u32,
  lostInterrupts: u32,
} as const;

export const diskRecord = struct(shape);

export class Board {
  readonly cx: DriverContext;
  readonly disks;
  /** Each disk's requests; one command at a time is made of them. */
  readonly turns: Turns;
  /** A channel does one command at a time, and has two disks. */
  readonly locks: readonly [Lock, Lock];
  /** Where words are put together; nothing stays in it between calls. */
  readonly #entry = new Uint8Array(PRD_BYTES);
  readonly #entryView = new DataView(this.#entry.buffer);

  constructor(cx: DriverContext) {
    this.cx = cx;
    this.disks = cx.records("ata", diskRecord);
    this.turns = new Turns(cx);
    this.locks = [cx.lock(), cx.lock()];
  }

  line(channel: number): number {
    return IDE_LINES[channel & 1]!;
  }

  read(channel: number, register: number, width: 1 | 2 | 4 = 1): number {
    return this.cx.machine.ports.read(COMMAND_PORTS[channel & 1]! + register, width);
  }

  write(channel: number, register: number, value: number, width: 1 | 2 | 4 = 1): void {
    this.cx.machine.ports.write(COMMAND_PORTS[channel & 1]! + register, width, value);
  }

  /** Looks at the status without acknowledging the interrupt. */
  peek(channel: number): number {
    return this.cx.machine.ports.read(CONTROL_PORTS[channel & 1]!, 1);
  }

  control(channel: number, value: number): void {
    this.cx.machine.ports.write(CONTROL_PORTS[channel & 1]!, 1, value);
  }

  #busMaster(channel: number): number {
    return BUS_MASTER_PORT + (channel & 1) * BUS_MASTER.BYTES;
  }

  busMasterStatus(channel: number): number {
    return this.cx.machine.ports.read(this.#busMaster(channel) + BUS_MASTER.STATUS, 1);
  }

  /** Points the bus master at so many bytes of a disk's bounce buffer and starts it. */
  startDma(resource: number, bytes: number, toMemory: boolean): void {
    const { channel, table, bounce } = this.disks.at(resource);
    const { ram, ports } = this.cx.machine;
    for (let at = 0, entry = table; at < bytes; at += REGION_BYTES, entry += PRD_BYTES) {
      const count = Math.min(REGION_BYTES, bytes - at);
      const last = at + count >= bytes ? PRD_LAST : 0;
      this.#entryView.setUint32(0, bounce + at, true);
      this.#entryView.setUint32(4, ((count & 0xffff) | last) >>> 0, true);
      ram.write(entry, this.#entry);
    }
    const base = this.#busMaster(channel);
    const direction = toMemory ? BM_COMMAND.TO_MEMORY : 0;
    ports.write(base + BUS_MASTER.COMMAND, 1, direction);
    ports.write(base + BUS_MASTER.TABLE, 4, table);
    ports.write(base + BUS_MASTER.STATUS, 1, 0x66);
    ports.write(base + BUS_MASTER.COMMAND, 1, direction | BM_COMMAND.START);
  }

  stopDma(channel: number): void {
    const base = this.#busMaster(channel);
    this.cx.machine.ports.write(base + BUS_MASTER.COMMAND, 1, 0);
    this.cx.machine.ports.write(base + BUS_MASTER.STATUS, 1, 0x66);
  }

  /** Memory for a disk's transfers. @throws {ReelError} ENOMEM */
  allocate(resource: number): void {
    const { ram } = this.cx.machine;
    const disk = this.disks.at(resource);
    disk.table = ram.allocate(PAGE_BYTES);
    disk.bounce = ram.allocate(COMMAND_BYTES_MAX, REGION_BYTES);
  }

  free(resource: number): void {
    const disk = this.disks.at(resource);
    if (disk.table !== 0) this.cx.machine.ram.free(disk.table);
    if (disk.bounce !== 0) this.cx.machine.ram.free(disk.bounce);
  }

  /** A reset makes every drive of a channel forget its settings. */
  forgetSettings(channel: number): void {
    for (let i = 0; i < this.disks.count; i++) {
      const disk = this.disks.at(i);
      if (disk.channel === channel) disk.unset = true;
    }
  }

  /** Keeps what a failed command shows. */
  noteFailure(resource: number, status: number, extended: boolean): void {
    const disk = this.disks.at(resource);
    const { channel } = disk;
    disk.lastStatus = status;
    disk.lastError = this.read(channel, REG.ERROR);
    let lba = this.#lba(channel);
    if (extended) {
      this.control(channel, 0x80);
      lba += this.#lba(channel) * 2 ** 24;
      this.control(channel, 0);
    } else lba += (this.read(channel, REG.DEVICE) & 15) * 2 ** 24;
    disk.lastLba = lba;
  }

  #lba(channel: number): number {
    const [low, mid, high] = [REG.LBA_LOW, REG.LBA_MID, REG.LBA_HIGH].map((register) =>
      this.read(channel, register),
    ) as [number, number, number];
    return low + mid * 256 + high * 65536;
  }
}
