/** The bridge between two worlds: an async function awaits a future, a future becomes a task. */
import type { ReelError } from "../errors.ts";
import type { Executor, SpawnOptions } from "./executor.ts";
import { type Context, type Future, PENDING } from "./future.ts";
import { JoinHandle } from "./join-handle.ts";
import { Suspension } from "./suspension.ts";
import type { TaskParent } from "./task.ts";
import type { WaitSet } from "./wait-set.ts";
import { contextOf } from "./waker.ts";

/** A wait that ends when a future says so. It is polled in its owner's turns, at most once each. */
class FutureWait<T> extends Suspension<T> {
  readonly #future: Future<T>;
  readonly #waits: WaitSet;
  readonly #context: Context;
  #polledInTurn: number;

  constructor(owner: WaitSet, context: Context, future: Future<T>, description: string) {
    super(owner, description);
    this.#future = future;
    this.#waits = owner;
    this.#context = context;
    this.#polledInTurn = owner.turns;
  }

  override repoll(): void {
    if (this.#polledInTurn === this.#waits.turns) return;
    this.#polledInTurn = this.#waits.turns;
    try {
      const poll = this.#future.poll(this.#context);
      if (poll !== PENDING) this.deliverValue(poll);
    } catch (error) {
      this.deliverError(error);
    }
  }

  override cancel(reason: ReelError): void {
    try {
      this.#future.drop?.();
    } catch (error) {
      this.fail(error);
      return;
    }
    super.cancel(reason);
  }
}

/**
 * Awaits a future. It is polled at once, and again in each turn that its waker asks for.
 * @param future not awaited or polled by anybody else
 * @param description what it waits for, as a noun phrase, for the deadlock report
 * @returns the future's result; without suspending when it is ready at once
 * @throws what the future's poll throws
 * @throws {ReelError} ERR_CANCELLED when the task is cancelled; the future is dropped then
 */
export function awaitFuture<T>(
  executor: Executor,
  future: Future<T>,
  description = "a future",
): Promise<T> {
  const owner = executor.owner;
  const context = contextOf(owner);
  try {
    const poll = future.poll(context);
    if (poll !== PENDING) return Promise.resolve(poll);
  } catch (error) {
    return Promise.reject(error);
  }
  return new FutureWait(owner, context, future, description).promise;
}

/**
 * Makes a future the outermost one of a task of its own. Its first poll is in the task's first
 * turn; cancelling the task drops the future in a turn of the task, never on the caller.
 */
export function spawnFuture<T>(
  executor: Executor,
  future: Future<T>,
  options?: SpawnOptions,
): JoinHandle<T> {
  let polled = false;
  const body = (): Promise<T> => {
    polled = true;
    return awaitFuture(executor, future);
  };
  // A task that is cancelled before its first turn never polls: its future is dropped unpolled.
  const dropUnpolled: TaskParent = {
    childEnded() {
      if (!polled) future.drop?.();
      return false;
    },
  };
  return new JoinHandle<T>(executor.spawnChild(body, dropUnpolled, options), executor);
}
