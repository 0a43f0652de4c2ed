/**
 * Futures, for people who write their own waits: the smallest contract by which something can be
 * asked whether it is done, and can say whom to call when asking again is worth while. An async
 * function awaits one with `awaitFuture`.
 */
import { ReelError } from "../errors.ts";

/** The answer of a future that is not done. It has arranged to wake its poller. */
export const PENDING: unique symbol = Symbol("ioreel.pending");

/** The answer of a poll: {@link PENDING}, or the result itself. */
export type Poll<T> = T | typeof PENDING;

/** Whether a poll was answered with a result. */
export function isReady<T>(poll: Poll<T>): poll is T {
  return poll !== PENDING;
}

/**
 * The right to have one task polled again. It means the outermost task, whatever combinators lie
 * between it and the future that holds the waker.
 */
export interface Waker {
  /** Puts the task back into the ready queue. Without effect while it is there, or when done. */
  wake(): void;
  /** A waker of its own for the same task: dropping either leaves the other alone. */
  clone(): Waker;
  /** Gives the right back: a later {@link wake} does nothing. */
  drop(): void;
  /** Whether both wake the same task, so that a stored one need not be replaced. */
  willWake(other: Waker): boolean;
}

/** What a future is polled with. */
export interface Context {
  /** Wakes the task that polls now. Keep a clone of it beyond the poll. */
  readonly waker: Waker;
}

/** Something that makes progress only when polled. */
export interface Future<T> {
  /**
   * Makes what progress is possible. May be called at any time without a wake (a spurious poll),
   * and says PENDING then. Only the waker of the latest poll has to be woken.
   * @returns the result, once; PENDING until then
   * @throws {ReelError} ERR_POLLED_AFTER_READY when it has given its result, failed or been dropped
   */
  poll(cx: Context): Poll<T>;
  /** The poller has lost interest before the result: withdraw from everywhere. Called once. */
  drop?(): void;
}

/** What a future results in. */
export type Output<F> = F extends Future<infer T> ? T : never;

/** The error of polling a future that is over. */
export function polledAfterReady(what: string): ReelError {
  return new ReelError(
    "ERR_POLLED_AFTER_READY",
    `Cannot poll ${what}: it has given its result, failed or been dropped`,
    { mend: "Keep the result of the poll that was ready, and do not poll again" },
  );
}
