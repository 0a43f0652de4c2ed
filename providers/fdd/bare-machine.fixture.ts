/** A machine of its own for the controller: a clock with timers, memory, an interrupt pin, DMA. */
import type { FaultList } from "../disk/faults.ts";
import { MemoryMedium } from "../disk/medium.ts";
import { FloppyController, type FloppyControllerOptions } from "./device.ts";
import { DmaController } from "./dma.ts";
import { bytesOf, formatNamed, type FormatName } from "./geometry.ts";
import { REG_FIFO, REG_MSR } from "./registers.ts";
import { Surface } from "./surface.ts";

interface Timer {
  name: string;
  atNs: number;
  argument: number;
  order: number;
  fire: (argument: number) => void;
}

export class BareMachine {
  nowNs = 0;
  /** Rising edges of the interrupt pin. */
  interrupts = 0;
  line = false;
  outside = 0;
  readonly memory = new Uint8Array(1 << 20);
  readonly timers: Timer[] = [];
  readonly dma: DmaController;
  readonly fdc: FloppyController;
  #order = 0;

  constructor(options: FloppyControllerOptions = {}) {
    this.dma = new DmaController({
      readMemory: (at, target) => {
        const isInside = this.#inside(at, target);
        if (isInside) target.set(this.memory.subarray(at, at + target.length));
        return isInside;
      },
      writeMemory: (at, bytes) => {
        const isInside = this.#inside(at, bytes);
        if (isInside) this.memory.set(bytes, at);
        return isInside;
      },
    });
    this.fdc = new FloppyController(
      {
        dma: this.dma.channel(2),
        now: () => this.nowNs,
        interrupt: (asserted) => {
          if (asserted && !this.line) this.interrupts += 1;
          this.line = asserted;
        },
        timer: (name, fire) => this.#timer(name, fire),
      },
      options,
    );
  }

  #inside(at: number, bytes: Uint8Array): boolean {
    if (!Number.isSafeInteger(at) || at < 0) throw new Error(`DMA at ${at}`);
    if (at >= 0 && at + bytes.length <= this.memory.length) return true;
    this.outside += 1;
    return false;
  }

  #timer(name: string, fire: (argument: number) => void) {
    const timer: Timer = { name, atNs: Infinity, argument: 0, order: 0, fire };
    this.timers.push(timer);
    const at = (deadlineNs: number, argument = 0): void => {
      if (!Number.isFinite(deadlineNs)) throw new Error(`${name} at ${deadlineNs}`);
      timer.atNs = Math.max(this.nowNs, Math.ceil(deadlineNs));
      timer.argument = argument;
      timer.order = ++this.#order;
    };
    return {
      at,
      after: (delayNs: number, argument = 0) => at(this.nowNs + delayNs, argument),
      cancel: () => void (timer.atNs = Infinity),
      get armed() {
        return timer.atNs < Infinity;
      },
    };
  }

  /** Runs the next event. @returns false when there is none */
  step(untilNs = Infinity): boolean {
    let next: Timer | undefined;
    for (const timer of this.timers) {
      if (timer.atNs > untilNs || timer.atNs === Infinity) continue;
      if (next === undefined || timer.atNs < next.atNs) next = timer;
      else if (timer.atNs === next.atNs && timer.order < next.order) next = timer;
    }
    if (next === undefined) return false;
    this.nowNs = next.atNs;
    next.atNs = Infinity;
    next.fire(next.argument);
    return true;
  }

  run(durationNs: number): void {
    const untilNs = this.nowNs + durationNs;
    while (this.step(untilNs));
    this.nowNs = untilNs;
  }

  /** Everything that a restored machine needs. */
  save() {
    const timers = this.timers.map(({ atNs, argument, order }) =>
      atNs === Infinity ? { atNs, argument, order: 0 } : { atNs, argument, order },
    );
    const { nowNs, line, interrupts } = this;
    const devices = { fdc: this.fdc.snapshot(), dma: this.dma.snapshot() };
    return { timers, nowNs, line, interrupts, memory: this.memory.slice(), ...devices };
  }

  load(saved: ReturnType<BareMachine["save"]>): void {
    this.nowNs = saved.nowNs;
    this.line = saved.line;
    this.interrupts = saved.interrupts;
    this.memory.set(saved.memory);
    this.fdc.restore(saved.fdc);
    this.dma.restore(saved.dma);
    for (const [i, timer] of this.timers.entries()) {
      Object.assign(timer, saved.timers[i]);
      this.#order = Math.max(this.#order, timer.order);
    }
  }
}

