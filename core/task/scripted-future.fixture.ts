/** Futures and wakers for tests: scripted ones that count what is done to them. */
import { type Context, type Future, PENDING, type Poll, type Waker } from "./future.ts";

/** Pending `delays` times, waking itself each time; then ready, or failing. */
export class Scripted<T> implements Future<T> {
  readonly value: T;
  readonly delays: number;
  readonly failure: Error | undefined;
  polls = 0;
  drops = 0;
  over = false;

  constructor(value: T, delays: number, failure?: Error) {
    this.value = value;
    this.delays = delays;
    this.failure = failure;
  }

  poll(cx: Context): Poll<T> {
    if (this.over) throw new Error("polled after the end");
    this.polls++;
    if (this.polls <= this.delays) {
      cx.waker.wake();
      return PENDING;
    }
    this.over = true;
    if (this.failure !== undefined) throw this.failure;
    return this.value;
  }

  drop(): void {
    if (this.over) throw new Error("dropped after the end");
    this.over = true;
    this.drops++;
  }
}

/** Counts wakes and does nothing else: the waker of a poll by hand. */
export class CountingWaker implements Waker {
  wakes = 0;
  wake(): void {
    this.wakes++;
  }
  clone(): Waker {
    return this;
  }
  drop(): void {}
  willWake(other: Waker): boolean {
    return other === this;
  }
}
