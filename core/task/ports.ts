/**
 * What the task layer asks of the world around it. The runtime implements these over the engine's
 * deadlines and the backend's clock; tests implement them in virtual time.
 */

/** The source of time for sleeps and timeouts: one clock and deadlines on it. */
export interface TimerPort {
  /** Nanoseconds of the session's clock. It never goes back. */
  now(): number;
  /**
   * Arms a deadline.
   * @param deadlineNs absolute, on the clock of {@link now}; may be past
   * @param fire called once, at the deadline or later, from outside any task and never from inside
   *   `set` itself
   * @returns a token that names the deadline until it fired or was cleared
   */
  set(deadlineNs: number, fire: () => void): number;
  /** Withdraws a deadline that has not fired: it leaves nothing behind. */
  clear(token: number): void;
}
