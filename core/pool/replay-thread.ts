/** Replays the recording of one thread of a pool: the same jobs begin at the same places. */
import { ReelError } from "../errors.ts";
import type { Provider } from "../provider/define.ts";
import type { Runtime } from "../runtime/runtime.ts";
import type { Recording } from "../session/recording.ts";
import { unpackError } from "./carried-error.ts";
import type { FromThread, Outcome } from "./messages.ts";
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

/**
 * Runs the tasks of a recorded thread again.
 * @param runtime from `Runtime.replay(recording)`; close it afterwards, and see whether its session was
 *   identical
 * @param recording `thread-<n>.reel` of a pool's `recordDir`
 * @returns the tasks in the order in which they had begun
 * @throws {ReelError} ERR_DIVERGED at the first difference; ERR_UNSUPPORTED for a task whose
 *   arguments were not kept; ERR_INCOMPATIBLE_RECORDING for a recording of something else
 */
export async function replayThread<P extends Provider>(
  runtime: Runtime<P>,
  recording: Recording,
): Promise<readonly ReplayedTask[]> {
  const io = runtime as unknown as Runtime;
  const ended = new Map<number, Outcome>();
  const send = (message: FromThread): void => {
    if (message.kind === "ended") ended.set(message.id, message.outcome);
  };
  const found = recordedJobs(recording);
  if (found.length === 0) {
    throw new ReelError(
      "ERR_INCOMPATIBLE_RECORDING",
      `Cannot replay ${recording.info.path} as a thread of a pool: it tells of no task of one`,
      { mend: "Give a file that was recorded with recordDir of a pool" },
    );
  }
  const jobs = new ThreadJobs(io, loadSoon, send, { marks: true });
  await Promise.all(found.map((job) => jobs.expect(job)));
  await io.run(() => jobs.untilClosed(), { name: "pool", tasks: "cancel" });
  return found.map(({ id, exportName }) => {
    const outcome = ended.get(id);
    return {
      id,
      exportName,
      status: outcome?.status,
      value: outcome?.status === "completed" ? outcome.value : undefined,
      error:
        outcome === undefined || outcome.status === "completed"
          ? undefined
          : unpackError(outcome.error),
    };
  });
}
