/** The small futures that others are made of: give way, tell the waker, be completed by others. */
import {
  type Context,
  type Future,
  PENDING,
  type Poll,
  polledAfterReady,
  type Waker,
} from "./future.ts";

/**
 * Pending once, after it has woken its own task, then ready: everybody who is queued has a turn in
 * between.
 */
export class YieldFuture implements Future<void> {
  #polls = 0;

  poll(cx: Context): Poll<void> {
    this.#polls++;
    if (this.#polls === 1) {
      cx.waker.wake();
      return PENDING;
    }
    if (this.#polls === 2) return undefined;
    throw polledAfterReady("a yield");
  }
}

/**
 * Ready at once with a waker of the task that polls it. The waker is good for that task only: a
 * future that moves to another one fetches it again for each await.
 */
export class WakerFuture implements Future<Waker> {
  #done = false;

  poll(cx: Context): Poll<Waker> {
    if (this.#done) throw polledAfterReady("a waker future");
    this.#done = true;
    return cx.waker.clone();
  }
}

const WAITING = 0;
const COMPLETE = 1;
const OVER = 2;

/**
 * A future that somebody else completes, once. It knows that it was completed by a flag of its own
 * and not by being polled, so that spurious polls are harmless. The waker of the latest poll
 * counts, so that it can be begun in one task and awaited in another.
 */
export class OneShot<T> implements Future<T> {
  #state = WAITING;
  #value: T | undefined = undefined;
  #waker: Waker | undefined = undefined;

  /** Whether {@link complete} would still reach somebody. */
  get open(): boolean {
    return this.#state === WAITING;
  }

  /**
   * Gives the result.
   * @returns false when it has one already or was dropped: the value reaches nobody
   */
  complete(value: T): boolean {
    if (this.#state !== WAITING) return false;
    this.#state = COMPLETE;
    this.#value = value;
    const waker = this.#waker;
    this.#waker = undefined;
    waker?.wake();
    return true;
  }

  poll(cx: Context): Poll<T> {
    if (this.#state === COMPLETE) {
      const value = this.#value as T;
      this.drop();
      return value;
    }
    if (this.#state === OVER) throw polledAfterReady("a one-shot");
    this.#waker = latestWaker(this.#waker, cx);
    return PENDING;
  }

  drop(): void {
    this.#state = OVER;
    this.#value = undefined;
    this.#waker?.drop();
    this.#waker = undefined;
  }
}

/**
 * Keeps the waker of the latest poll. Clones it only when it is not the one kept already.
 * @param kept what the last call returned
 */
export function latestWaker(kept: Waker | undefined, cx: Context): Waker {
  if (kept?.willWake(cx.waker) === true) return kept;
  kept?.drop();
  return cx.waker.clone();
}
