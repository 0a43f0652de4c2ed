/**
 * Cancellation tokens: a request to stop that is carried from the one who makes it to any number of
 * those who heed it. Once cancelled, a token stays so. Tokens can be combined; a combination costs
 * nothing until somebody waits for it.
 */
import { ReelError } from "../errors.ts";
import type { Executor } from "./executor.ts";

/** The reading end: handed to whoever should stop. */
export interface CancellationToken {
  /** Whether stopping was asked for. Never goes back to false. */
  readonly cancelled: boolean;
  /**
   * Calls back once when the token is cancelled, in the order of the subscriptions; at once if it
   * is cancelled already.
   * @returns withdraws the subscription; without effect after the call
   */
  subscribe(listener: () => void): () => void;
}

const nothing = (): void => {};

/** The writing end, and a token itself. */
export class CancellationSource implements CancellationToken {
  #cancelled = false;
  readonly #listeners = new Set<{ readonly call: () => void }>();

  get cancelled(): boolean {
    return this.#cancelled;
  }

  /** How many subscriptions there are. */
  get listenerCount(): number {
    return this.#listeners.size;
  }

  /** Asks all holders of the token to stop. Asking again is no error. */
  cancel(): void {
    if (this.#cancelled) return;
    this.#cancelled = true;
    const listeners = [...this.#listeners];
    this.#listeners.clear();
    for (const listener of listeners) listener.call();
  }

  subscribe(listener: () => void): () => void {
    if (this.#cancelled) {
      listener();
      return nothing;
    }
    const entry = { call: listener };
    this.#listeners.add(entry);
    return () => void this.#listeners.delete(entry);
  }
}

/** A token that is cancelled as soon as one of these is. Of none, it never is. */
export function eitherCancelled(...tokens: readonly CancellationToken[]): CancellationToken {
  return new CombinedToken(tokens, (cancelledCount) => cancelledCount > 0);
}

/** A token that is cancelled when all of these are. Of none, it never is. */
export function allCancelled(...tokens: readonly CancellationToken[]): CancellationToken {
  const whole = Math.max(1, tokens.length);
  return new CombinedToken(tokens, (cancelledCount) => cancelledCount >= whole);
}

class CombinedToken implements CancellationToken {
  readonly #tokens: readonly CancellationToken[];
  readonly #holds: (cancelledCount: number) => boolean;

  constructor(tokens: readonly CancellationToken[], holds: (cancelledCount: number) => boolean) {
    this.#tokens = tokens;
    this.#holds = holds;
  }

  get cancelled(): boolean {
    let count = 0;
    for (const token of this.#tokens) if (token.cancelled) count++;
    return this.#holds(count);
  }

  subscribe(listener: () => void): () => void {
    const withdrawals: (() => void)[] = [];
    const withdraw = (): void => {
      for (const step of withdrawals.splice(0)) step();
    };
    let over = false;
    const check = (): void => {
      if (over || !this.cancelled) return;
      over = true;
      withdraw();
      listener();
    };
    for (const token of this.#tokens) {
      if (over) break;
      withdrawals.push(token.subscribe(check));
    }
    if (over) withdraw();
    return () => {
      over = true;
      withdraw();
    };
  }
}

/**
 * Waits until a token is cancelled; at once if it is. A cancelled wait leaves no subscription.
 * @throws {ReelError} ERR_CANCELLED when the waiting task is cancelled
 */
export function cancellationOf(executor: Executor, token: CancellationToken): Promise<void> {
  if (token.cancelled) return Promise.resolve();
  let withdraw = nothing;
  const wait = executor.suspend<void>("a cancellation token", (reason) => {
    withdraw();
    wait.fail(reason);
  });
  withdraw = token.subscribe(() => wait.wake());
  return wait.promise;
}

/**
 * For loops that heed a token between their steps.
 * @throws {ReelError} ERR_CANCELLED when the token is cancelled
 */
export function throwIfCancelled(token: CancellationToken): void {
  if (!token.cancelled) return;
  throw new ReelError("ERR_CANCELLED", "The cancellation token was cancelled");
}
