/**
 * A lock in somebody's hands: access to the value, the way to give it back, and the marks around a
 * mutation by which a cut-off one is noticed.
 */
import { isReelError, ReelError } from "../errors.ts";
import type { SuspensionOwner } from "../task/suspension.ts";

/** What a held lock needs of its mutex. */
export interface LockHome<T> {
  readonly name: string;
  /** The lock is free for the next. */
  released(lock: HeldLock<T>): void;
  /** A mutation was cut off: nobody may take the lock before the value is declared sound. */
  poisoned(reason: ReelError): void;
  /** Whether the task that runs now was asked to end, which explains a mutation without end. */
  readonly cancelling: boolean;
}

/** The lock, until it is released. `using lock = await mutex.lock()` releases it at scope's end. */
export class HeldLock<T> implements Disposable {
  /** Who has it, for reports. */
  readonly holder: SuspensionOwner;
  readonly #home: LockHome<T>;
  readonly #value: T;
  #mutation: Mutation<T> | undefined = undefined;
  #released = false;

  constructor(home: LockHome<T>, value: T, holder: SuspensionOwner) {
    this.#home = home;
    this.#value = value;
    this.holder = holder;
  }

  get released(): boolean {
    return this.#released;
  }

  /**
   * What the mutex protects.
   * @throws {ReelError} ERR_BAD_HANDLE when the lock was released
   */
  get value(): T {
    this.#refuseReleased("reach the value of");
    return this.#value;
  }

  /**
   * Hands the lock to the one who waits longest.
   * @throws {ReelError} ERR_BAD_HANDLE when it was released before
   * @throws {ReelError} ERR_OPERATION_BUSY inside a mutation
   */
  release(): void {
    this.#refuseReleased("release");
    if (this.#mutation !== undefined) {
      throw this.#busy("release", "Call exit() when the value is sound again, then release");
    }
    this.#release();
  }

  /**
   * Begins a change of the value. If it does not come to `exit`, because the task is cancelled or
   * throws, the mutex is poisoned.
   * @returns `using change = lock.enter(); ...; change.exit();`
   * @throws {ReelError} ERR_BAD_HANDLE when the lock was released
   * @throws {ReelError} ERR_OPERATION_BUSY inside a mutation
   */
  enter(): Mutation<T> {
    this.#refuseReleased("enter a mutation of");
    if (this.#mutation !== undefined) {
      throw this.#busy("enter a mutation of", "Call exit() on the mutation that is open");
    }
    this.#mutation = new Mutation<T>(this.#value, this.#endMutation);
    return this.#mutation;
  }

  /**
   * Changes the value as one mutation.
   * @param change may wait; if it throws, the mutex is poisoned and the error goes on
   * @returns what `change` returns
   */
  async mutate<R>(change: (value: T) => R | Promise<R>): Promise<R> {
    const mutation = this.enter();
    try {
      const result = await change(this.#value);
      mutation.exit();
      return result;
    } catch (error) {
      if (mutation.open) this.#endMutation(false, error);
      throw error;
    }
  }

  /** Releases the lock if that was not done; poisons the mutex if a mutation is open. */
  [Symbol.dispose](): void {
    if (this.#released) return;
    this.#mutation?.[Symbol.dispose]();
    this.#release();
  }

  #release(): void {
    this.#released = true;
    this.#home.released(this);
  }

  readonly #endMutation = (whole: boolean, cause?: unknown): void => {
    this.#mutation = undefined;
    if (!whole) this.#home.poisoned(this.#poisonOf(cause));
  };

  #poisonOf(cause: unknown): ReelError {
    const mend = "Make the value sound again, then call clearPoison() on the mutex";
    const cancelled =
      cause === undefined ? this.#home.cancelling : isReelError(cause, "ERR_CANCELLED");
    return cancelled
      ? new ReelError(
          "ERR_MUTATION_CANCELLED",
          `Cannot lock mutex "${this.#home.name}": a task was cancelled while it changed the value`,
          { mend, cause },
        )
      : new ReelError(
          "ERR_LOCK_POISONED",
          `Cannot lock mutex "${this.#home.name}": a change of the value did not come to its end`,
          { mend, cause },
        );
  }

  #busy(action: string, mend: string): ReelError {
    const message = `Cannot ${action} mutex "${this.#home.name}": a mutation is open`;
    return new ReelError("ERR_OPERATION_BUSY", message, { mend });
  }

  #refuseReleased(action: string): void {
    if (!this.#released) return;
    const message = `Cannot ${action} mutex "${this.#home.name}": the lock was released before`;
    throw new ReelError("ERR_BAD_HANDLE", message);
  }
}

/** A change of a protected value, from `enter` to `exit`. */
export class Mutation<T> implements Disposable {
  /** What is being changed. */
  readonly value: T;
  readonly #end: (whole: boolean) => void;
  #open = true;

  constructor(value: T, end: (whole: boolean) => void) {
    this.value = value;
    this.#end = end;
  }

  /** Whether neither `exit` nor the end of the scope has closed it. */
  get open(): boolean {
    return this.#open;
  }

  /**
   * The value is sound: the mutation is complete.
   * @throws {ReelError} ERR_BAD_HANDLE when it was closed before
   */
  exit(): void {
    if (!this.#open) {
      throw new ReelError("ERR_BAD_HANDLE", "Cannot exit a mutation: it was closed before");
    }
    this.#open = false;
    this.#end(true);
  }

  /** Poisons the mutex, unless `exit` was reached. */
  [Symbol.dispose](): void {
    if (!this.#open) return;
    this.#open = false;
    this.#end(false);
  }
}
