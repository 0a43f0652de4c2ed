/** Seeded streams of floppy commands, for QEMU's controller and ours alike. */
import type { Comparison, Hardware } from "../disk/qemu/compare.fixture.ts";
import { BareMachine, diskOf } from "./bare-machine.fixture.ts";
import {
  DMA_CLEAR_POINTER,
  DMA_MASK_ONE,
  DMA_MODE,
  DMA_PAGE_BASE,
  MODE_FROM_MEMORY,
  MODE_SINGLE,
  MODE_TO_MEMORY,
} from "./dma.ts";
import {
  CMD_SENSE_INTERRUPT,
  FDC_BASE,
  FDC_DMA_CHANNEL,
  FDC_LINE,
  MSR_COMMAND_BUSY,
  MSR_DIO,
  MSR_RQM,
  REG_CCR,
  REG_DIR,
  REG_DOR,
  REG_FIFO,
  REG_MSR,
} from "./registers.ts";

const DATA = 0x40000;
const DATA_BYTES = 0x8000;
const SECTOR = 512;
const RESULTS_MAX = 12;
const SETTLE_NS = 3e9;
/** Cylinders and sectors of a track of 1.44M. */
const CYLINDERS = 80;
const SECTORS = 18;

/** Our controller on a machine of its own, with a 1.44M disk in drive A. */
export class OurFloppy implements Hardware {
  readonly machine = new BareMachine();
  readonly disk = diskOf("1.44M");

  constructor() {
    this.machine.fdc.insert(0, this.disk.surface);
  }

  in(port: number): number {
    const { fdc, dma } = this.machine;
    if (port >= FDC_BASE) return fdc.readRegister("io", port - FDC_BASE);
    if (port >= 0x80) return dma.readRegister("pages", port - DMA_PAGE_BASE);
    return dma.readRegister("channels", port);
  }

  out(port: number, _width: number, value: number): void {
    const { fdc, dma } = this.machine;
    if (port >= FDC_BASE) fdc.writeRegister("io", port - FDC_BASE, 1, value);
    else if (port >= 0x80) dma.writeRegister("pages", port - DMA_PAGE_BASE, value);
    else dma.writeRegister("channels", port, value);
  }

  readMemory(address: number, length: number): Uint8Array {
    return this.machine.memory.slice(address, address + length);
  }

  writeMemory(address: number, bytes: Uint8Array): void {
    this.machine.memory.set(bytes, address);
  }

  line(): boolean {
    return this.machine.line;
  }

  settle(): void {
    this.machine.run(SETTLE_NS);
  }
}

/** Whether the controller wants a byte or has one. */
const ready = (one: Hardware): boolean => (one.in(FDC_BASE + REG_MSR, 1) & MSR_RQM) !== 0;

export class FloppyStream {
  readonly #both: Comparison;
  commands = 0;
  /** Where both arms stand. */
  #cylinder = 0;

  constructor(both: Comparison) {
    this.#both = both;
  }

  /** Reset, its four interrupts, settings, motor on ([82077] 4.0, 5.2.7). */
  reset(): void {
    const both = this.#both;
    both.doing = "reset";
    both.out(FDC_BASE + REG_DOR, 1, 0x18);
    // The main status is left alone here: QEMU's controller ends its reset when it is read.
    both.line(FDC_LINE, "line in reset");
    both.out(FDC_BASE + REG_DOR, 1, 0x1c);
    both.settle(ready);
    both.line(FDC_LINE, "line");
    for (let i = 0; i < 4; i++) this.#command("sense after reset", [CMD_SENSE_INTERRUPT]);
    both.out(FDC_BASE + REG_CCR, 1, 0);
    this.#command("specify", [0x03, 0xdf, 0x02]);
    this.#command("configure", [0x13, 0, 0x08, 0]);
    this.#recalibrate();
    this.#seek(1);
  }

  step(): void {
    const { random } = this.#both;
    const kind = random.below(20);
    if (kind === 0) return this.reset();
    if (kind < 4) return this.#seek(random.below(CYLINDERS));
    if (kind === 4) return this.#recalibrate();
    if (kind < 10) return this.#transfer(false);
    if (kind < 14) return this.#transfer(true);
    if (kind === 14) return this.#command("read id", [0x4a, random.below(2) << 2]);
    if (kind === 15) return this.#command("sense drive", [0x04, random.below(2) << 2]);
    const plain = [[0x10], [0x0e], [0x94], [0x14], [0x12, random.below(64)], [CMD_SENSE_INTERRUPT]];
    if (kind < 19) {
      const bytes = this.#both.pick(plain);
      return this.#command(`command ${bytes[0]!.toString(16)}`, bytes);
    }
    this.#command("invalid", [this.#both.pick([0x00, 0x1f, 0x15, 0x1b, 0x01])]);
    const { qemu, ours } = this.#both;
    if ([qemu, ours].some((one) => (one.in(FDC_BASE + REG_MSR, 1) & MSR_COMMAND_BUSY) !== 0)) {
      this.reset();
    }
  }

