/**
 * A mutual exclusion lock that waits without blocking. Waiters are served first in, first out, and
 * the lock is handed over, never put up for grabs: nobody can barge in between. A lock that nobody
 * holds is taken without suspending.
 *
 * A mutation may be marked (`enter` and `exit`). One that is cut off, because its task is cancelled
 * or throws, poisons the mutex: the value may be half changed, and nobody gets at it until
 * somebody who knows how to mend it calls `clearPoison`.
 */
import type { ReelError } from "../errors.ts";
import type { Executor } from "../task/executor.ts";
import { Suspension, type SuspensionOwner } from "../task/suspension.ts";
import { Task } from "../task/task.ts";
import { type QueueNode, WaiterQueue } from "../task/waiter-queue.ts";
import { HeldLock, type LockHome } from "./held-lock.ts";
import { LockRequest } from "./lock-request.ts";

/** Somebody in the line. */
interface LockWaiter<T> extends QueueNode {
  /** Who has the lock when it is granted. */
  readonly owner: SuspensionOwner;
  grant(lock: HeldLock<T>): void;
  refuse(error: ReelError): void;
}

class LockWait<T> extends Suspension<HeldLock<T>> implements LockWaiter<T> {
  readonly #mutex: AsyncMutex<T>;

  constructor(owner: SuspensionOwner, mutex: AsyncMutex<T>) {
    super(owner, "");
    this.#mutex = mutex;
  }

  override describe(): string {
    return this.#mutex.describeWait();
  }

  grant(lock: HeldLock<T>): void {
    this.wake(lock);
  }

  refuse(error: ReelError): void {
    this.fail(error);
  }

  protected override get canWithdraw(): boolean {
    return true;
  }

  /** The lock reached a waiter that is gone: on to the next. */
  protected override withdraw(lock: HeldLock<T>): void {
    lock.release();
  }
}

export interface AsyncMutexOptions<T> {
  /** For messages and the deadlock report. */
  name?: string;
  /** What the mutex protects, reached through the held lock. */
  value: T;
}

type MutexArguments<T> = undefined extends T
  ? [options?: Partial<AsyncMutexOptions<T>>]
  : [options: AsyncMutexOptions<T>];

export class AsyncMutex<T = undefined> implements LockHome<T> {
  readonly name: string;
  readonly #executor: Executor;
  readonly #waiters = new WaiterQueue<LockWaiter<T>>();
  readonly #value: T;
  #held: HeldLock<T> | undefined = undefined;
  #poison: ReelError | undefined = undefined;

  constructor(executor: Executor, ...[options]: MutexArguments<T>) {
    this.#executor = executor;
    this.name = options?.name ?? "mutex";
    this.#value = options?.value as T;
  }

  /** Whether somebody holds the lock. */
  get locked(): boolean {
    return this.#held !== undefined;
  }

  /** How many stand in line. */
  get waiting(): number {
    return this.#waiters.size;
  }

  /** Why the value cannot be trusted; undefined while it can. */
  get poison(): ReelError | undefined {
    return this.#poison;
  }

  get cancelling(): boolean {
    return this.#executor.current?.cancelRequested ?? false;
  }

  /**
   * Takes the lock, after all who asked before. Without suspending if nobody holds it.
   * @returns the held lock, to be released or disposed of: `using lock = await mutex.lock()`
   * @throws {ReelError} ERR_MUTATION_CANCELLED or ERR_LOCK_POISONED when the mutex is poisoned
   * @throws {ReelError} ERR_CANCELLED when the task is cancelled; the lock goes to the next
   */
  lock(): Promise<HeldLock<T>> {
    if (this.#poison !== undefined) return Promise.reject(this.#poison);
    const owner = this.#executor.owner;
    if (this.#held === undefined) return Promise.resolve(this.#take(owner));
    const wait = new LockWait<T>(owner, this);
    this.#waiters.push(wait);
    return wait.promise;
  }

  /**
   * Takes the lock if nobody holds it.
   * @returns undefined when somebody does
   * @throws {ReelError} ERR_MUTATION_CANCELLED or ERR_LOCK_POISONED when the mutex is poisoned
   */
  tryLock(): HeldLock<T> | undefined {
    if (this.#poison !== undefined) throw this.#poison;
    return this.#held === undefined ? this.#take(this.#executor.owner) : undefined;
  }

  /**
   * Stands in line now and takes the lock later, for those who write their own futures.
   * On a poisoned mutex the request is refused when it is polled or taken.
   */
  request(): LockRequest<T> {
    const owner = this.#executor.owner;
    const request = new LockRequest<T>(this.name, owner);
    if (this.#poison !== undefined) request.refuse(this.#poison);
    else if (this.#held === undefined) request.grant(this.#take(owner));
    else this.#waiters.push(request);
    return request;
  }

  /**
   * Declares the value sound again. Those who were refused meanwhile have to ask again.
   * Without effect on a mutex that is not poisoned.
   */
  clearPoison(): void {
    this.#poison = undefined;
  }

  /** What somebody in line waits for, as a noun phrase. */
  describeWait(): string {
    const holder = this.#held?.holder;
    const who = holder instanceof Task ? `task "${holder.name}"` : "the host code";
    return `the lock of mutex "${this.name}", held by ${who}`;
  }

  released(lock: HeldLock<T>): void {
    if (this.#held !== lock) return;
    this.#held = undefined;
    const next = this.#waiters.shift();
    if (next !== undefined) next.grant(this.#take(next.owner));
  }

  poisoned(reason: ReelError): void {
    this.#poison = reason;
    for (let next = this.#waiters.shift(); next !== undefined; next = this.#waiters.shift()) {
      next.refuse(reason);
    }
  }

  #take(owner: SuspensionOwner): HeldLock<T> {
    this.#held = new HeldLock<T>(this, this.#value, owner);
    return this.#held;
  }
}
