/** How a run ends for the shell: what went wrong is told on stderr, and becomes an exit code. */
import { ReelError } from "../../core/errors.ts";
import { EXIT } from "../exit-codes.ts";
import { tellFailure } from "../failure.ts";
import type { RunEnd } from "../reporters/reporter.ts";
import { plural } from "../scenario/units.ts";

/** Says what went wrong, if anything did. @returns the exit code */
export function conclude({ report }: RunEnd, again: string): number {
  const { error, expectations, holds, outcome, scenario } = report;
  if (outcome === "interrupted") {
    tellFailure(new ReelError("ERR_INTERRUPTED", `The run of ${scenario} was interrupted`), again);
    return EXIT.interrupted;
  }
  if (holds) return EXIT.ok;
  if (error !== null && outcome !== "completed") {
    const options = error.mend === null ? {} : { mend: error.mend };
    tellFailure(new ReelError(error.code as "EIO", error.message, options), again);
  } else {
    const broken = expectations.filter((expectation) => !expectation.holds);
    const count = `${broken.length} of ${plural(expectations.length, "expectation")}`;
    const verb = broken.length === 1 ? "does" : "do";
    const message = `${count} of ${scenario} ${verb} not hold: ${broken[0]!.text}`;
    tellFailure(new ReelError("ERR_EXPECTATION", message), again);
  }
  return EXIT.expectation;
}
