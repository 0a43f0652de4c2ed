/** Replays the recording of one thread of a pool: the same jobs begin at the same places. */
import { ReelError } from "../errors.ts";
import type { Runtime } from "../runtime/runtime.ts";
import type { SessionSummary } from "../runtime/session.ts";
import type { Recording } from "../session/recording.ts";
import { unpackError } from "./carried-error.ts";
import type { FromThread, Job, Outcome } from "./messages.ts";
import { recordedJobs } from "./recorded-jobs.ts";
import { ThreadJobs } from "./thread-jobs.ts";
import { loadSoon } from "./thread-load.ts";

/** A task of the recorded pool, as it ended this time. */
export interface ReplayedTask {
  readonly id: number;
  readonly exportName: string;
  /** Undefined for one that did not end. */
  readonly status: Outcome["status"] | undefined;
  readonly value: unknown;
  readonly error: unknown;
}

/** How the replay of a thread came out. */
export interface ReplayedThread {
  /** In the order in which they had begun. */
  readonly tasks: readonly ReplayedTask[];
  /** Whether it was identical, and if not, where it first differed. */
  readonly session: SessionSummary;
}

/**
 * Runs the tasks of a recorded thread again; use the `Runtime.replayThread` of the package's face.
 * @param io a runtime that replays the recording; it is closed at the end
 * @throws {ReelError} ERR_UNSUPPORTED for a task whose arguments were not kept;
 *   ERR_INCOMPATIBLE_RECORDING for a recording of something else
 */
export async function replayThread(io: Runtime, recording: Recording): Promise<ReplayedThread> {
  const ended = new Map<number, Outcome>();
  let found: readonly Job[];
  try {
    found = jobsOf(recording);
    const send = (message: FromThread): void => {
      if (message.kind === "ended") ended.set(message.id, message.outcome);
    };
    const jobs = new ThreadJobs(io, loadSoon, send, { marks: true });
    await Promise.all(found.map((job) => jobs.expect(job)));
    // The first difference halts the run; what it was is in the session's summary.
    await io.run(() => jobs.untilClosed(), { name: "pool", tasks: "cancel" }).catch(() => {});
  } finally {
    await io.close();
  }
  const tasks = found.map(({ id, exportName }) => replayed(id, exportName, ended.get(id)));
  return { tasks, session: io.session! };
}

function jobsOf(recording: Recording): readonly Job[] {
  const found = recordedJobs(recording);
  if (found.length > 0) return found;
  throw new ReelError(
    "ERR_INCOMPATIBLE_RECORDING",
    `Cannot replay ${recording.info.path} as a thread of a pool: it tells of no task of one`,
    { mend: "Give a file that was recorded with recordDir of a pool" },
  );
}

function replayed(id: number, exportName: string, outcome: Outcome | undefined): ReplayedTask {
  const status = outcome?.status;
  const value = outcome?.status === "completed" ? outcome.value : undefined;
  const error =
    outcome === undefined || outcome.status === "completed"
      ? undefined
      : unpackError(outcome.error);
  return { id, exportName, status, value, error };
}
