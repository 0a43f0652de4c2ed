/** Seeded streams of IDE register accesses, for QEMU's controller and ours alike. */
import type { Comparison, Hardware } from "../disk/qemu/compare.fixture.ts";
import { STATUS } from "../disk/drive/bits.ts";
import {
  BM_STATUS,
  BUS_MASTER,
  BUS_MASTER_PORT,
  COMMAND_PORTS,
  CONTROL_PORTS,
  REG,
} from "./registers.ts";

const [COMMAND] = COMMAND_PORTS;
const [CONTROL] = CONTROL_PORTS;
const LINE = 14;
const TABLE = 0x200000;
const DATA = 0x210000;

const idle = (one: Hardware): boolean => (one.in(CONTROL, 1) & STATUS.BSY) === 0;
const moved = (one: Hardware): boolean => {
  const bus = one.in(BUS_MASTER_PORT + BUS_MASTER.STATUS, 1);
  const isOver = (bus & BM_STATUS.INTERRUPT) !== 0 || (bus & BM_STATUS.ACTIVE) === 0;
  return isOver && idle(one);
};

const PIO_IN = [0x20, 0x21, 0x24, 0xc4, 0x29];
const PIO_OUT = [0x30, 0x31, 0x34, 0xc5, 0x39];
const DMA = [0xc8, 0xc9, 0x25, 0xca, 0xcb, 0x35];
const NO_DATA = [0x40, 0x41, 0x42, 0xe7, 0xea, 0xe0, 0xe1, 0xe2, 0xe3, 0xe5, 0x10, 0x70, 0xc6];
const MORE_NO_DATA = [0xf8, 0x27, 0x08, 0x00, 0xef, 0xb0, 0x90];
const UNKNOWN = [0x01, 0x0f, 0x80, 0x9a, 0xf7, 0xff, 0xa0, 0xa1, 0x22, 0x50];
const EXTENDED = new Set([0x24, 0x29, 0x34, 0x39, 0x25, 0x35, 0x42, 0x27, 0xea]);
const TRANSFERS = new Set([...PIO_IN, ...PIO_OUT, ...DMA, 0x40, 0x41, 0x42]);
type Output = "COUNT" | "LBA_LOW" | "LBA_MID" | "LBA_HIGH" | "DEVICE";
const ADDRESS: readonly Output[] = ["LBA_LOW", "LBA_MID", "LBA_HIGH"];
const FEATURES = [0x02, 0x82, 0x03, 0xaa, 0x55, 0x66, 0xcc, 0x05, 0x85, 0x77];
const SMART = [0xd8, 0xd9, 0xda, 0xd2, 0xd0, 0x00];

export class IdeStream {
  readonly #both: Comparison;
  readonly #sectors: number;
  /** Commands sent. */
  commands = 0;
  /** The last one; -1 for a reset. */
  #command = -1;

  constructor(both: Comparison, sectors: number) {
    this.#both = both;
    this.#sectors = sectors;
  }

