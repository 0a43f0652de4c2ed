/**
 * One deadline on the session's clock: the piece that sleeps, timeouts and timer futures share. It
 * calls back once, never early, and leaves nothing behind when it is cleared.
 */
import type { TimerPort } from "./ports.ts";

export class Deadline {
  readonly atNs: number;
  readonly #timers: TimerPort;
  readonly #reached: () => void;
  #token: number;
  #armed = true;

  /** @param reached called from outside any task, at `atNs` or later, unless cleared before */
  constructor(timers: TimerPort, atNs: number, reached: () => void) {
    this.atNs = atNs;
    this.#timers = timers;
    this.#reached = reached;
    this.#token = timers.set(atNs, this.#fire);
  }

  /** Withdraws the deadline. Without effect once it was reached, and the second time. */
  clear(): void {
    if (!this.#armed) return;
    this.#armed = false;
    this.#timers.clear(this.#token);
  }

  readonly #fire = (): void => {
    if (!this.#armed) return;
    // A port whose clock is coarser than its deadlines may call too early: wait for the rest.
    if (this.#timers.now() < this.atNs) {
      this.#token = this.#timers.set(this.atNs, this.#fire);
      return;
    }
    this.#armed = false;
    this.#reached();
  };
}

/**
 * The deadline that lies so far ahead of now.
 * @param action what the caller does, for the message
 * @param durationNs a fraction of a nanosecond counts as a whole one, so as not to be early; less
 *   than zero counts as zero
 * @throws {RangeError} when it is no number or beyond the clock's range of 2⁵³ nanoseconds
 */
export function deadlineAfter(timers: TimerPort, action: string, durationNs: number): number {
  const atNs = timers.now() + Math.max(0, Math.ceil(durationNs));
  if (Number.isSafeInteger(atNs)) return atNs;
  throw new RangeError(
    `Cannot ${action}: durationNs must be a number of nanoseconds below 2^53: found ${durationNs}`,
  );
}
