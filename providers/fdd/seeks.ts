/**
 * Seeks: one step at a time at the rate that SPECIFY set, on up to four drives at once,
 * [82077] 5.2.2, 5.2.3, 5.2.9. Each ends with an interrupt that SENSE INTERRUPT STATUS explains.
 */
import type { DeviceTimer } from "../disk/host.ts";
import type { FloppyController } from "./device.ts";
import {
  RECALIBRATE_STEPS_MAX,
  ST0_ABNORMAL,
  ST0_EQUIPMENT_CHECK,
  ST0_SEEK_END,
} from "./registers.ts";
import { SEEK } from "./state.ts";

/** A step where time does not pass. */
export const INSTANT_NS = 1_000;
/** Factors of the SPECIFY times by data rate, [82077] tables 5-7 and 5-8: 500 kbit/s is 1. */
export const RATE_FACTORS = [1, 5 / 3, 2, 0.5] as const;

export class Seeks {
  readonly #fdc: FloppyController;
  readonly #timers: readonly DeviceTimer[];

  constructor(fdc: FloppyController) {
    this.#fdc = fdc;
    this.#timers = fdc.drives.map((_, unit) =>
      fdc.host.timer(`step-${unit}`, () => this.#step(unit)),
    );
  }

  /** Whether a seek's end waits for SENSE INTERRUPT STATUS. */
  get hasEnded(): boolean {
    for (const { state } of this.#fdc.drives) if (state.pendingStatus >= 0) return true;
    return false;
  }

  seek(unit: number, cylinder: number): void {
    const { presentCylinder } = this.#fdc.drives[unit]!.state;
    this.#begin(unit, SEEK.SEEK, cylinder - presentCylinder);
    this.#fdc.becomeIdle();
  }

  /** The present cylinder is 0 at once, wherever the arm is: [82077] 5.2.2. */
  recalibrate(unit: number): void {
    this.#fdc.drives[unit]!.state.presentCylinder = 0;
    this.#begin(unit, SEEK.RECALIBRATE, -RECALIBRATE_STEPS_MAX);
    this.#fdc.becomeIdle();
  }

  relative(unit: number, steps: number, inwards: boolean): void {
    this.#begin(unit, SEEK.SEEK, inwards ? steps : -steps);
    this.#fdc.becomeIdle();
  }

  /** The seek before a data command (CONFIGURE's EIS); the command goes on when it is over. */
  implied(unit: number, cylinder: number): void {
    const { presentCylinder } = this.#fdc.drives[unit]!.state;
    this.#begin(unit, SEEK.IMPLIED, cylinder - presentCylinder);
  }

  abort(): void {
    for (const [unit, { state }] of this.#fdc.drives.entries()) {
      this.#timers[unit]!.cancel();
      state.seeking = SEEK.NONE;
      state.stepsLeft = 0;
      state.busy = 0;
      state.pendingStatus = -1;
    }
  }

  /** One step's time, [82077] 5.2.6: 16 ms less the rate's nibble, at 500 kbit/s. */
  #stepNs(unit: number): number {
    const { state, drives } = this.#fdc;
    if (!drives[unit]!.isReal) return INSTANT_NS;
    return (16 - (state.stepAndUnload >> 4)) * 1e6 * RATE_FACTORS[state.rate]!;
  }

  #begin(unit: number, kind: number, steps: number): void {
    const { state } = this.#fdc.drives[unit]!;
    state.seeking = kind;
    state.inwards = steps > 0 ? 1 : 0;
    state.stepsLeft = Math.abs(steps);
    state.pendingStatus = -1;
    if (kind !== SEEK.IMPLIED) state.busy = 1;
    const isThere = steps === 0 || (kind === SEEK.RECALIBRATE && this.#isHome(unit));
    if (isThere) state.stepsLeft = 0;
    this.#timers[unit]!.after(isThere ? INSTANT_NS : this.#stepNs(unit));
  }

  #isHome(unit: number): boolean {
    return this.#fdc.drives[unit]!.isAtTrack0;
  }

  #step(unit: number): void {
    const drive = this.#fdc.drives[unit]!;
    const { state } = drive;
    if (state.stepsLeft > 0) {
      drive.step(state.inwards === 1, this.#fdc.host.now());
      state.stepsLeft -= 1;
      if (state.seeking !== SEEK.RECALIBRATE) {
        state.presentCylinder = (state.presentCylinder + (state.inwards === 1 ? 1 : 255)) & 0xff;
      } else if (drive.isAtTrack0) {
        state.stepsLeft = 0;
      }
      if (state.stepsLeft > 0) return this.#timers[unit]!.after(this.#stepNs(unit));
    }
    this.#finish(unit);
  }

  #finish(unit: number): void {
    const fdc = this.#fdc;
    const { state } = fdc.drives[unit]!;
    const kind = state.seeking;
    state.seeking = SEEK.NONE;
    if (kind !== SEEK.IMPLIED) {
      const isLost = kind === SEEK.RECALIBRATE && !this.#isHome(unit);
      const status = isLost ? ST0_ABNORMAL | ST0_EQUIPMENT_CHECK : 0;
      state.pendingStatus = ST0_SEEK_END | status | unit;
      fdc.raise(unit);
    }
    fdc.transfer.resume(unit);
  }
}