  #recalibrate(): void {
    this.#command("recalibrate", [0x07, 0]);
    this.#command("sense after recalibrate", [CMD_SENSE_INTERRUPT]);
    this.#cylinder = 0;
  }

  #seek(cylinder: number): void {
    const head = this.#both.random.below(2);
    this.#command("seek", [0x0f, head << 2, cylinder]);
    this.#command("sense after seek", [CMD_SENSE_INTERRUPT]);
    this.#cylinder = cylinder;
    this.#both.in(FDC_BASE + REG_DIR, 1, "DIR", 0x80);
  }

  /** Sends a command's bytes, lets it work, and takes its results. */
  #command(doing: string, bytes: readonly number[]): void {
    const both = this.#both;
    both.doing = doing;
    this.commands += 1;
    for (const byte of bytes) {
      both.in(FDC_BASE + REG_MSR, 1, "MSR before a byte");
      both.out(FDC_BASE + REG_FIFO, 1, byte);
    }
    both.settle(ready);
    both.line(FDC_LINE, "line");
    for (let i = 0; i < RESULTS_MAX; i++) {
      both.in(FDC_BASE + REG_MSR, 1, "MSR");
      const wanted = MSR_RQM | MSR_DIO;
      const have = [both.qemu, both.ours].map(
        (one) => (one.in(FDC_BASE + REG_MSR, 1) & wanted) === wanted,
      );
      if (!have[0] && !have[1]) break;
      if (have[0] && have[1]) both.in(FDC_BASE + REG_FIFO, 1, `result ${i}`);
      else (have[0] ? both.qemu : both.ours).in(FDC_BASE + REG_FIFO, 1);
    }
    both.line(FDC_LINE, "line after the results");
  }

  #dma(bytes: number, toMemory: boolean): void {
    const out = (port: number, value: number): void => this.#both.out(port, 1, value);
    const mode = MODE_SINGLE | (toMemory ? MODE_TO_MEMORY : MODE_FROM_MEMORY) | FDC_DMA_CHANNEL;
    out(DMA_MASK_ONE, 4 | FDC_DMA_CHANNEL);
    out(DMA_CLEAR_POINTER, 0);
    out(DMA_MODE, mode);
    out(4, DATA & 0xff);
    out(4, (DATA >> 8) & 0xff);
    out(5, (bytes - 1) & 0xff);
    out(5, (bytes - 1) >> 8);
    out(DMA_PAGE_BASE, DATA >> 16);
    out(DMA_MASK_ONE, FDC_DMA_CHANNEL);
  }

  #transfer(isWrite: boolean): void {
    const both = this.#both;
    const { random } = both;
    const head = random.below(2);
    const isMulti = random.chance(0.5);
    const first = 1 + random.below(SECTORS);
    const most = SECTORS - first + 1 + (isMulti && head === 0 ? SECTORS : 0);
    const count = 1 + random.below(most);
    // Sometimes what is asked for is not there: another cylinder, or a sector behind the track.
    const wrong = random.below(12);
    const isElsewhere = wrong === 0 && !isWrite;
    const cylinder = isElsewhere ? (this.#cylinder + 1) % CYLINDERS : this.#cylinder;
    const sector = wrong === 1 ? SECTORS + 2 : first;
    let doing = isWrite ? "write" : "read";
    if (isMulti) doing += " multi-track";
    if (isElsewhere) doing += " of another cylinder";
    if (wrong === 1) doing += " behind the track";
    const data = Uint8Array.from({ length: DATA_BYTES }, () => random.below(256));
    for (const one of [both.qemu, both.ours]) one.writeMemory(DATA, data);
    this.#dma(count * SECTOR, !isWrite);
    const command = (isWrite ? 0x45 : 0x46) | (isMulti ? 0x80 : 0);
    const place = [cylinder, head, sector];
    this.#command(doing, [command, head << 2, ...place, 2, SECTORS, 0x1b, 0xff]);
    both.memory(DATA, DATA_BYTES, "memory");
    both.out(DMA_MASK_ONE, 1, 4 | FDC_DMA_CHANNEL);
    both.out(DMA_CLEAR_POINTER, 1, 0);
    for (const i of [0, 1]) both.in(5, 1, `DMA count, byte ${i}`);
    if (isElsewhere) this.#seek(this.#cylinder);
  }
}
