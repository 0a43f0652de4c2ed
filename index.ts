/**
 * ioreel: asynchronous I/O that can be recorded, replayed and explored.
 *
 * The package's face: the runtime with the built-in providers registered, and everything that a
 * program, a scenario file or a test needs. Authors of providers use `ioreel/provider`, and
 * `ioreel/testing` for the contract suite.
 */
import { Pool } from "./core/pool/pool.ts";
import { replayThread, type ReplayedThread } from "./core/pool/replay-thread.ts";
import type { PoolOptions } from "./core/pool/pool-options.ts";
import {
  replayRuntime,
  resumeRuntime,
  type ReplayOptions,
  startBlockingRuntime,
  startRuntime,
} from "./core/runtime/start.ts";
import type { Provider } from "./core/provider/define.ts";
import type { Faces } from "./core/runtime/faces.ts";
import type { OntoComparison } from "./core/runtime/onto/compare.ts";
import { replayOnto, type OntoOptions } from "./core/runtime/onto/replay-onto.ts";
import type { RuntimeOptions } from "./core/runtime/options.ts";
import type { Runtime as CoreRuntime } from "./core/runtime/runtime.ts";
import type { Recording } from "./core/session/recording.ts";
import { BUILT_IN_PROVIDERS, type BuiltInProvider } from "./providers/index.ts";

/** A running runtime; see `core/runtime/runtime.ts` for its methods. */
export type Runtime<P extends Provider = BuiltInProvider> = CoreRuntime<P> & Faces<P>;

/** What a recording is replayed onto another backend with. */
export interface PackageOntoOptions extends Omit<OntoOptions, "program" | "providers"> {
  /** Beside the built-in ones. */
  readonly providers?: readonly Provider[];
  readonly program: (io: Runtime) => Promise<unknown>;
}

function withBuiltIns<P extends readonly Provider[]>(
  options: RuntimeOptions<P>,
): RuntimeOptions<readonly (BuiltInProvider | P[number])[]> {
  const { providers = [] } = options;
  // What is no list is left as it is, for the check of the options to name.
  if (!Array.isArray(providers)) return options as never;
  return { ...options, providers: [...BUILT_IN_PROVIDERS, ...providers] };
}

export const Runtime = {
  /**
   * Starts a runtime with the built-in providers and yours.
   * @throws {ReelError} ERR_BACKEND_UNAVAILABLE when `backend` names one that cannot be had here
   */
  start<const P extends readonly Provider[] = []>(
    options: RuntimeOptions<P> = {},
  ): Promise<Runtime<BuiltInProvider | P[number]>> {
    return startRuntime(withBuiltIns(options));
  },
  /** {@link Runtime.start} for a program that owns its thread: answers at once. */
  startBlocking<const P extends readonly Provider[] = []>(
    options: RuntimeOptions<P> = {},
  ): Runtime<BuiltInProvider | P[number]> {
    return startBlockingRuntime(withBuiltIns(options));
  },
  /**
   * Starts a runtime in which a recorded session happens again: run the same program on it. A
   * recording made on io_uring needs no io_uring; one of the emulated backend is executed again and
   * compared.
   * @param recording verified by {@link openRecording}; close it after the runtime
   * @param options `providers` beside the built-in ones; `reproduce`, a command line for reports;
   *   `until`, the number of an event before which the run ends with ERR_INTERRUPTED, and
   *   `onUntil`, which hears what is open and in flight there
   * @throws {ReelError} ERR_INCOMPATIBLE_RECORDING when a provider is missing or another version
   */
  replay<const P extends readonly Provider[] = []>(
    recording: Recording,
    options: ReplayOptions & { providers?: P } = {},
  ): Runtime<BuiltInProvider | P[number]> {
    const { providers = [], ...rest } = options;
    return replayRuntime(recording, [...BUILT_IN_PROVIDERS, ...providers], rest);
  },
  /**
   * Starts a runtime that goes on where a recording was cut off, for instance because its process
   * was killed: run the same program on it. What is recorded happens again and is compared, and
   * then the run goes on. When it ends, the recording is replaced by that of the whole session.
   * @param recording of the emulated backend, opened by {@link openRecording}; close it afterwards
   * @param options as for {@link Runtime.replay}
   * @throws {ReelError} ERR_UNSUPPORTED for a session of io_uring, or one that came to its end;
   *   ERR_INCOMPATIBLE_RECORDING when a provider is missing or another version
   */
  resume<const P extends readonly Provider[] = []>(
    recording: Recording,
    options: { providers?: P; reproduce?: string } = {},
  ): Runtime<BuiltInProvider | P[number]> {
    const { providers = [], reproduce } = options;
    return resumeRuntime(recording, [...BUILT_IN_PROVIDERS, ...providers], reproduce);
  },
  /**
   * Does what a recording holds again on another backend and compares what comes of it: a load for
   * that backend, and a test of both against each other. See docs/replay-onto.md.
   * @param recording verified by {@link openRecording}; stays yours to close
   * @param options `backend`, and `program`, which was recorded; `pace` and `speed`; `redirect` and
   *   `inPlace` for images that it wrote to
   * @throws {ReelError} ERR_UNSUPPORTED naming what cannot be done again; ERR_USAGE for images that
   *   need leave to be written to; ERR_DIVERGED, ERR_LIMIT, ERR_BACKEND_UNAVAILABLE
   */
  replayOnto(
    recording: Recording,
    { providers = [], ...options }: PackageOntoOptions,
  ): Promise<OntoComparison> {
    const program = options.program as OntoOptions["program"];
    const all = [...BUILT_IN_PROVIDERS, ...providers];
    return replayOnto(recording, { ...options, program, providers: all });
  },
  /**
   * Replays the recording of one thread of a pool: the same tasks begin at the same places.
   * @param recording of a file `thread-<n>.reel` in a pool's `recordDir`; close it afterwards
   * @param options as for {@link Runtime.replay}
   * @throws {ReelError} ERR_UNSUPPORTED for a task whose arguments were not kept;
   *   ERR_INCOMPATIBLE_RECORDING for a recording of something else
   */
  replayThread<const P extends readonly Provider[] = []>(
    recording: Recording,
    options: { providers?: P; reproduce?: string } = {},
  ): Promise<ReplayedThread> {
    const io = Runtime.replay(recording, options);
    return replayThread(io as unknown as CoreRuntime, recording);
  },
  /**
   * Starts threads that each have a runtime of their own, with the built-in providers.
   * @throws {ReelError} ERR_BACKEND_UNAVAILABLE when `backend` names one that cannot be had here
   */
  pool(options: PoolOptions = {}): Promise<Pool> {
    return Pool.start(options, import.meta.url);
  },
};

