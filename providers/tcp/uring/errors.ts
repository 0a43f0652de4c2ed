/** Turns the errors of host calls into the numbers with which layers fail. */
import { ERRNO, REEL_ERROR_NUMBERS } from "../../../core/provider/index.ts";

const NUMBERS: ReadonlyMap<string, number> = new Map([
  ...Object.entries(ERRNO),
  ...Object.entries(REEL_ERROR_NUMBERS),
]);

/**
 * The positive error number of what a host call threw.
 * @throws the error itself when it is no failure of the host's
 */
export function errorNumber(error: unknown): number {
  const code = (error as { code?: unknown } | undefined)?.code;
  if (typeof code !== "string") throw error;
  const number = NUMBERS.get(code) ?? Number(code.slice(1));
  if (!(number > 0)) throw error;
  return number;
}
