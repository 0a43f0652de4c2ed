/** The way back into the executor for what comes from outside of it. */
import type { Executor } from "./executor.ts";

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
  executor.adopted++;
  promise.then(
    (value) => {
      executor.adopted--;
      wait.wake(value);
    },
    (error: unknown) => {
      executor.adopted--;
      wait.fail(error);
    },
  );
  return wait.promise;
}
