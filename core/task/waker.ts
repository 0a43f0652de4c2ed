/**
 * The waker of a task and the context that its futures are polled with. A waker means the outermost
 * task: whichever future holds it, waking polls all futures that the task awaits, once each.
 */
import { ReelError } from "../errors.ts";
import type { Executor } from "./executor.ts";
import type { Context, Waker } from "./future.ts";
import type { WaitSet } from "./wait-set.ts";

class TaskWaker implements Waker {
  #owner: WaitSet | undefined;

  constructor(owner: WaitSet) {
    this.#owner = owner;
  }

  wake(): void {
    this.#owner?.notify();
  }

  clone(): Waker {
    // A clone of a dropped waker is as good as the dropped one.
    return this.#owner === undefined ? this : new TaskWaker(this.#owner);
  }

  drop(): void {
    this.#owner = undefined;
  }

  willWake(other: Waker): boolean {
    return other instanceof TaskWaker && other.#owner !== undefined && other.#owner === this.#owner;
  }
}

/** The waker in a context belongs to the task: a future that drops it drops nothing. */
class ContextWaker extends TaskWaker {
  override drop(): void {}
}

/** The context of an owner's futures: the same for all of its polls. */
export function contextOf(owner: WaitSet): Context {
  owner.context ??= { waker: new ContextWaker(owner) };
  return owner.context;
}

/**
 * A waker for the task that runs now, to be given to whoever ends its wait.
 * @throws {ReelError} ERR_NOT_RUNNING in host code, outside any task
 */
export function currentWaker(executor: Executor): Waker {
  const task = executor.current;
  if (task !== undefined) return contextOf(task).waker.clone();
  throw new ReelError("ERR_NOT_RUNNING", "Cannot make a waker: no task is running", {
    mend: "Call it inside a task, or await the future from the host code with awaitFuture",
  });
}
