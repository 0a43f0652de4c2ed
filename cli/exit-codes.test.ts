/** Tests of the exit codes, which scripts rely on. */
import { expect, test } from "bun:test";
import { REEL_ERROR_NUMBERS, ReelError, type ReelErrorCode } from "../core/errors.ts";
import { EXIT, EXIT_MEANINGS, exitCodeOf } from "./exit-codes.ts";

const EXPECTED: Partial<Record<ReelErrorCode, number>> = {
  ERR_USAGE: 2,
  ERR_SCENARIO_INVALID: 3,
  ERR_EXPECTATION: 4,
  ERR_DEADLOCK: 4,
  ERR_NONDETERMINISM: 4,
  ERR_DIVERGED: 5,
  ERR_BACKEND_UNAVAILABLE: 6,
  ERR_CORRUPT_RECORDING: 7,
  ERR_INCOMPATIBLE_RECORDING: 7,
  ERR_STATE_CORRUPT: 7,
  ERR_STATE_VERSION: 7,
  ERR_INTERRUPTED: 130,
};

test("exitCodeOf() gives each code of ioreel's its exit code, and 1 to the rest", () => {
  for (const code of Object.keys(REEL_ERROR_NUMBERS) as ReelErrorCode[]) {
    const found: number = exitCodeOf(new ReelError(code, "m"));
    expect(`${code} ${found}`).toBe(`${code} ${EXPECTED[code] ?? 1}`);
  }
});

test("exitCodeOf() calls everything that is no ReelError internal", () => {
  const others = [new Error("m"), new TypeError("m"), "text", undefined, { code: "ERR_USAGE" }];
  for (const error of others) expect(exitCodeOf(error)).toBe(EXIT.internal);
  expect(exitCodeOf(new ReelError("EPIPE", "m"))).toBe(EXIT.internal);
});

test("EXIT_MEANINGS explains every exit code once, in order", () => {
  const numbers = EXIT_MEANINGS.map(([code]) => code);
  expect(numbers).toEqual(Object.values(EXIT));
  expect(numbers.toSorted((a, b) => a - b)).toEqual(numbers);
});
