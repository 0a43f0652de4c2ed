/**
 * Whose code runs: that of a strict runtime's guests (its tasks, providers and plugins), or that of
 * the host. JavaScript runs one thing at a time and a task runs to its rest in one go, so a single
 * variable, set and put back around each stretch of guest code, knows exactly.
 */
import type { Facts } from "../session/facts.ts";

/** A strict runtime, as what it traps sees it. */
export interface Guest {
  /** Where facts of the host are recorded or come from; absent: they are trapped as well. */
  readonly facts: Facts | undefined;
  /** Whose turn it is, for errors: `task "main"`; undefined outside all tasks. */
  who(): string | undefined;
}

let current: Guest | undefined;

/** The runtime whose guest code runs, undefined while the host's does. */
export function currentGuest(): Guest | undefined {
  return current;
}

/** Guest code begins. @returns whose ran before, for {@link leaveGuest} */
export function enterGuest(guest: Guest | undefined): Guest | undefined {
  const outer = current;
  current = guest;
  return outer;
}

/** Guest code is over. @param outer what {@link enterGuest} gave */
export function leaveGuest(outer: Guest | undefined): void {
  current = outer;
}

/**
 * Runs a function as guest code, or with `undefined` as the host's.
 * @throws what it throws
 */
export function runAs<T>(guest: Guest | undefined, body: () => T): T {
  const outer = enterGuest(guest);
  try {
    return body();
  } finally {
    leaveGuest(outer);
  }
}
