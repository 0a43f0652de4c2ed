/**
 * A channel's interrupt: pending in the slot whose drive raised it, on the line while that slot is
 * selected and nIEN is 0 ([ATA-6] 7.8, 7.15.6). Faults lose it or make it late.
 */
import type { DeviceHost, DeviceTimer } from "../disk/host.ts";
import type { Slot } from "./slot.ts";

const LATE_NS_DEFAULT = 10e6;

export class InterruptLine {
  readonly #host: DeviceHost;
  readonly #slots: readonly Slot[];
  readonly #late: DeviceTimer;
  /** Called when the line rises. */
  readonly #rose: () => void;
  #level = false;
  enabled = true;
  selected = 0;

  constructor(host: DeviceHost, slots: readonly Slot[], rose: () => void) {
    this.#host = host;
    this.#slots = slots;
    this.#rose = rose;
    this.#late = host.timer("late", (position) => this.assert(slots[position & 1]!));
  }

  /** The drive of a slot has something to say. */
  raise(slot: Slot): void {
    const faults = slot.drive?.faults;
    if (faults !== undefined && faults.size > 0) {
      if (faults.strike("lost-interrupt")) return;
      const late = faults.strike("late-interrupt");
      if (late !== undefined) {
        this.#late.after(late.delayNs ?? LATE_NS_DEFAULT, this.#slots.indexOf(slot));
        return;
      }
    }
    this.assert(slot);
  }

  assert(slot: Slot): void {
    if (slot.drive === undefined) return;
    slot.pending = true;
    this.drive();
  }

  /** The host has seen what the selected drive had to say. */
  acknowledge(): void {
    this.#slots[this.selected]!.pending = false;
    this.drive();
  }

  /** Nothing is late any more: a reset. */
  forget(): void {
    this.#late.cancel();
  }

  /** Sets the line to what slots and nIEN say now. */
  drive(): void {
    const level = this.#slots[this.selected]!.pending && this.enabled;
    if (level && !this.#level) this.#rose();
    this.#level = level;
    this.#host.interrupt(level);
  }

  save() {
    return { level: this.#level, enabled: this.enabled, selected: this.selected };
  }

  load(saved: ReturnType<InterruptLine["save"]>): void {
    this.#level = saved.level;
    this.enabled = saved.enabled;
    this.selected = saved.selected & 1;
  }
}
