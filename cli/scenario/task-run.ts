/** One run of a task: what it has moved so far, and how it ended. */
import { ReelError, isReelError } from "../../core/errors.ts";
import type { OpenEnd } from "../../core/runtime/open-end.ts";
import type { JoinHandle } from "../../core/task/join-handle.ts";
import type { EndOfTask } from "./end-of-task.ts";
import type { ReportedError, TaskOutcome, TaskReport } from "./report.ts";
import type { ResolvedStep } from "./resolved.ts";
import { RunningDigest } from "./running-digest.ts";

/** A connection that a step has opened, as all tasks see it that may use it. */
export interface ScenarioConnection {
  readonly name: string;
  readonly end: OpenEnd;
  closed: boolean;
}

export class TaskRun {
  /** Unique in the run: "worker", "worker#2". */
  readonly name: string;
  readonly steps: readonly ResolvedStep[];
  readonly startNs: number;
  readonly end: EndOfTask;
  readonly read = new RunningDigest();
  readonly written = new RunningDigest();
  /** Set right after the task was spawned, before its first turn. */
  handle: JoinHandle<void> | undefined = undefined;
  outcome: TaskOutcome | undefined = undefined;
  error: ReelError | undefined = undefined;
  /** How many of its steps used random bytes: each has a generator of its own. */
  randomSteps = 0;
  stepsRun = 0;
  /** Connections that it can use, by name: its own, and those of the task that started it. */
  readonly #connections: Map<string, ScenarioConnection>;
  /** Connections that it has opened and that are closed with it, by name. */
  readonly #owned = new Map<string, ScenarioConnection>();
  #endNs: number;

  /** @param parent the task that starts it, if one does */
  constructor(
    name: string,
    steps: readonly ResolvedStep[],
    startNs: number,
    end: EndOfTask,
    parent: TaskRun | undefined,
  ) {
    this.name = name;
    this.#connections = new Map(parent === undefined ? [] : parent.#connections);
    this.steps = steps;
    this.startNs = startNs;
    this.end = end;
    this.#endNs = startNs;
  }

  connection(name: string): ScenarioConnection | undefined {
    return this.#connections.get(name);
  }

  /** @throws {ReelError} ERR_OPERATION_BUSY when it has an open connection of that name */
  requireFreeName(name: string): void {
    if (this.#owned.get(name)?.closed !== false) return;
    throw new ReelError("ERR_OPERATION_BUSY", `Cannot open "${name}": it is open already`, {
      mend: "Close it first, or give the second one another name",
    });
  }

  /** A connection was opened: it is closed with the task at the latest. */
  own(name: string, end: OpenEnd): void {
    const connection = { name, end, closed: false };
    this.#connections.set(name, connection);
    this.#owned.set(name, connection);
  }

  /** Closes what the task has opened and nobody has closed yet. */
  async closeConnections(): Promise<void> {
    for (const connection of [...this.#owned.values()].toReversed()) {
      connection.closed = true;
      await connection.end.close();
    }
  }

  /**
   * Where a task that has been asked to end does so, between two operations: one whose operations
   * are all done the moment they begin has no wait that could be cut short.
   * @throws {ReelError} ERR_CANCELLED
   */
  checkpoint(): void {
    if (this.handle?.task.cancelRequested !== true) return;
    throw new ReelError("ERR_CANCELLED", `Task "${this.name}" was cancelled`);
  }

  /** The task is over. The second time does nothing. */
  finish(outcome: TaskOutcome, timeNs: number, error?: ReelError): void {
    if (this.outcome !== undefined) return;
    this.outcome = outcome;
    this.error = error;
    this.#endNs = timeNs;
    this.end.reach();
  }

  report(): TaskReport {
    const read = this.read.summary();
    const written = this.written.summary();
    return {
      name: this.name,
      outcome: this.outcome ?? "cancelled",
      error: this.error === undefined ? null : reportError(this.error),
      startNs: this.startNs,
      endNs: this.#endNs,
      bytesRead: read.sizeBytes,
      bytesWritten: written.sizeBytes,
      checksumRead: read.sizeBytes === 0 ? null : read.checksum,
      checksumWritten: written.sizeBytes === 0 ? null : written.checksum,
    };
  }
}

export function reportError(error: unknown): ReportedError {
  if (isReelError(error)) {
    return { code: error.code, message: error.message, mend: error.mend ?? null };
  }
  const message = error instanceof Error ? error.message : String(error);
  return { code: "ERR_INTERNAL", message, mend: null };
}
