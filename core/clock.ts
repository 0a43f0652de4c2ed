/**
 * The one place that asks the host what time it is or waits for it. Everything else takes a clock
 * as a parameter, so that a recording can stand in for it.
 */

// Taken before a strict runtime replaces them: what the clock reads is the runtime's own business.
// A peer of the benchmarks has this file on Node, where nobody asks for nanoseconds.
const nanoseconds = typeof Bun === "undefined" ? (): number => Number.NaN : Bun.nanoseconds;
const { now } = Date;
const { clearTimeout, setImmediate, setTimeout } = globalThis;

/** One millisecond, in the nanoseconds that ioreel counts in. */
export const NS_PER_MS = 1_000_000;
export const NS_PER_SECOND = 1_000_000_000;

/** A duration of so many microseconds, in nanoseconds. */
export const us = (count: number): number => count * 1000;
/** A duration of so many milliseconds, in nanoseconds. */
export const ms = (count: number): number => count * NS_PER_MS;
/** A duration of so many seconds, in nanoseconds. */
export const seconds = (count: number): number => count * NS_PER_SECOND;

/** Nanoseconds of a clock that never goes back; the zero is arbitrary. */
export function hostMonotonicNs(): number {
  return nanoseconds();
}

/** Milliseconds since 1970 by the host's wall clock. */
export function hostWallMs(): number {
  return now();
}

/**
 * Calls back once after a host delay.
 * @param delayMs milliseconds, at least 0
 * @returns a function that withdraws the call
 */
export function hostAfter(delayMs: number, fire: () => void): () => void {
  const timer = setTimeout(fire, delayMs);
  return () => clearTimeout(timer);
}

/** Calls back on the next turn of the host's event loop, after its pending I/O. */
export function hostSoon(fire: () => void): void {
  setImmediate(fire);
}

/** Holds the thread up, where nothing else may go on meanwhile. */
export function hostPause(durationMs: number): void {
  Bun.sleepSync(durationMs);
}