export { BUILT_IN_PROVIDERS };
export { ms, seconds, us } from "./core/clock.ts";
export { OutOfRangeError, ReelError, isReelError, type ErrorCode } from "./core/errors.ts";
export { IoBuffer } from "./core/buffer/buffer.ts";
export type { Pool, PoolEnd, PoolFailure, ThreadFacts } from "./core/pool/pool.ts";
export type { PoolOptions } from "./core/pool/pool-options.ts";
export type { ReplayedTask, ReplayedThread } from "./core/pool/replay-thread.ts";
export type { PoolTask } from "./core/pool/pool-task.ts";
export type { ThreadEnd } from "./core/pool/pool-thread.ts";
export type { OpenEnd, TransferOptions } from "./core/runtime/open-end.ts";
export type { RecordOptions, RuntimeOptions } from "./core/runtime/options.ts";
export type { Task } from "./core/task/task.ts";
export type { JoinHandle } from "./core/task/join-handle.ts";
export type { TaskGroup } from "./core/task/group.ts";
export { PENDING, isReady, type Context, type Future, type Poll } from "./core/task/future.ts";
export type { Waker } from "./core/task/future.ts";
export { JoinFuture, MapFuture, SelectFuture } from "./core/task/combinators.ts";
export { OneShot, WakerFuture, YieldFuture } from "./core/task/leaf-futures.ts";
export { SleepFuture, TimeoutFuture } from "./core/task/timer-futures.ts";
export { WakerList } from "./core/task/waker-list.ts";
export {
  CancellationSource,
  allCancelled,
  cancellationOf,
  eitherCancelled,
  throwIfCancelled,
} from "./core/task/cancellation-token.ts";
export { AsyncMutex } from "./core/sync/mutex.ts";
export { AsyncEvent } from "./core/sync/event.ts";
export { Condvar } from "./core/sync/condvar.ts";
export { Semaphore } from "./core/sync/semaphore.ts";
export { Channel } from "./core/sync/channel.ts";
export type { RunOptions } from "./core/runtime/run.ts";
export type { SessionSummary } from "./core/runtime/session.ts";
export { type LiveState } from "./core/engine/live-state.ts";
export { compilePredicate } from "./core/session/places/predicate/predicate.ts";
export { Timeline, type Place, type PlacePredicate } from "./core/session/places/timeline.ts";
export type { OperationInFlight, OperationTable } from "./core/session/places/table.ts";
export { openRecording, type Recording, type RecordingInfo } from "./core/session/recording.ts";
export { DivergenceError, formatDivergence } from "./core/session/divergence.ts";
export { Connection, type ReadOptions, type Writable } from "./providers/tcp/face/connection.ts";
export type { Listener } from "./providers/tcp/face/listener.ts";
export type { LinkConditions, Network } from "./providers/tcp/face/network.ts";
export type { ConnectOptions, ListenOptions } from "./providers/tcp/face/face.ts";
export type { SocketAddress } from "./providers/tcp/face/address.ts";
export { scenario } from "./cli/scenario/types.ts";
export type * from "./cli/scenario/types.ts";
