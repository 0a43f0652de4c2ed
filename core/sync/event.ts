/**
 * An event: a flag that can be waited for. A trigger that comes before the wait is not lost. An
 * auto-reset event lets one waiter through for each trigger; a manual-reset event lets all through
 * until it is reset. (Not named Event, which is a global of the platform.)
 */
import type { Executor } from "../task/executor.ts";
import { Suspension, type SuspensionOwner } from "../task/suspension.ts";
import { WaiterQueue } from "../task/waiter-queue.ts";

class EventWait extends Suspension<void> {
  readonly #event: AsyncEvent;

  constructor(owner: SuspensionOwner, event: AsyncEvent) {
    super(owner, "");
    this.#event = event;
  }

  override describe(): string {
    return `the event "${this.#event.name}"`;
  }

  protected override get canWithdraw(): boolean {
    return true;
  }

  /** The trigger reached a waiter that is gone: it is still there for the next. */
  protected override withdraw(): void {
    if (this.#event.reset === "auto") this.#event.trigger();
  }
}

export interface AsyncEventOptions {
  /** For messages and the deadlock report. */
  name?: string;
  /** "auto" (the default): a wait uses the trigger up. "manual": it stays until `clear`. */
  reset?: "auto" | "manual";
}

export class AsyncEvent {
  readonly name: string;
  readonly reset: "auto" | "manual";
  readonly #executor: Executor;
  readonly #waiters = new WaiterQueue<EventWait>();
  #triggered = false;

  constructor(executor: Executor, options: AsyncEventOptions = {}) {
    this.#executor = executor;
    this.name = options.name ?? "event";
    this.reset = options.reset ?? "auto";
  }

  /** Whether a wait would go through at once. */
  get triggered(): boolean {
    return this.#triggered;
  }

  /** How many wait. */
  get waiting(): number {
    return this.#waiters.size;
  }

  /**
   * Triggers the event. Auto-reset: lets the one through who waits longest, or the next who comes;
   * several triggers that nobody waits for are one. Manual-reset: lets everybody through.
   */
  trigger(): void {
    if (this.reset === "manual") {
      this.#triggered = true;
      for (let next = this.#waiters.shift(); next !== undefined; next = this.#waiters.shift()) {
        next.wake();
      }
      return;
    }
    const next = this.#waiters.shift();
    if (next === undefined) this.#triggered = true;
    else next.wake();
  }

  /** Takes back a trigger that nobody has used. */
  clear(): void {
    this.#triggered = false;
  }

  /**
   * Waits for a trigger; without suspending if there is one.
   * @throws {ReelError} ERR_CANCELLED when the task is cancelled; the trigger goes to the next
   */
  wait(): Promise<void> {
    if (this.#triggered) {
      if (this.reset === "auto") this.#triggered = false;
      return Promise.resolve();
    }
    const wait = new EventWait(this.#executor.owner, this);
    this.#waiters.push(wait);
    return wait.promise;
  }
}
