/**
 * A wait that is given up after a time. The result beats the deadline on a tie: when both fall
 * into one turn, or the work is ready to go on at the very moment of the deadline, the work has one
 * more turn before it is given up.
 */
import { ReelError } from "../errors.ts";
import { Deadline, deadlineAfter } from "./deadline.ts";
import type { Executor } from "./executor.ts";
import { Scope } from "./scope.ts";
import { TimerWait } from "./sleep.ts";
import { yieldNow } from "./yield-now.ts";

/**
 * Waits for work, for so long and no longer.
 * @param durationNs nanoseconds from this call; with zero or less the work has one turn
 * @param work a function, which runs as a child task and is cancelled and awaited at the deadline;
 *   or a promise of the calling task, which nothing can cancel: it is merely no longer waited for
 * @returns the result. Work that finishes in spite of its cancellation gives its result, late
 * @throws what the work threw
 * @throws {ReelError} ERR_TIMEOUT when the deadline came first; `cause` is what the child's
 *   clean-up threw, if it did
 * @throws {ReelError} ERR_CANCELLED when the calling task is cancelled; the child is over then. If
 *   it has a result all the same, that is given, and the task's next wait is cancelled instead
 * @throws {RangeError} when the duration is no number or too long for the clock
 */
export function timeout<T>(
  executor: Executor,
  durationNs: number,
  work: Promise<T> | (() => T | Promise<T>),
): Promise<T> {
  const deadlineNs = deadlineAfter(executor.timers, "wait with a timeout", durationNs);
  return typeof work === "function"
    ? runUntil(executor, deadlineNs, durationNs, work)
    : waitUntil(executor, deadlineNs, durationNs, work);
}

function timedOut(durationNs: number, cause?: unknown): ReelError {
  return new ReelError("ERR_TIMEOUT", `Timed out after ${durationNs} ns`, {
    details: { durationNs },
    cause,
  });
}

/** A yield that a cancellation of the caller does not cut short: the child may finish in it. */
function oneMoreTurn(executor: Executor): Promise<void> {
  const wait = executor.suspend<void>("its next turn");
  wait.wake();
  return wait.promise;
}

async function runUntil<T>(
  executor: Executor,
  deadlineNs: number,
  durationNs: number,
  body: () => T | Promise<T>,
): Promise<T> {
  const scope = new Scope(executor, "task with a timeout");
  const child = scope.spawn(body);
  let late = durationNs <= 0;
  const expire = (): void => {
    late = true;
    scope.poke();
  };
  const deadline = late ? undefined : new Deadline(executor.timers, deadlineNs, expire);
  let interruption: { readonly error: unknown } | undefined;
  try {
    await scope.until(() => child.finished || late);
    if (!child.finished && child.queued) await oneMoreTurn(executor);
  } catch (error) {
    interruption = { error };
  }
  deadline?.clear();
  const givenUp = !child.finished;
  await scope.close("defer");
  if (child.status === "completed") {
    if (interruption !== undefined) scope.deferCancel();
    return child.outcome as T;
  }
  if (interruption !== undefined) throw interruption.error;
  if (!givenUp) throw child.outcome;
  // What a cancelled child throws instead of the cancellation is told as the timeout's cause.
  executor.forgive(child);
  throw timedOut(durationNs, child.status === "failed" ? child.outcome : undefined);
}

function waitUntil<T>(
  executor: Executor,
  deadlineNs: number,
  durationNs: number,
  promise: Promise<T>,
): Promise<T> {
  const timer = new TimerWait(executor, deadlineNs);
  return new Promise((resolve, reject) => {
    promise.then(
      (value) => {
        timer.dismiss();
        resolve(value);
      },
      (error: unknown) => {
        timer.dismiss();
        reject(error);
      },
    );
    timer.promise.then(() => yieldNow(executor)).then(() => reject(timedOut(durationNs)), reject);
  });
}
