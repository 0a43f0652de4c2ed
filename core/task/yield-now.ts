/** Giving the others their turn. */
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
