/**
 * ioreel: asynchronous I/O that can be recorded, replayed and explored.
 *
 * The package's face: the runtime with the built-in providers registered, and everything that a
 * program, a scenario file or a test needs. Authors of providers use `ioreel/provider`, and
 * `ioreel/testing` for the contract suite.
 */
import { startBlockingRuntime, startRuntime } from "./core/runtime/start.ts";
import type { Provider } from "./core/provider/define.ts";
import type { RuntimeOptions } from "./core/runtime/options.ts";
import { Runtime as CoreRuntime } from "./core/runtime/runtime.ts";
import { BUILT_IN_PROVIDERS, type BuiltInProvider } from "./providers/index.ts";

/** A running runtime; see `core/runtime/runtime.ts` for its methods. */
export type Runtime<P extends Provider = BuiltInProvider> = CoreRuntime<P>;

function withBuiltIns<P extends readonly Provider[]>(
  options: RuntimeOptions<P>,
): RuntimeOptions<readonly (BuiltInProvider | P[number])[]> {
  return { ...options, providers: [...BUILT_IN_PROVIDERS, ...(options.providers ?? [])] };
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
};

export { BUILT_IN_PROVIDERS };
export { ms, seconds, us } from "./core/clock.ts";
export { ReelError, isReelError, type ErrorCode } from "./core/errors.ts";
export { IoBuffer } from "./core/buffer/buffer.ts";
export type { OpenEnd, TransferOptions } from "./core/runtime/open-end.ts";
export type { RecordOptions, RuntimeOptions } from "./core/runtime/options.ts";
export type { RunOptions } from "./core/runtime/run.ts";
