/**
 * A small real device for the machine's tests: counter 0 of an Intel 8254 programmable interval
 * timer, in modes 0 (interrupt on terminal count) and 2 (rate generator), read and written low byte
 * first. It imports nothing of the machine but the types of its host.
 *
 * References: [8254] Intel 8254 Programmable Interval Timer, data sheet 231164-005.
 */
import type { AccessWidth, DeviceHost, DeviceTimer, RegisterHandler } from "./device-host.ts";

/** The PC's timer clock: a third of the NTSC colour carrier's fourfold. */
export const TIMER_HZ = 1_193_182;
export const REG_COUNTER_0 = 0;
export const REG_CONTROL = 3;
/** Control words for counter 0, low byte then high byte, binary: see [8254] "Control Word". */
export const CONTROL_MODE_0 = 0x30;
export const CONTROL_MODE_2 = 0x34;
export const CONTROL_LATCH = 0x00;

/** Everything that the device remembers. Named, so that a later version can add to it. */
export interface IntervalTimerState {
  mode: number;
  reload: number;
  startNs: number;
  periods: number;
  writeLow: number;
  readHigh: number;
  latched: number;
  output: boolean;
}

export class IntervalTimer implements RegisterHandler {
  readonly #host: DeviceHost;
  readonly #terminalCount: DeviceTimer;
  #state: IntervalTimerState = {
    mode: 0,
    reload: 0,
    startNs: 0,
    periods: 0,
    writeLow: -1,
    readHigh: -1,
    latched: -1,
    output: false,
  };

  constructor(host: DeviceHost) {
    this.#host = host;
    this.#terminalCount = host.timer("terminal-count", () => this.#reach());
  }

  read(offset: number, width: AccessWidth): number {
    if (offset !== REG_COUNTER_0 || width !== 1) return 0xff;
    const s = this.#state;
    if (s.readHigh >= 0) {
      const high = s.readHigh;
      s.readHigh = -1;
      return high;
    }
    const count = s.latched >= 0 ? s.latched : this.#count();
    s.latched = -1;
    s.readHigh = count >> 8;
    return count & 0xff;
  }

  write(offset: number, width: AccessWidth, value: number): void {
    const s = this.#state;
    if (width !== 1) return;
    if (offset === REG_CONTROL) this.#control(value);
    if (offset !== REG_COUNTER_0) return;
    if (s.writeLow < 0) {
      s.writeLow = value;
      return;
    }
    // A count of 0 is the largest one, 2^16: see [8254] "Counter Operation".
    s.reload = (value << 8) | s.writeLow || 0x10000;
    s.writeLow = -1;
    s.startNs = this.#host.now();
    s.periods = 0;
    this.#arm();
  }

  snapshot(): IntervalTimerState {
    return { ...this.#state };
  }

  restore(state: IntervalTimerState): void {
    this.#state = { ...state };
  }

  #control(value: number): void {
    if (value === CONTROL_LATCH) {
      if (this.#state.latched < 0) this.#state.latched = this.#count();
      return;
    }
    this.#terminalCount.cancel();
    this.#state = { ...this.#state, mode: (value >> 1) & 7, reload: 0, writeLow: -1, readHigh: -1 };
    // OUT starts low in mode 0 and high in mode 2: see [8254] "Mode Definitions".
    this.#drive(this.#state.mode === 2);
  }

  #arm(): void {
    const s = this.#state;
    const ticks = s.reload * (s.periods + 1);
    this.#terminalCount.at(s.startNs + Math.ceil((ticks * 1e9) / TIMER_HZ));
  }

  #reach(): void {
    this.#state.periods += 1;
    if (this.#state.mode === 2) {
      // OUT goes low for one tick and rises again, which is what the edge-triggered line sees.
      this.#drive(false);
      this.#arm();
    }
    this.#drive(true);
  }

  #count(): number {
    const s = this.#state;
    if (s.reload === 0) return 0;
    const ticks = Math.floor(((this.#host.now() - s.startNs) * TIMER_HZ) / 1e9);
    if (s.mode === 0) return (s.reload - ticks) & 0xffff;
    return (s.reload - (ticks % s.reload)) & 0xffff;
  }

  #drive(high: boolean): void {
    this.#state.output = high;
    this.#host.interrupt(high);
  }
}
