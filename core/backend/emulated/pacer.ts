/**
 * Holds a machine's virtual time back to the pace of real time. The start is fixed once, at the
 * first wait, and every moment is measured from it, so that what one wait overshoots the next one
 * waits less: lateness does not add up. Nothing is ever early.
 */
import { hostMonotonicNs, NS_PER_MS } from "../../clock.ts";

/** What the pacer needs of a machine. */
export interface PacedClock {
  now(): number;
  /** Counts restores: the clock may have jumped, so the start is fixed anew. */
  readonly restores: number;
}

/** The host's time; replaceable, so that pacing can be tested without waiting. */
export interface PacerHost {
  /** Monotonic nanoseconds. */
  now(): number;
  /** Blocks the thread for about so many nanoseconds; may return early or late. */
  block(durationNs: number): void;
}

/** The longest single sleep: Atomics.wait takes any, but an hour keeps every sum exact. */
const BLOCK_NS_MAX = 3600e9;

const sleeper = new Int32Array(new SharedArrayBuffer(4));
const realHost: PacerHost = {
  now: hostMonotonicNs,
  block(durationNs) {
    // Nobody ever notifies this word: the wait always ends by its timeout.
    Atomics.wait(sleeper, 0, 0, durationNs / NS_PER_MS);
  },
};

export class Pacer {
  readonly #clock: PacedClock;
  readonly #host: PacerHost;
  /** Host time at which the machine's clock stood, or would have stood, at zero. */
  #startNs = 0;
  /** The restore count that the start belongs to; none yet. */
  #restores = -1;

  constructor(clock: PacedClock, host: PacerHost = realHost) {
    this.#clock = clock;
    this.#host = host;
  }

  /** Host nanoseconds until a moment of the machine's clock; zero or less when it has come. */
  remainingNs(timeNs: number): number {
    if (this.#restores !== this.#clock.restores) {
      this.#restores = this.#clock.restores;
      this.#startNs = this.#host.now() - this.#clock.now();
    }
    return this.#startNs + timeNs - this.#host.now();
  }

  /** Blocks the thread until a moment of the machine's clock has come. */
  waitUntil(timeNs: number): void {
    for (;;) {
      const remaining = this.remainingNs(timeNs);
      if (remaining <= 0) return;
      this.#host.block(Math.min(remaining, BLOCK_NS_MAX));
    }
  }
}
