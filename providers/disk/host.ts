/**
 * What a disk's device model sees of the machine that it is mounted on. The shapes are those of
 * `core/backend/emulated/device-host.ts`, said again so that the models import nothing of the core
 * and can be mounted on any machine that has these few methods.
 */

/** Width of a register access in bytes. */
export type AccessWidth = 1 | 2 | 4;

/** A named source of at most one pending event. */
export interface DeviceTimer {
  /** Arms the timer for a moment, replacing what was pending; a fraction is rounded up. */
  at(deadlineNs: number, argument?: number): void;
  /** Arms the timer for so many nanoseconds from now. */
  after(delayNs: number, argument?: number): void;
  cancel(): void;
  readonly armed: boolean;
}

/** A named source of any number of pending events. */
export interface DeviceScheduler {
  /** @returns a token for {@link cancel}, above 0 */
  at(deadlineNs: number, argument?: number): number;
  after(delayNs: number, argument?: number): number;
  cancel(token: number): boolean;
  readonly pending: number;
}

/** Seeded chance that belongs to one device; the machine keeps its state. */
export interface DeviceRandom {
  uint32(): number;
  /** From 0 up to but not including 1. */
  unit(): number;
  /** A whole number from 0 up to but not including the bound. */
  below(bound: number): number;
  chance(probability: number): boolean;
}

export interface DeviceHost {
  /** Drives the interrupt output. Driving the same level again changes nothing. */
  interrupt(asserted: boolean): void;
  /** Reads memory by DMA. @returns false, `target` unchanged, when a byte is outside memory */
  readMemory(address: number, target: Uint8Array): boolean;
  /** Writes memory by DMA. @returns false, nothing written, when a byte is outside memory */
  writeMemory(address: number, bytes: Uint8Array): boolean;
  /** Whole nanoseconds since the machine was switched on. */
  now(): number;
  /** Registers a timer, once, when the device is built. */
  timer(name: string, fire: (argument: number) => void): DeviceTimer;
  scheduler(name: string, fire: (argument: number) => void): DeviceScheduler;
  /** Calls a function that was given to {@link scheduler} after a delay. */
  after(delayNs: number, fire: (argument: number) => void, argument?: number): number;
  readonly random: DeviceRandom;
}

/** A device model: registers in named blocks, and state as bytes. */
export interface DeviceModel {
  readonly name: string;
  /** @returns an unsigned number; what is no register answers as the bus of that device does */
  readRegister(block: string, offset: number, width: AccessWidth): number;
  writeRegister(block: string, offset: number, width: AccessWidth, value: number): void;
  /** Back to power-on. The medium keeps what had reached it. */
  reset(): void;
  snapshot(): Uint8Array;
  /** @throws {RangeError} for bytes that are not its own; nothing changes then */
  restore(bytes: Uint8Array): void;
}