  #put(register: number, value: number): void {
    this.#both.out(COMMAND + register, 1, value);
  }

  /** A soft reset, after which both are to say the same ([ATA-6] 9.2). */
  reset(): void {
    const both = this.#both;
    both.doing = "SRST";
    this.#command = -1;
    both.out(CONTROL, 1, 4);
    both.settle(() => true);
    both.out(CONTROL, 1, 0);
    both.settle(idle);
    this.#look();
    this.#setMultiple();
  }

  /** Blocks of four sectors: what a drive has of itself after a reset is its own affair. */
  #setMultiple(): void {
    const both = this.#both;
    this.#put(REG.DEVICE, 0xe0);
    this.#put(REG.COUNT, 4);
    this.#put(REG.COMMAND, 0xc6);
    both.settle(idle);
    both.in(COMMAND + REG.STATUS, 1, "status", ~STATUS.DSC);
  }

  /**
   * What the standard says of the registers now: status without the retired bit 4, error where ERR
   * says that it means something, addresses and count where the command's outputs have them.
   */
  #look(): void {
    const both = this.#both;
    const status = both.in(CONTROL, 1, "status", ~STATUS.DSC);
    both.line(LINE, "line");
    const isError = (status & STATUS.ERR) !== 0;
    if (isError || this.#isReset) both.in(COMMAND + REG.ERROR, 1, "error");
    const shown = this.#outputs(isError);
    for (const name of shown) both.in(COMMAND + REG[name], 1, name);
    if (this.#isReset || (shown.length > 0 && EXTENDED.has(this.#command))) {
      both.out(CONTROL, 1, 0x80);
      for (const name of shown) both.in(COMMAND + REG[name], 1, `HOB ${name}`);
      both.out(CONTROL, 1, 0);
    }
    both.in(BUS_MASTER_PORT + BUS_MASTER.STATUS, 1, "bus master", 7);
    both.in(COMMAND + REG.STATUS, 1, "status", ~STATUS.DSC);
    both.line(LINE, "line after status");
  }

  get #isReset(): boolean {
    return this.#command < 0 || this.#command === 0x90;
  }

  /** Registers in which the command brings something ([ATA-6] 8: outputs that are not "na"). */
  #outputs(isError: boolean): readonly Output[] {
    if (this.#isReset) return ["COUNT", ...ADDRESS, "DEVICE"];
    if (isError) return TRANSFERS.has(this.#command) ? ADDRESS : [];
    switch (this.#command) {
      case 0xe5:
        return ["COUNT"];
      case 0xf8:
      case 0x27:
        return ADDRESS;
      case 0xb0:
        return ["LBA_MID", "LBA_HIGH"];
      default:
        return [];
    }
  }

  /** A command of the stream's choice, from the task file to its end. */
  step(): void {
    const { random } = this.#both;
    const kind = random.below(20);
    if (kind === 0) return this.reset();
    if (kind < 5) return this.#pio(this.#both.pick(PIO_IN), false);
    if (kind < 9) return this.#pio(this.#both.pick(PIO_OUT), true);
    if (kind < 13) return this.#dma(this.#both.pick(DMA));
    if (kind < 15) return this.#plain(this.#both.pick(NO_DATA));
    if (kind < 18) return this.#plain(this.#both.pick(MORE_NO_DATA));
    if (kind < 19) return this.#plain(this.#both.pick(UNKNOWN));
    return this.#identify();
  }

  /** Writes a task file; @returns sectors wanted */
  #issue(command: number, most: number): number {
    const { random } = this.#both;
    this.commands += 1;
    this.#command = command;
    this.#both.doing = command.toString(16).padStart(2, "0");
    const extended = EXTENDED.has(command);
    const count = 1 + random.below(most);
    const isLba = extended || random.chance(0.9);
    const beyond = isLba && random.chance(0.1) ? this.#sectors : 0;
    const lba = beyond + random.below(this.#sectors - (beyond > 0 ? 0 : most));
    if (beyond > 0) this.#both.doing += " beyond the end";
    if (!isLba) this.#both.doing += " CHS";
    this.#put(REG.DEVICE, 0xa0 | (isLba ? 0x40 : 0) | (extended ? 0 : (lba >>> 24) & 15));
    if (extended) {
      this.#put(REG.FEATURES, 0);
      this.#put(REG.COUNT, 0);
      this.#put(REG.LBA_LOW, lba >>> 24);
      this.#put(REG.LBA_MID, 0);
      this.#put(REG.LBA_HIGH, 0);
    }
    const low = isLba ? lba : (1 + random.below(63)) | (random.below(2) << 8);
    let features = 0;
    if (command === 0xef) features = this.#both.pick(FEATURES);
    if (command === 0xb0) features = this.#both.pick(SMART);
    if (features > 0) this.#both.doing += ` ${features.toString(16)}`;
    this.#put(REG.FEATURES, features);
    this.#put(REG.COUNT, count);
    this.#put(REG.LBA_LOW, low & 0xff);
    this.#put(REG.LBA_MID, command === 0xb0 ? 0x4f : (low >>> 8) & 0xff);
    this.#put(REG.LBA_HIGH, command === 0xb0 ? 0xc2 : (low >>> 16) & 0xff);
    this.#put(REG.COMMAND, command);
    return count;
  }

  #plain(command: number): void {
    const isSmart = command === 0xb0;
    this.#issue(command, command === 0xc6 ? 17 : 40);
    this.#both.settle(idle);
    this.#drain(isSmart ? 1 : 0);
    this.#look();
    this.#restart();
    // These may have reset the drive.
    if (command === 0x90 || command === 0x08) this.#setMultiple();
  }

  /** Where the two have parted, a reset brings them together again. */
  #restart(): void {
    const [qemu, ours] = [this.#both.qemu, this.#both.ours].map((one) => one.in(CONTROL, 1));
    if (qemu !== ours || (qemu! & STATUS.DRQ) !== 0) this.reset();
  }

  /** Takes a block of bytes that are each one's own. */
  #drain(blocks: number): void {
    for (const one of [this.#both.qemu, this.#both.ours]) {
      if (blocks === 0 || (one.in(CONTROL, 1) & STATUS.DRQ) === 0) continue;
      for (let i = 0; i < 128; i++) one.in(COMMAND, 4);
    }
  }

  #identify(): void {
    this.#issue(0xec, 1);
    this.#both.settle(idle);
    this.#look();
    this.#drain(1);
    this.#look();
    this.#restart();
  }

  #pio(command: number, isOut: boolean): void {
    const both = this.#both;
    let words = this.#issue(command, 6) * 128;
    both.settle(idle);
    this.#look();
    while (words > 0) {
      const statuses = [both.qemu, both.ours].map((one) => one.in(CONTROL, 1));
      if (statuses.some((status) => (status & STATUS.DRQ) === 0)) break;
      for (let i = 0; i < 128; i++, words--) {
        if (isOut) both.out(COMMAND, 4, both.random.uint32());
        else both.in(COMMAND, 4, "data");
      }
      both.settle(idle);
      this.#look();
      if (both.random.chance(0.03)) return this.reset();
    }
    this.#restart();
  }

  #dma(command: number): void {
    const both = this.#both;
    const toMemory = [0xc8, 0xc9, 0x25].includes(command);
    const wanted = this.#issue(command, 8) * 512;
    const bytes = this.#table(wanted);
    both.doing += wanted < bytes ? " long table" : wanted > bytes ? " short table" : "";
    const direction = toMemory ? 8 : 0;
    both.out(BUS_MASTER_PORT + BUS_MASTER.COMMAND, 1, direction);
    both.out(BUS_MASTER_PORT + BUS_MASTER.TABLE, 4, TABLE);
    both.out(BUS_MASTER_PORT + BUS_MASTER.STATUS, 1, 0x66);
    both.out(BUS_MASTER_PORT + BUS_MASTER.COMMAND, 1, direction | 1);
    both.settle(moved);
    this.#look();
    both.memory(DATA, bytes, "memory");
    both.out(BUS_MASTER_PORT + BUS_MASTER.COMMAND, 1, 0);
    both.in(BUS_MASTER_PORT + BUS_MASTER.STATUS, 1, "bus master stopped", 7);
    both.out(BUS_MASTER_PORT + BUS_MASTER.STATUS, 1, 0x66);
    this.#restart();
  }

  /** Lays a descriptor table and its data into memory. @returns bytes that it has room for */
  #table(wanted: number): number {
    const { random } = this.#both;
    const isExact = random.chance(0.4);
    const lengths: number[] = [];
    for (let left = wanted; lengths.length < 3 && left > 2; left -= lengths.at(-1)!) {
      lengths.push(2 * (1 + random.below(isExact ? left / 2 : 1024)));
      if (isExact && lengths.at(-1) === left) break;
    }
    const had = lengths.reduce((sum, length) => sum + length, 0);
    if (isExact && had < wanted) lengths.push(wanted - had);
    const table = new DataView(new ArrayBuffer(lengths.length * 8));
    let bytes = 0;
    for (const [i, length] of lengths.entries()) {
      table.setUint32(i * 8, DATA + bytes, true);
      const last = i === lengths.length - 1 ? 0x80000000 : 0;
      table.setUint32(i * 8 + 4, (length | last) >>> 0, true);
      bytes += length;
    }
    const data = Uint8Array.from({ length: bytes }, () => random.below(256));
    for (const one of [this.#both.qemu, this.#both.ours]) {
      one.writeMemory(TABLE, new Uint8Array(table.buffer));
      one.writeMemory(DATA, data);
    }
    return bytes;
  }
}
