/**
 * A place in the line for a lock, seen as a state instead of a promise: for hand-written futures,
 * and for code that asks now and takes later.
 */
import { ReelError } from "../errors.ts";
import {
  type Context,
  type Future,
  PENDING,
  type Poll,
  polledAfterReady,
  type Waker,
} from "../task/future.ts";
import { latestWaker } from "../task/leaf-futures.ts";
import type { SuspensionOwner } from "../task/suspension.ts";
import { QueueNode } from "../task/waiter-queue.ts";
import type { HeldLock } from "./held-lock.ts";

/**
 * A request for a lock. It stands in line from birth. One that is dropped leaves the line; if the
 * lock had reached it already, the lock goes to the next.
 */
export class LockRequest<T> extends QueueNode implements Future<HeldLock<T>>, Disposable {
  /** Who asked. */
  readonly owner: SuspensionOwner;
  readonly #name: string;
  #granted: HeldLock<T> | undefined = undefined;
  #refusal: ReelError | undefined = undefined;
  #over = false;
  #waker: Waker | undefined = undefined;

  /** @param name the mutex, for messages */
  constructor(name: string, owner: SuspensionOwner) {
    super();
    this.#name = name;
    this.owner = owner;
  }

  /** Whether {@link take} would give the lock. */
  get ready(): boolean {
    return this.#granted !== undefined;
  }

  /**
   * Takes the lock that has arrived.
   * @throws {ReelError} ERR_OPERATION_BUSY while it has not
   * @throws {ReelError} ERR_BAD_HANDLE when it was taken or the request was dropped
   * @throws {ReelError} ERR_MUTATION_CANCELLED or ERR_LOCK_POISONED when the mutex is poisoned
   */
  take(): HeldLock<T> {
    if (this.#refusal !== undefined) throw this.#refusal;
    if (this.#over) throw this.#cannotTake("ERR_BAD_HANDLE", "it was taken or dropped before");
    const lock = this.#granted;
    if (lock === undefined) throw this.#cannotTake("ERR_OPERATION_BUSY", "it has not arrived yet");
    this.#granted = undefined;
    this.#over = true;
    return lock;
  }

  poll(cx: Context): Poll<HeldLock<T>> {
    if (this.#over) throw polledAfterReady(`a request for mutex "${this.#name}"`);
    if (this.#refusal !== undefined || this.#granted !== undefined) return this.take();
    this.#waker = latestWaker(this.#waker, cx);
    return PENDING;
  }

  /** Leaves the line, and passes on a lock that has arrived. Without effect when it was taken. */
  drop(): void {
    if (this.#over) return;
    this.#over = true;
    this.queue?.remove(this);
    this.#waker?.drop();
    const lock = this.#granted;
    this.#granted = undefined;
    lock?.release();
  }

  [Symbol.dispose](): void {
    this.drop();
  }

  /** Called by the mutex: the lock is here. */
  grant(lock: HeldLock<T>): void {
    this.#granted = lock;
    this.#waker?.wake();
  }

  /** Called by the mutex: there will be no lock. */
  refuse(error: ReelError): void {
    this.#refusal = error;
    this.#waker?.wake();
  }

  #cannotTake(code: "ERR_BAD_HANDLE" | "ERR_OPERATION_BUSY", why: string): ReelError {
    return new ReelError(code, `Cannot take the lock of mutex "${this.#name}": ${why}`);
  }
}
