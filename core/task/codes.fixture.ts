/** For tests that only ask which error there was: its code, or its text if it has none. */
import { isReelError } from "../errors.ts";

function nameOf(error: unknown): string {
  return isReelError(error) ? error.code : String(error);
}

/** How a promise ends: "fulfilled", or the code of its error. */
export function codeOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(() => "fulfilled", nameOf);
}

/** What a function throws: the code of its error, or "nothing thrown". */
export function codeOfThrow(act: () => unknown): string {
  try {
    act();
    return "nothing thrown";
  } catch (error) {
    return nameOf(error);
  }
}
