/**
 * One wait of a program: a promise that is settled only in its owner's turn. Whoever ends the wait
 * calls `wake` or `fail` at any time; the owner (a task, or the host code outside all tasks) hands
 * the outcome to the program when its turn comes, so that nothing of a program runs out of order.
 *
 * A suspension stands in its owner's list of waits from birth, and in at most one queue of waiters.
 * It leaves both the moment it is settled: no wake can reach it afterwards.
 */
import type { ReelError } from "../errors.ts";
import { QueueNode } from "./waiter-queue.ts";

/** Who waits. Implemented by the wait set of a task. */
export interface SuspensionOwner {
  /** A wait begins: list it. */
  attach(suspension: Suspension<unknown>): void;
  /** A wait is over without an outcome: unlist it. */
  detach(suspension: Suspension<unknown>): void;
  /** A wait has its outcome: unlist it, and deliver it in the owner's next turn. */
  settled(suspension: Suspension<unknown>): void;
}

const PENDING = 0;
const FULFILLED = 1;
const REJECTED = 2;
const DELIVERED = 3;

// One promise constructor callback for all, so that a wait does not allocate a closure of its own.
let capturedResolve: (value: never) => void;
let capturedReject: (error: unknown) => void;
const capture = (resolve: (value: never) => void, reject: (error: unknown) => void): void => {
  capturedResolve = resolve;
  capturedReject = reject;
};

const ignore = (): void => {};

/** Ends a wait early, when its task is cancelled. It has to see to it that the wait settles. */
export type CancelHook = (reason: ReelError) => void;

/** One wait. Made by `Executor.suspend`, or by a subclass that keeps more about its waiter. */
export class Suspension<T> extends QueueNode {
  /** Settled in the owner's turn, never from inside `wake` or `fail`. */
  readonly promise: Promise<T>;
  readonly owner: SuspensionOwner;
  /** Links of the owner's lists. Written by the owner alone. */
  ownerPrevious: Suspension<unknown> | undefined = undefined;
  ownerNext: Suspension<unknown> | undefined = undefined;
  readonly #resolve: (value: unknown) => void;
  readonly #reject: (error: unknown) => void;
  readonly #description: string | (() => string);
  readonly #cancel: CancelHook | undefined;
  #state = PENDING;
  #outcome: unknown = undefined;

  /**
   * @param owner who waits
   * @param description what is waited for, as a noun phrase ("a lock on mutex \"disk\"")
   * @param cancel called once when the owner is cancelled; absent: the wait fails at once
   */
  constructor(
    owner: SuspensionOwner,
    description: string | (() => string),
    cancel?: CancelHook | undefined,
  ) {
    super();
    this.promise = new Promise<T>(capture as never);
    this.#resolve = capturedResolve as (value: unknown) => void;
    this.#reject = capturedReject;
    this.#description = description;
    this.#cancel = cancel;
    this.owner = owner;
    owner.attach(this);
  }

  /** Whether neither `wake`, `fail` nor `dismiss` has reached it yet. */
  get pending(): boolean {
    return this.#state === PENDING;
  }

  /** What is waited for, as a noun phrase. */
  describe(): string {
    const description = this.#description;
    return typeof description === "string" ? description : description();
  }

  /**
   * Ends the wait with a value.
   * @returns false when the wait was over already: the value reaches nobody
   */
  wake(value: T): boolean {
    return this.#settle(FULFILLED, value);
  }

  /**
   * Ends the wait with an error.
   * @returns false when the wait was over already: the error reaches nobody
   */
  fail(error: unknown): boolean {
    return this.#settle(REJECTED, error);
  }

  /** Gives the wait up: its promise is never settled. Without effect on one that is settled. */
  dismiss(): void {
    if (this.#state !== PENDING) return;
    this.#state = DELIVERED;
    this.#leaveQueue();
    this.owner.detach(this);
  }

  /**
   * Ends a pending wait because its owner is cancelled. Called by the owner.
   * Subclasses override it when giving up takes more than leaving the queue.
   */
  cancel(reason: ReelError): void {
    // Nobody may be listening to a wait that was started and not awaited, and a cancellation is
    // no news to those who asked for it, so it must not count as an unhandled rejection.
    this.promise.then(undefined, ignore);
    if (this.#cancel === undefined) {
      this.fail(reason);
      return;
    }
    try {
      this.#cancel(reason);
    } catch (error) {
      // A hook that breaks must not leave its task waiting for ever.
      this.fail(error);
    }
  }

  /** Whether the outcome on its way can still be taken back, so that a cancellation replaces it. */
  get revocable(): boolean {
    return this.#state === FULFILLED && this.canWithdraw;
  }

  /** Replaces a revocable outcome by a cancellation. Called by the owner. */
  revoke(reason: ReelError): void {
    if (!this.revocable) return;
    const value = this.#outcome as T;
    this.promise.then(undefined, ignore);
    this.#state = REJECTED;
    this.#outcome = reason;
    this.withdraw(value);
  }

  /** Whether {@link withdraw} can undo a wake. By default it cannot, and the value is delivered. */
  protected get canWithdraw(): boolean {
    return false;
  }

  /** Takes back a value that its receiver will never see: passes it on to the next in line. */
  protected withdraw(_value: T): void {}

  /** The owner polls its futures in this turn. Only waits for a future take part. */
  repoll(): void {}

  /** Hands the outcome to the program. Called by the owner, in its turn. */
  deliver(): void {
    const outcome = this.#outcome;
    const state = this.#state;
    this.#state = DELIVERED;
    this.#outcome = undefined;
    if (state === FULFILLED) this.#resolve(outcome);
    else if (state === REJECTED) this.#reject(outcome);
  }

  /** Ends the wait and hands over the value at once. Only inside the owner's own turn. */
  protected deliverValue(value: T): void {
    this.dismiss();
    this.#resolve(value);
  }

  /** Ends the wait and hands over the error at once. Only inside the owner's own turn. */
  protected deliverError(error: unknown): void {
    this.dismiss();
    this.#reject(error);
  }

  #settle(state: number, outcome: unknown): boolean {
    if (this.#state !== PENDING) return false;
    this.#state = state;
    this.#outcome = outcome;
    this.#leaveQueue();
    this.owner.settled(this);
    return true;
  }

  #leaveQueue(): void {
    if (this.queue !== undefined) this.queue.remove(this);
  }
}
