/**
 * Ctrl-C: the first time whatever runs is asked to end, to clean up and to close its recording; the
 * second time the process ends at once.
 */
import { EXIT } from "./exit-codes.ts";
import { note } from "./output.ts";

const SIGNALS = ["SIGINT", "SIGTERM"] as const;

/**
 * Takes SIGINT and SIGTERM.
 * @param stop asks for the end
 * @returns gives the signals back to the system
 */
export function onInterrupt(stop: () => void): () => void {
  let asked = false;
  const take = (): void => {
    if (asked) process.exit(EXIT.interrupted);
    asked = true;
    note("interrupted: cancelling and closing; once more to stop at once");
    stop();
  };
  for (const signal of SIGNALS) process.on(signal, take);
  return () => {
    for (const signal of SIGNALS) process.off(signal, take);
  };
}
