/**
 * Everything that one owner waits for: the waits without an outcome, and the outcomes that are to
 * be delivered in its next turn. A task is one such owner; the host code outside all tasks is the
 * other. Both lists run through the suspensions themselves.
 */
import type { Context } from "./future.ts";
import type { Suspension, SuspensionOwner } from "./suspension.ts";

export abstract class WaitSet implements SuspensionOwner {
  /** What the futures of this owner are polled with. Made when the first one is. */
  context: Context | undefined = undefined;
  /** How often this owner had its turn. A future is polled at most once in each. */
  turns = 0;
  #pendingHead: Suspension<unknown> | undefined = undefined;
  #pendingTail: Suspension<unknown> | undefined = undefined;
  #settledHead: Suspension<unknown> | undefined = undefined;
  #settledTail: Suspension<unknown> | undefined = undefined;
  /** Where a walk over the pending list goes on, kept right when waits leave under its feet. */
  #cursor: Suspension<unknown> | undefined = undefined;
  #notified = false;

  /** There is something to do in a turn: schedule one. Called any number of times before it. */
  protected abstract requestTurn(): void;
  /** Whether this owner has had its last turn. */
  abstract get finished(): boolean;

  /** Whether a wait without an outcome is left. */
  get hasPending(): boolean {
    return this.#pendingHead !== undefined;
  }

  /** Whether an outcome is on its way. */
  get hasSettled(): boolean {
    return this.#settledHead !== undefined;
  }

  /** Polls the owner's futures in its next turn. Without effect on a finished owner. */
  notify(): void {
    if (this.finished) return;
    this.#notified = true;
    this.requestTurn();
  }

  /** What is waited for now, oldest first, for reports. */
  waits(): string[] {
    const found: string[] = [];
    for (let wait = this.#pendingHead; wait !== undefined; wait = wait.ownerNext) {
      found.push(wait.describe());
    }
    return found;
  }

  /** The pending waits as they are now. Allocates: for the rare paths. */
  protected pendingWaits(): Suspension<unknown>[] {
    const found: Suspension<unknown>[] = [];
    for (let wait = this.#pendingHead; wait !== undefined; wait = wait.ownerNext) found.push(wait);
    return found;
  }

  /** The settled and undelivered waits as they are now. Allocates: for the rare paths. */
  protected settledWaits(): Suspension<unknown>[] {
    const found: Suspension<unknown>[] = [];
    for (let wait = this.#settledHead; wait !== undefined; wait = wait.ownerNext) found.push(wait);
    return found;
  }

  attach(suspension: Suspension<unknown>): void {
    suspension.ownerPrevious = this.#pendingTail;
    if (this.#pendingTail === undefined) this.#pendingHead = suspension;
    else this.#pendingTail.ownerNext = suspension;
    this.#pendingTail = suspension;
  }

  detach(suspension: Suspension<unknown>): void {
    const previous = suspension.ownerPrevious;
    const next = suspension.ownerNext;
    if (this.#cursor === suspension) this.#cursor = next;
    if (previous === undefined) this.#pendingHead = next;
    else previous.ownerNext = next;
    if (next === undefined) this.#pendingTail = previous;
    else next.ownerPrevious = previous;
    suspension.ownerPrevious = undefined;
    suspension.ownerNext = undefined;
  }

  settled(suspension: Suspension<unknown>): void {
    this.detach(suspension);
    if (this.finished) {
      // Left over from a task that is done. Its promise may have been given to somebody else.
      suspension.deliver();
      return;
    }
    if (this.#settledTail === undefined) this.#settledHead = suspension;
    else this.#settledTail.ownerNext = suspension;
    this.#settledTail = suspension;
    this.requestTurn();
  }

  /** Hands over all outcomes in the order in which they came, then polls the futures if asked. */
  protected takeTurn(): void {
    this.turns++;
    let wait = this.#settledHead;
    this.#settledHead = undefined;
    this.#settledTail = undefined;
    while (wait !== undefined) {
      const next: Suspension<unknown> | undefined = wait.ownerNext;
      wait.ownerNext = undefined;
      wait.deliver();
      wait = next;
    }
    if (this.#notified) this.#pollFutures();
  }

  #pollFutures(): void {
    this.#notified = false;
    this.#cursor = this.#pendingHead;
    while (this.#cursor !== undefined) {
      const wait: Suspension<unknown> = this.#cursor;
      this.#cursor = wait.ownerNext;
      wait.repoll();
    }
  }
}
