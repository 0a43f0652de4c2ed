/**
 * The exit codes of the command line, and which of them a failure comes to. Scripts rely on them:
 * they do not change within a major version.
 */
import { isReelError, type ErrorCode } from "../core/errors.ts";

export const EXIT = {
  /** Everything went well and every expectation holds. */
  ok: 0,
  /** Something failed that is nobody's mistake but ioreel's, a provider's or the host's. */
  internal: 1,
  /** Unknown command, unknown flag, wrong value of one. */
  usage: 2,
  /** The scenario cannot be used. Nothing was started. */
  scenario: 3,
  /** The scenario ran, and not as it says it should. */
  expectation: 4,
  /** The replay came to something else than the recording holds. */
  diverged: 5,
  /** The backend that was asked for cannot be had here. */
  backend: 6,
  /** The recording is corrupt, or made by something that this release does not understand. */
  recording: 7,
  /** Ctrl-C, by the shells' convention for SIGINT. */
  interrupted: 130,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** What each code means, in the order of the numbers, for `--help` and the documentation. */
export const EXIT_MEANINGS: readonly (readonly [ExitCode, string])[] = [
  [EXIT.ok, "ok"],
  [EXIT.internal, "internal failure"],
  [EXIT.usage, "usage: unknown command, flag or value"],
  [EXIT.scenario, "invalid scenario"],
  [EXIT.expectation, "an expectation of the scenario does not hold"],
  [EXIT.diverged, "the replay diverged from the recording"],
  [EXIT.backend, "the backend is not available"],
  [EXIT.recording, "corrupt or incompatible recording"],
  [EXIT.interrupted, "interrupted"],
];

const BY_CODE = new Map<ErrorCode, ExitCode>([
  ["ERR_USAGE", EXIT.usage],
  ["ERR_SCENARIO_INVALID", EXIT.scenario],
  ["ERR_EXPECTATION", EXIT.expectation],
  ["ERR_DEADLOCK", EXIT.expectation],
  ["ERR_NONDETERMINISM", EXIT.expectation],
  ["ERR_DIVERGED", EXIT.diverged],
  ["ERR_BACKEND_UNAVAILABLE", EXIT.backend],
  ["ERR_CORRUPT_RECORDING", EXIT.recording],
  ["ERR_INCOMPATIBLE_RECORDING", EXIT.recording],
  ["ERR_STATE_CORRUPT", EXIT.recording],
  ["ERR_STATE_VERSION", EXIT.recording],
  ["ERR_INTERRUPTED", EXIT.interrupted],
]);

/** The exit code of a failure. Anything that is not a known {@link ErrorCode} is internal. */
export function exitCodeOf(error: unknown): ExitCode {
  if (!isReelError(error)) return EXIT.internal;
  return BY_CODE.get(error.code) ?? EXIT.internal;
}