/** Contents of which each sector differs from every other and can be told by its number. */
export function patterned(sizeBytes: number): Uint8Array {
  const bytes = new Uint8Array(sizeBytes);
  for (let i = 0; i < sizeBytes; i++) bytes[i] = (i * 7 + (i >> 9) * 13 + (i >> 17)) & 0xff;
  return bytes;
}

export function diskOf(name: FormatName, options: { readOnly?: boolean; faults?: FaultList } = {}) {
  const format = formatNamed(name);
  const medium = new MemoryMedium(patterned(bytesOf(format)), options);
  return { medium, surface: new Surface(format, medium, options.faults) };
}

/** Registers as a driver uses them, with a disk in drive A, its motor on and at speed. */
export class Bench {
  readonly machine: BareMachine;
  readonly disk: ReturnType<typeof diskOf>;

  constructor(
    name: FormatName = "1.44M",
    options: FloppyControllerOptions & { readOnly?: boolean; faults?: FaultList } = {},
  ) {
    this.machine = new BareMachine(options);
    this.disk = diskOf(name, options);
    this.machine.fdc.insert(0, this.disk.surface);
    this.write(2, 0x0c);
    this.machine.run(1e6);
    for (let i = 0; i < 4; i++) this.command(0x08);
    this.write(7, this.disk.surface.format.rate);
    this.command(0x03, 0xdf, 0x02);
    this.write(2, 0x1c);
    this.machine.run(4e8);
  }

  read(offset: number): number {
    return this.machine.fdc.readRegister("io", offset);
  }

  write(offset: number, value: number): void {
    this.machine.fdc.writeRegister("io", offset, 1, value);
  }

  /** Sends a command's bytes, and reads what answers at once. */
  command(...bytes: number[]): number[] {
    for (const byte of bytes) {
      if ((this.read(REG_MSR) & 0xc0) !== 0x80) throw new Error(`not ready for ${byte}`);
      this.write(REG_FIFO, byte);
    }
    return this.result();
  }

  result(): number[] {
    const result: number[] = [];
    while ((this.read(REG_MSR) & 0xd0) === 0xd0 && (this.read(REG_MSR) & 0x20) === 0) {
      result.push(this.read(REG_FIFO));
    }
    return result;
  }

  /** Waits for the command's interrupt. @returns its result bytes */
  finish(limitNs = 3e9): number[] {
    const before = this.machine.interrupts;
    const untilNs = this.machine.nowNs + limitNs;
    while (this.machine.interrupts === before && this.machine.step(untilNs));
    return this.result();
  }

  /** Runs a command to its end. @returns its result bytes */
  execute(...bytes: number[]): number[] {
    this.command(...bytes);
    return this.finish();
  }

  seek(cylinder: number, unit = 0): number[] {
    this.command(0x0f, unit, cylinder);
    this.finish();
    return this.command(0x08);
  }

  /** Programs DMA channel 2. @param mode 44h to memory, 48h from memory, 40h verify */
  dma(mode: number, address: number, length: number): void {
    const { dma } = this.machine;
    const out = (port: number, value: number): void => dma.writeRegister("channels", port, value);
    out(0x0a, 6);
    out(0x0c, 0);
    out(0x0b, mode | 2);
    out(4, address & 0xff);
    out(4, (address >> 8) & 0xff);
    out(5, (length - 1) & 0xff);
    out(5, (length - 1) >> 8);
    dma.writeRegister("pages", 0, address >> 16);
    out(0x0a, 2);
  }
}
