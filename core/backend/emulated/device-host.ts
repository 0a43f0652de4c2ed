/**
 * What a device model is given: its whole view of the machine that it is mounted on. This file
 * imports nothing, and a device model needs nothing else of ioreel, so the same class can be
 * mounted on any machine that has these few methods, and be driven by anybody's driver.
 *
 * Obligations of a device model:
 * - media complete later: a register write starts work and a timer finishes it, never the write;
 * - a completion that outlived a reset does nothing: cancel its timer, or give the timer a
 *   generation number as its argument and compare;
 * - all time comes from `now` and the timers, all chance from `random`;
 * - state is plain data, so that the model can put itself into bytes and back.
 */

/** Width of a register access in bytes. */
export type AccessWidth = 1 | 2 | 4;

/** The register face of a device: who answers reads and writes of an address range. */
export interface RegisterHandler {
  /**
   * @param offset bytes from the start of the range
   * @param width bytes to read; `offset + width` is inside the range
   * @returns an unsigned number; bits above the width are ignored
   */
  read(offset: number, width: AccessWidth): number;
  /** @param value unsigned, already cut to the width */
  write(offset: number, width: AccessWidth, value: number): void;
}

/** A named event source with at most one pending event. */
export interface DeviceTimer {
  /**
   * Arms the timer for a moment, replacing what was pending. A moment that has passed fires at the
   * current one, after the event that is running.
   * @param deadlineNs nanoseconds of the machine's clock; a fraction is rounded up, never down
   * @param argument a number handed to the callback: a generation, a tag
   */
  at(deadlineNs: number, argument?: number): void;
  /** Arms the timer for so many nanoseconds from now. Zero or less fires at the current moment. */
  after(delayNs: number, argument?: number): void;
  /** Withdraws what is pending, if anything. */
  cancel(): void;
  readonly armed: boolean;
}

/** A named event source with any number of pending events. */
export interface DeviceScheduler {
  /** Adds an event. @returns a token for {@link cancel}, a whole number above 0 */
  at(deadlineNs: number, argument?: number): number;
  after(delayNs: number, argument?: number): number;
  /** @returns whether the event was still pending; a stale or foreign token is no error */
  cancel(token: number): boolean;
  /** How many events are pending. */
  readonly pending: number;
}

/**
 * A seeded source of chance that belongs to one device. The machine keeps its state, so a device
 * need not save it.
 */
export interface DeviceRandom {
  /** A whole number from 0 to 2³² − 1. */
  uint32(): number;
  /** From 0 up to but not including 1. */
  unit(): number;
  /** A whole number from 0 up to but not including the bound. */
  below(bound: number): number;
  /** True with the given probability. */
  chance(probability: number): boolean;
}

export interface DeviceHost {
  /**
   * Drives the device's interrupt output. On a level-triggered line the interrupt stays until the
   * device drives it low; on an edge-triggered line each change from low to high is one interrupt.
   * Driving the same level again changes nothing.
   */
  interrupt(asserted: boolean): void;
  /**
   * Reads memory by DMA.
   * @returns false, with `target` unchanged, when any byte is outside memory: a bus error, counted
   */
  readMemory(address: number, target: Uint8Array): boolean;
  /** Writes memory by DMA. @returns false, with nothing written, when any byte is outside memory */
  writeMemory(address: number, bytes: Uint8Array): boolean;
  /** Whole nanoseconds since the machine was switched on; never goes back. */
  now(): number;
  /**
   * Registers a timer, once, when the device is built. Pending events are only numbers that name
   * their timer, so a snapshot can hold them and a restored machine fires them.
   * @param name unique within the device: `seek-done`
   */
  timer(name: string, fire: (argument: number) => void): DeviceTimer;
  /** Registers a source with many pending events: packets in flight, queued commands. */
  scheduler(name: string, fire: (argument: number) => void): DeviceScheduler;
  /**
   * The short form: calls `fire` after a delay.
   * @param fire a function that this device has given to {@link scheduler} (the same function
   *   object): a closure made on the spot would be lost in a snapshot
   * @returns the token with which that scheduler cancels the event
   * @throws {TypeError} for a function that was not registered
   */
  after(delayNs: number, fire: (argument: number) => void, argument?: number): number;
  readonly random: DeviceRandom;
}
