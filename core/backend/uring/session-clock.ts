/**
 * A session's clock on real time: whole nanoseconds since it began, never going back.
 */
import { hostMonotonicNs } from "../../clock.ts";

export class SessionClock {
  /** The host's clock when the session began. */
  readonly startNs = hostMonotonicNs();
  #latestNs = 0;

  now(): number {
    const nowNs = hostMonotonicNs() - this.startNs;
    if (nowNs > this.#latestNs) this.#latestNs = nowNs;
    return this.#latestNs;
  }
}
