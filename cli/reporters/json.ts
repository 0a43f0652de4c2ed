/** `ioreel run --json`: one document on stdout when the run is over. */
import { json } from "../output.ts";
import type { RunReporter } from "./reporter.ts";

export function jsonReporter(): RunReporter {
  return {
    start() {},
    event() {},
    end({ backend, counters, digest, recording, report, seed }) {
      json("run/v1", {
        scenario: report.scenario,
        backend,
        seed,
        digest,
        outcome: report.outcome,
        holds: report.holds,
        durationNs: report.durationNs,
        error: report.error,
        tasks: report.tasks,
        expectations: report.expectations,
        counters,
        recording,
      });
    },
  };
}
