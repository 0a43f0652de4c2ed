/** Time, for those who poll: a future that is ready at a deadline, one that is given up at it. */
import { ReelError } from "../errors.ts";
import { Deadline } from "./deadline.ts";
import {
  type Context,
  type Future,
  PENDING,
  type Poll,
  polledAfterReady,
  type Waker,
} from "./future.ts";
import { latestWaker } from "./leaf-futures.ts";
import type { TimerPort } from "./ports.ts";

/**
 * Ready at a deadline or later; at the first poll if that is past. It arms its timer when it is
 * first polled and takes it along when it is dropped.
 */
export class SleepFuture implements Future<void> {
  readonly #timers: TimerPort;
  readonly #deadlineNs: number;
  #deadline: Deadline | undefined = undefined;
  #waker: Waker | undefined = undefined;
  #over = false;

  /** @param deadlineNs absolute, on the clock of `timers` */
  constructor(timers: TimerPort, deadlineNs: number) {
    this.#timers = timers;
    this.#deadlineNs = deadlineNs;
  }

  poll(cx: Context): Poll<void> {
    if (this.#over) throw polledAfterReady("a sleep");
    if (this.#timers.now() >= this.#deadlineNs) {
      this.drop();
      return undefined;
    }
    this.#waker = latestWaker(this.#waker, cx);
    this.#deadline ??= new Deadline(this.#timers, this.#deadlineNs, () => this.#waker?.wake());
    return PENDING;
  }

  drop(): void {
    this.#over = true;
    this.#deadline?.clear();
    this.#waker?.drop();
    this.#waker = undefined;
  }
}

/**
 * The result of another future, unless the deadline comes first: then the other is dropped and the
 * poll throws ERR_TIMEOUT. The other is polled before the clock is looked at, so that a result
 * which is there at the deadline counts.
 */
export class TimeoutFuture<T> implements Future<T> {
  readonly #sleep: SleepFuture;
  #inner: Future<T> | undefined;

  /** @param deadlineNs absolute, on the clock of `timers` */
  constructor(timers: TimerPort, inner: Future<T>, deadlineNs: number) {
    this.#sleep = new SleepFuture(timers, deadlineNs);
    this.#inner = inner;
  }

  poll(cx: Context): Poll<T> {
    const inner = this.#inner;
    if (inner === undefined) throw polledAfterReady("a future with a timeout");
    this.#inner = undefined;
    let poll: Poll<T>;
    try {
      poll = inner.poll(cx);
    } catch (error) {
      this.#sleep.drop();
      throw error;
    }
    if (poll !== PENDING) {
      this.#sleep.drop();
      return poll;
    }
    if (this.#sleep.poll(cx) === PENDING) {
      this.#inner = inner;
      return PENDING;
    }
    inner.drop?.();
    throw new ReelError("ERR_TIMEOUT", "Timed out while polling a future");
  }

  drop(): void {
    const inner = this.#inner;
    this.#inner = undefined;
    inner?.drop?.();
    this.#sleep.drop();
  }
}
