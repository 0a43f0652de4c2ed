/**
 * A counting semaphore: so many permits and no more. Whoever asks is served first in, first out,
 * also when somebody behind needs fewer permits: a large request is not starved by small ones.
 */
import { ReelError } from "../errors.ts";
import type { Executor } from "../task/executor.ts";
import { Suspension, type SuspensionOwner } from "../task/suspension.ts";
import { WaiterQueue } from "../task/waiter-queue.ts";

class PermitWait extends Suspension<Permit> {
  readonly count: number;
  readonly #semaphore: Semaphore;

  constructor(owner: SuspensionOwner, semaphore: Semaphore, count: number) {
    super(owner, "");
    this.#semaphore = semaphore;
    this.count = count;
  }

  override describe(): string {
    return `${this.count} permits of semaphore "${this.#semaphore.name}"`;
  }

  /** When a large request leaves the head of the line, those behind may be servable. */
  override cancel(reason: ReelError): void {
    super.cancel(reason);
    this.#semaphore.returned(0);
  }

  protected override get canWithdraw(): boolean {
    return true;
  }

  protected override withdraw(permit: Permit): void {
    permit.release();
  }
}

/** Permits in somebody's hands. `using permit = await semaphore.acquire()` returns them. */
export class Permit implements Disposable {
  readonly count: number;
  readonly #semaphore: Semaphore;
  #released = false;

  constructor(semaphore: Semaphore, count: number) {
    this.#semaphore = semaphore;
    this.count = count;
  }

  /**
   * Returns the permits.
   * @throws {ReelError} ERR_BAD_HANDLE when they were returned before
   */
  release(): void {
    if (this.#released) {
      throw new ReelError(
        "ERR_BAD_HANDLE",
        `Cannot release permits of semaphore "${this.#semaphore.name}": they were returned before`,
      );
    }
    this.#released = true;
    this.#semaphore.returned(this.count);
  }

  [Symbol.dispose](): void {
    if (!this.#released) this.release();
  }
}

export interface SemaphoreOptions {
  /** For messages and the deadlock report. */
  name?: string;
  /** How many permits there are: 1 to 2³¹ − 1. */
  permits: number;
}

export class Semaphore {
  readonly name: string;
  /** How many permits there are in all. */
  readonly permits: number;
  readonly #executor: Executor;
  readonly #waiters = new WaiterQueue<PermitWait>();
  #available: number;

  /** @throws {RangeError} when `permits` is out of range */
  constructor(executor: Executor, options: SemaphoreOptions) {
    const { permits } = options;
    if (!Number.isInteger(permits) || permits < 1 || permits > 0x7fffffff) {
      throw new RangeError(
        `Cannot make a semaphore: permits must be 1 to 2147483647: found ${permits}`,
      );
    }
    this.#executor = executor;
    this.name = options.name ?? "semaphore";
    this.permits = permits;
    this.#available = permits;
  }

  /** How many permits nobody holds. */
  get available(): number {
    return this.#available;
  }

  /** How many requests stand in line. */
  get waiting(): number {
    return this.#waiters.size;
  }

  /**
   * Takes permits, after all who asked before; without suspending if there are enough.
   * @param count how many, all at once
   * @throws {RangeError} when `count` is not 1 to the number of permits
   * @throws {ReelError} ERR_CANCELLED when the task is cancelled; the permits go to the next
   */
  acquire(count = 1): Promise<Permit> {
    const permit = this.tryAcquire(count);
    if (permit !== undefined) return Promise.resolve(permit);
    const wait = new PermitWait(this.#executor.owner, this, count);
    this.#waiters.push(wait);
    return wait.promise;
  }

  /**
   * Takes permits if there are enough and nobody stands in line for them.
   * @throws {RangeError} when `count` is not 1 to the number of permits
   */
  tryAcquire(count = 1): Permit | undefined {
    if (!Number.isInteger(count) || count < 1 || count > this.permits) {
      throw new RangeError(
        `Cannot acquire permits of semaphore "${this.name}": ` +
          `count must be 1 to ${this.permits}: found ${count}`,
      );
    }
    if (this.#waiters.size > 0 || count > this.#available) return undefined;
    this.#available -= count;
    return new Permit(this, count);
  }

  /** Permits come back. Called by the permit, and with 0 when the line has become shorter. */
  returned(count: number): void {
    this.#available += count;
    for (let next = this.#waiters.first; next !== undefined; next = this.#waiters.first) {
      if (next.count > this.#available) return;
      this.#available -= next.count;
      next.wake(new Permit(this, next.count));
    }
  }
}
