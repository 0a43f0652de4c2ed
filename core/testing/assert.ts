/** Assertions of the contract suite, free of any test runner. */
import { isDeepStrictEqual } from "node:util";
import { ReelError, type ErrorCode } from "../errors.ts";

/** @throws {Error} unless both are deeply equal */
export function equal(found: unknown, wanted: unknown, what: string): void {
  if (isDeepStrictEqual(found, wanted)) return;
  throw new Error(`${what}: found ${Bun.inspect(found)}, wanted ${Bun.inspect(wanted)}`);
}

/** @throws {Error} unless it holds */
export function holds(condition: boolean, what: string): void {
  if (!condition) throw new Error(`Does not hold: ${what}`);
}

/**
 * Waits for a rejection with a code.
 * @throws {Error} when it does not reject, or with something else
 */
export async function rejects(promise: Promise<unknown>, code: ErrorCode): Promise<ReelError> {
  const outcome = await promise.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
  if ("error" in outcome && outcome.error instanceof ReelError && outcome.error.code === code) {
    return outcome.error;
  }
  const found = "error" in outcome ? String(outcome.error) : `value ${Bun.inspect(outcome.value)}`;
  throw new Error(`Wanted a rejection with ${code}: found ${found}`);
}

/** @throws {Error} unless calling throws a {@link ReelError} with the code */
export function throwsCode(action: () => unknown, code: ErrorCode): void {
  try {
    action();
  } catch (error) {
    if (error instanceof ReelError && error.code === code) return;
    throw new Error(`Wanted ${code}: found ${String(error)}`, { cause: error });
  }
  throw new Error(`Wanted ${code}: nothing was thrown`);
}
