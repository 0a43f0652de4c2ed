/**
 * Waiting for time. A deadline counts from the call, not from the await; it is never early; one
 * that is zero or past needs no timer and no turn; one that is cancelled leaves nothing behind.
 */
import type { ReelError } from "../errors.ts";
import { Deadline, deadlineAfter } from "./deadline.ts";
import type { Executor } from "./executor.ts";
import type { JoinHandle } from "./join-handle.ts";
import { Suspension } from "./suspension.ts";

const ALREADY = Promise.resolve();

/** A wait for a deadline, which takes its timer with it when it ends early. */
export class TimerWait extends Suspension<void> {
  readonly #deadline: Deadline;

  constructor(executor: Executor, deadlineNs: number) {
    super(executor.owner, "");
    this.#deadline = new Deadline(executor.timers, deadlineNs, () => this.wake());
  }

  override describe(): string {
    return `the timer at ${this.#deadline.atNs} ns`;
  }

  override cancel(reason: ReelError): void {
    this.#deadline.clear();
    super.cancel(reason);
  }

  override dismiss(): void {
    this.#deadline.clear();
    super.dismiss();
  }

  /** That time has passed is true for everybody: nothing is lost by not delivering it. */
  protected override get canWithdraw(): boolean {
    return true;
  }
}

/**
 * Waits for a duration, counted from this call.
 * @param durationNs nanoseconds; zero or less is over at once, without suspending
 * @returns resolves at the deadline or later; rejects with ERR_CANCELLED if the task is cancelled
 * @throws {RangeError} when the duration is no number or too long for the clock
 */
export function sleep(executor: Executor, durationNs: number): Promise<void> {
  const deadlineNs = deadlineAfter(executor.timers, "sleep", durationNs);
  if (durationNs <= 0) return ALREADY;
  return new TimerWait(executor, deadlineNs).promise;
}

/**
 * Waits for an absolute time on the session's clock.
 * @param deadlineNs nanoseconds; a past one is over at once, without suspending
 * @throws {RangeError} when it is no number or beyond the clock's range
 */
export function sleepUntil(executor: Executor, deadlineNs: number): Promise<void> {
  return sleep(executor, deadlineNs - executor.timers.now());
}

/**
 * Starts a task of its own after a delay; the caller goes on at once.
 * @param delayNs nanoseconds from this call
 * @returns the handle of the task, which sleeps first
 * @throws {RangeError} when the delay is no number or too long for the clock
 */
export function callAfter<T>(
  executor: Executor,
  delayNs: number,
  body: () => T | Promise<T>,
): JoinHandle<T> {
  const deadlineNs = deadlineAfter(executor.timers, "call later", delayNs);
  const sleepFirst = async (): Promise<T> => {
    await sleepUntil(executor, deadlineNs);
    return body();
  };
  return executor.spawn(sleepFirst, { name: `call at ${deadlineNs} ns` });
}
