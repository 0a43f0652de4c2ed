/** What a reporter of `ioreel run` hears: what happens while it does, and how it all came out. */
import type { RecordedTo } from "../record-target.ts";
import type { ScenarioEvent, ScenarioReport } from "../scenario/report.ts";
import type { ResolvedScenario } from "../scenario/resolved.ts";

/** What is known before the run begins. */
export interface RunStart {
  readonly scenario: ResolvedScenario;
  readonly backend: "uring" | "emulated";
  readonly clock: "virtual" | "paced" | "real";
  readonly seed: number;
  /** Backends that `auto` would have preferred, and why it could not have them. */
  readonly rejected: readonly { readonly name: string; readonly reason: string }[];
}

/** How a run came out. */
export interface RunEnd extends RunStart {
  readonly report: ScenarioReport;
  /** SHA-256 over all events of the session: equal for two runs in which the same happened. */
  readonly digest: string;
  readonly counters: Readonly<Record<string, number>>;
  /** Where the session was recorded. */
  readonly recording: RecordedTo | null;
}

export interface RunReporter {
  start(run: RunStart): void;
  event(event: ScenarioEvent): void;
  end(run: RunEnd): void;
}
