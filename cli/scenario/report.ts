/** What comes out of running a scenario, as data: the same for people, programs and tests. */

export type TaskOutcome = "completed" | "failed" | "cancelled";

/** An error as data. */
export interface ReportedError {
  readonly code: string;
  readonly message: string;
  readonly mend: string | null;
}

export interface TaskReport {
  readonly name: string;
  readonly outcome: TaskOutcome;
  readonly error: ReportedError | null;
  /** By the session's clock; the end of a task that never had a turn is its start. */
  readonly startNs: number;
  readonly endNs: number;
  /** Bytes of the transfers that its steps completed, and of those that failed half way. */
  readonly bytesRead: number;
  readonly bytesWritten: number;
  /** SHA-256 in hex over everything that it read or wrote, in order; null for nothing. */
  readonly checksumRead: string | null;
  readonly checksumWritten: string | null;
}

/** What a device has done, as its driver counts. */
export interface DeviceReport {
  readonly name: string;
  readonly kind: string;
  /** Units are at the end of the names: `readBytes`, `busyNs`. */
  readonly statistics: Readonly<Record<string, number>>;
}

export interface ExpectationReport {
  /** What was expected, as a sentence. */
  readonly text: string;
  readonly holds: boolean;
  readonly found: string;
  readonly wanted: string;
}

/**
 * - `completed`: every task came to its end, or failed where the scenario says it should
 * - `failed`: a task failed that should not have; the others were cancelled
 * - `deadlock`: nothing could happen any more; all tasks were cancelled
 * - `interrupted`: from outside; all tasks were cancelled, and nothing was expected any more
 */
export type RunOutcome = "completed" | "failed" | "deadlock" | "interrupted";

export interface ScenarioReport {
  readonly scenario: string;
  readonly outcome: RunOutcome;
  /** What ended the run, unless it completed. */
  readonly error: ReportedError | null;
  /** By the session's clock, from opening the first device to having closed the last. */
  readonly durationNs: number;
  readonly tasks: readonly TaskReport[];
  /** Devices whose drivers count what they do. */
  readonly devices: readonly DeviceReport[];
  readonly expectations: readonly ExpectationReport[];
  /** Whether all of them hold; false for a run that was interrupted. */
  readonly holds: boolean;
}

/** Something that happened, for a timeline. */
export interface ScenarioEvent {
  /** When it was over, by the session's clock. */
  readonly timeNs: number;
  /** When it began; the same for what takes no time. */
  readonly startNs: number;
  /** Name of the task; empty for what happens outside of all. */
  readonly task: string;
  readonly kind: "open" | "start" | "step" | "mark" | "end" | "fail";
  /** One line, past tense: "wrote 12 KiB to link.writer in 3 operations". */
  readonly text: string;
}
