/** Giving the others their turn, and taking back what the outside world promised. */
import type { Executor } from "./executor.ts";
import { Suspension } from "./suspension.ts";

class YieldWait extends Suspension<void> {
  /** A turn given away is no value that could be lost. */
  protected override get canWithdraw(): boolean {
    return true;
  }
}

/**
 * Lets every task that is ready now have its turn before this one goes on. A loop that yields is
 * cancellable, and is a poor way to wait for anything.
 */
export function yieldNow(executor: Executor): Promise<void> {
  const wait = new YieldWait(executor.owner, "its next turn");
  wait.wake();
  return wait.promise;
}

/**
 * Awaits a promise that ioreel did not make (a fetch, a file, a child process) in such a way that
 * the task goes on in a turn of its own. Awaited directly, it would go on outside all turns, where
 * its waits count as the host's and a cancellation does not find it. What such a promise brings is
 * not recorded.
 * @param promise settled from outside; nothing can cancel it, so a cancelled task just leaves it
 * @param description what it stands for, as a noun phrase
 */
export function adopt<T>(
  executor: Executor,
  promise: PromiseLike<T>,
  description = "a promise from outside the runtime",
): Promise<T> {
  const wait = executor.suspend<T>(description);
  promise.then(
    (value) => wait.wake(value),
    (error: unknown) => wait.fail(error),
  );
  return wait.promise;
}
