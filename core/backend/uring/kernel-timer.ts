/**
 * The one kernel timeout that all sleeps share, for the time in which the thread sleeps in Bun's
 * event loop. (A thread that blocks passes the deadline to the system call instead.)
 *
 * It only has to bring a completion: whether the deadline is reached is decided by the session's
 * clock when the completion is collected, so a timeout that fires early is armed again.
 */
import { NS_PER_SECOND, hostMonotonicNs } from "../../clock.ts";
import { OPCODE } from "../contract.ts";
import { CLOCK_MONOTONIC, ENTRY, TIMEOUT_ABS, TIMEOUT_UPDATE } from "./abi.ts";
import { libc } from "./libc.ts";
import type { RingQueue } from "./ring-queue.ts";
import { OWN_TIMER, OWN_TIMER_CHANGE } from "./user-data.ts";

export class KernelTimer {
  readonly #queue: RingQueue;
  /** The host's clock when it was last armed for, or Infinity. */
  #armedNs = Infinity;
  /** Numbers the timeouts, so that the end of an earlier one is not taken for the present one's. */
  #sequence = 0;
  readonly #timespec = new Int32Array(new ArrayBuffer(4096));

  constructor(queue: RingQueue) {
    this.#queue = queue;
  }

  /**
   * Makes the kernel's timeout due at a moment, by arming, changing or removing it. The request is
   * prepared only: the caller hands it over before it prepares another.
   * @param hostNs by {@link hostMonotonicNs}; Infinity for none
   */
  sync(hostNs: number): void {
    if (hostNs === this.#armedNs) return;
    const { entries, time } = this.#queue;
    if (this.#armedNs === Infinity) {
      this.#sequence = (this.#sequence + 1) | 0;
      const at = this.#queue.takeOwn(OWN_TIMER, this.#sequence);
      entries[at] = OPCODE.TIMEOUT;
      time.putTimerAddress(entries, at + ENTRY.ADDRESS);
      entries[at + ENTRY.LENGTH] = 1;
      entries[at + ENTRY.OP_FLAGS] = TIMEOUT_ABS;
    } else {
      const at = this.#queue.takeOwn(OWN_TIMER_CHANGE, this.#sequence);
      entries[at] = OPCODE.TIMEOUT_REMOVE;
      entries[at + ENTRY.ADDRESS] = OWN_TIMER;
      entries[at + ENTRY.ADDRESS + 1] = this.#sequence;
      if (hostNs !== Infinity) {
        time.putTimerAddress(entries, at + ENTRY.OFFSET);
        entries[at + ENTRY.OP_FLAGS] = TIMEOUT_UPDATE | TIMEOUT_ABS;
      }
    }
    this.#armedNs = hostNs;
    if (hostNs !== Infinity) time.setTimer(this.#monotonic(hostNs));
  }

  /** Takes the completion of one of its requests. Any end of the present timeout disarms it. */
  ended(kind: number, sequence: number): void {
    if (kind === OWN_TIMER && sequence === this.#sequence) this.#armedNs = Infinity;
  }

  /** The same moment by the kernel's monotonic clock, whose zero differs from the host clock's. */
  #monotonic(hostNs: number): number {
    libc().clock_gettime(CLOCK_MONOTONIC, this.#timespec);
    const nowNs = this.#timespec[0]! * NS_PER_SECOND + this.#timespec[2]!;
    return Math.max(0, nowNs + (hostNs - hostMonotonicNs()));
  }
}
