/**
 * A condition variable with keys. Whoever waits for a condition reads the key first, looks at the
 * condition, and then waits with that key: a notification in between ends the wait at once, so the
 * gap between looking and waiting cannot lose it, and no lock has to be held across the wait.
 */
import type { Executor } from "../task/executor.ts";
import { Suspension, type SuspensionOwner } from "../task/suspension.ts";
import { WaiterQueue } from "../task/waiter-queue.ts";

class ConditionWait extends Suspension<void> {
  /** Whether the wake was meant for one waiter: another has to have it if this one is gone. */
  single = false;
  readonly #condvar: Condvar;

  constructor(owner: SuspensionOwner, condvar: Condvar) {
    super(owner, "");
    this.#condvar = condvar;
  }

  override describe(): string {
    return `a notification of condition "${this.#condvar.name}"`;
  }

  protected override get canWithdraw(): boolean {
    return true;
  }

  protected override withdraw(): void {
    if (this.single) this.#condvar.passOn();
  }
}

export interface CondvarOptions {
  /** For messages and the deadlock report. */
  name?: string;
}

export class Condvar {
  readonly name: string;
  readonly #executor: Executor;
  readonly #waiters = new WaiterQueue<ConditionWait>();
  #notifications = 0;

  constructor(executor: Executor, options: CondvarOptions = {}) {
    this.#executor = executor;
    this.name = options.name ?? "condition";
  }

  /** How many wait. */
  get waiting(): number {
    return this.#waiters.size;
  }

  /** The moment from which on notifications count. Read it before looking at the condition. */
  key(): number {
    return this.#notifications;
  }

  /**
   * Waits for a notification since the key was read; without suspending if there was one. The
   * condition may be false again: look at it, with a new key, in a loop.
   * @param key of this condition variable
   * @throws {RangeError} when the key was not read from this condition variable
   * @throws {ReelError} ERR_CANCELLED when the task is cancelled; its wake goes to the next
   */
  wait(key: number): Promise<void> {
    if (!Number.isInteger(key) || key < 0 || key > this.#notifications) {
      throw new RangeError(
        `Cannot wait for condition "${this.name}": the key must come from its key(): found ${key}`,
      );
    }
    if (key !== this.#notifications) return Promise.resolve();
    const wait = new ConditionWait(this.#executor.owner, this);
    this.#waiters.push(wait);
    return wait.promise;
  }

  /** Wakes the one who waits longest. */
  notifyOne(): void {
    this.#notifications++;
    this.passOn();
  }

  /** Wakes all who wait. */
  notifyAll(): void {
    this.#notifications++;
    for (let next = this.#waiters.shift(); next !== undefined; next = this.#waiters.shift()) {
      next.wake();
    }
  }

  /** Gives a wake that was not used to the one who waits longest. Called by a cancelled wait. */
  passOn(): void {
    const next = this.#waiters.shift();
    if (next === undefined) return;
    next.single = true;
    next.wake();
  }
}
