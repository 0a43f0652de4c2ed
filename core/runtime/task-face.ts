/**
 * What a runtime offers for tasks: starting them, waiting in them, and the means by which they
 * speak with each other. Everything here goes through the runtime's executor and so is part of a
 * session.
 */
import { Channel, type ChannelOptions } from "../sync/channel.ts";
import { Condvar, type CondvarOptions } from "../sync/condvar.ts";
import { AsyncEvent, type AsyncEventOptions } from "../sync/event.ts";
import { AsyncMutex, type AsyncMutexOptions } from "../sync/mutex.ts";
import { Semaphore, type SemaphoreOptions } from "../sync/semaphore.ts";
import { awaitFuture, spawnFuture } from "../task/await-future.ts";
import type { Executor, SpawnOptions } from "../task/executor.ts";
import type { Future, Waker } from "../task/future.ts";
import { adopt } from "../task/adopt.ts";
import { all, type Results } from "../task/all.ts";
import { TaskGroup } from "../task/group.ts";
import type { JoinHandle } from "../task/join-handle.ts";
import { race } from "../task/race.ts";
import { sleep, sleepUntil } from "../task/sleep.ts";
import { timeout } from "../task/timeout.ts";
import { currentWaker } from "../task/waker.ts";
import { yieldNow } from "../task/yield-now.ts";

export class TaskFace {
  /** Who runs when. For futures, hooks and synchronisation of one's own. */
  readonly executor: Executor;

  constructor(executor: Executor) {
    this.executor = executor;
  }

  /** Turns of tasks so far. */
  get steps(): number {
    return this.executor.steps;
  }

  /** Starts a task. Dropping the handle detaches it. */
  spawn<T>(body: () => T | Promise<T>, options?: SpawnOptions): JoinHandle<T> {
    return this.executor.spawn(body, options);
  }

  /** Tasks that are cancelled and awaited when the scope ends: `await using`. */
  group<T = unknown>(name?: string): TaskGroup<T> {
    return new TaskGroup<T>(this.executor, name === undefined ? {} : { name });
  }

  /** Waits so long, counted from this call; never less. */
  sleep(durationNs: number): Promise<void> {
    return sleep(this.executor, durationNs);
  }

  sleepUntil(deadlineNs: number): Promise<void> {
    return sleepUntil(this.executor, deadlineNs);
  }

  /**
   * Gives a function so long; then it is cancelled and awaited. A result beats the deadline on a
   * tie.
   * @throws {ReelError} (as a rejection) ERR_TIMEOUT
   */
  timeout<T>(durationNs: number, body: () => T | Promise<T>): Promise<T> {
    return timeout(this.executor, durationNs, body);
  }

  /** The first to finish wins, the leftmost on a tie; the others are cancelled and awaited. */
  race<T>(bodies: readonly (() => T | Promise<T>)[]): Promise<T> {
    return race(this.executor, bodies);
  }

  /** Runs functions side by side. The first error wins; the others are cancelled and awaited. */
  all<const Bodies extends readonly (() => unknown)[]>(bodies: Bodies): Promise<Results<Bodies>> {
    return all(this.executor, bodies);
  }

  /** Lets every task that is ready now have its turn first. */
  yieldNow(): Promise<void> {
    return yieldNow(this.executor);
  }

  /** The waker of the current task. */
  currentWaker(): Waker {
    return currentWaker(this.executor);
  }

  /** Awaits a promise from outside the runtime, so that what follows is this task's again. */
  adopt<T>(foreign: Promise<T>): Promise<T> {
    return adopt(this.executor, foreign);
  }

  /** Awaits a future inside a task. */
  poll<T>(future: Future<T>): Promise<T> {
    return awaitFuture(this.executor, future);
  }

  /** Starts a task that is a future. */
  spawnFuture<T>(future: Future<T>): JoinHandle<T> {
    return spawnFuture(this.executor, future);
  }

  /** A lock that tasks hold across their waits, first in first out. */
  mutex(options?: Omit<AsyncMutexOptions<undefined>, "value">): AsyncMutex {
    return new AsyncMutex(this.executor, { ...options });
  }

  event(options?: AsyncEventOptions): AsyncEvent {
    return new AsyncEvent(this.executor, options);
  }

  condvar(options?: CondvarOptions): Condvar {
    return new Condvar(this.executor, options);
  }

  semaphore(options: SemaphoreOptions): Semaphore {
    return new Semaphore(this.executor, options);
  }

  /** A channel of one slot. */
  channel<T>(options?: ChannelOptions): Channel<T> {
    return new Channel<T>(this.executor, options);
  }
}
