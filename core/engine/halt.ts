/** The end of a run that cannot go on. */
import { isReelError } from "../errors.ts";
import type { EngineState } from "./state.ts";

/**
 * The run cannot go on. Whatever is under way is brought to an orderly end first: the next turn of
 * the engine throws the error.
 */
export function halt(e: EngineState, error: unknown): void {
  e.halted ??= error;
}

/** Errors that are the session's and not the layer's in which they came up. */
const SESSION_ERRORS = ["ERR_DIVERGED", "ERR_CORRUPT_RECORDING", "ERR_NONDETERMINISM"] as const;

/** Whether an error is one of {@link SESSION_ERRORS}. */
export function endsTheRun(error: unknown): boolean {
  return SESSION_ERRORS.some((code) => isReelError(error, code));
}
