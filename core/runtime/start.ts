/** Starts a runtime: chooses the backend, makes the machine or the ring, and opens the session. */
import type { Backend } from "../backend/contract.ts";
import { EmulatedBackend } from "../backend/emulated/emulated-backend.ts";
import { Machine } from "../backend/emulated/machine.ts";
import type { PinMemory } from "../buffer/arena.ts";
import { BufferPool } from "../buffer/pool.ts";
import type { EngineLimits } from "../engine/state.ts";
import type { Provider } from "../provider/define.ts";
import { hostSeed } from "../random.ts";
import type { Recording } from "../session/recording.ts";
import { RAM_BYTES_DEFAULT, type RuntimeOptions } from "./options.ts";
import { Runtime } from "./runtime.ts";
import { choose, chooseBlocking, type Chosen } from "./select.ts";
import {
  checkProviders,
  digestSession,
  recordedOptions,
  recordingSession,
  replaySession,
  type RecordedOptions,
  type Session,
} from "./session.ts";

const SEED_MAX = Number.MAX_SAFE_INTEGER;

/**
 * Starts a runtime.
 * @throws {ReelError} ERR_BACKEND_UNAVAILABLE when the backend asked for cannot be had; ERR_STORE
 *   when the recording cannot be made
 * @throws {RangeError} for an option out of range
 */
export async function startRuntime<const P extends readonly Provider[]>(
  options: RuntimeOptions<P>,
): Promise<Runtime<P[number]>> {
  const seed = checkedSeed(options.seed);
  return assemble(options, seed, await choose(wanted(options)));
}

/** {@link startRuntime} for a program that owns its thread: answers at once. */
export function startBlockingRuntime<const P extends readonly Provider[]>(
  options: RuntimeOptions<P>,
): Runtime<P[number]> {
  const seed = checkedSeed(options.seed);
  return assemble(options, seed, chooseBlocking(wanted(options)));
}

/**
 * Starts a runtime in which a recorded session happens again.
 * @param recording open and verified; stays the caller's to close, after the runtime
 * @param providers those of the recorded session, among others
 * @param reproduce the command line that does this again, for reports
 * @throws {ReelError} ERR_INCOMPATIBLE_RECORDING when the providers are others
 */
export function replayRuntime<const P extends readonly Provider[]>(
  recording: Recording,
  providers: P,
  reproduce?: string,
): Runtime<P[number]> {
  const { info } = recording;
  const recorded = info.options as RecordedOptions;
  const session = replaySession(recording, reproduce);
  const options = {
    limits: recorded.limits as EngineLimits,
    permute: recorded.permute,
    clock: "virtual" as const,
    ramBytes: recorded.ramBytes,
  };
  // A paced run is replayed without its pauses: the order of events is the same.
  const backend = info.backend === "emulated" ? emulated(options, info.seed) : undefined;
  const used = checkProviders(recording, providers);
  return build(options as RuntimeOptions, info.seed, backend, () => 0, used, session) as Runtime<
    P[number]
  >;
}

function assemble<P extends readonly Provider[]>(
  options: RuntimeOptions<P>,
  seed: number,
  chosen: Chosen,
): Runtime<P[number]> {
  const ramBytes = options.ramBytes ?? RAM_BYTES_DEFAULT;
  const backend = chosen.uring ?? emulated(options, seed);
  const all: readonly Provider[] = options.providers ?? [];
  const providers = all.filter((provider) => provider[backend.kind] !== undefined);
  let session: Session | undefined;
  try {
    if (options.record !== undefined) {
      const record = typeof options.record === "string" ? { path: options.record } : options.record;
      session = recordingSession(record, {
        seed,
        backend: backend.kind,
        selection: chosen.report,
        providers,
        options: recordedOptions(options, ramBytes),
      });
    } else if (options.digest === true) {
      session = digestSession();
    }
    const { uring } = chosen;
    const pin: PinMemory = uring === undefined ? () => 0 : (bytes) => uring.pinMemory(bytes);
    return build(options, seed, backend, pin, providers, session) as Runtime<P[number]>;
  } catch (error) {
    session?.finish("failed");
    backend.close();
    throw error;
  }
}

function build(
  options: RuntimeOptions,
  seed: number,
  backend: Backend | undefined,
  pin: PinMemory,
  providers: readonly Provider[],
  session: Session | undefined,
): Runtime {
  const pool = new BufferPool(pin, options.arenaBytes);
  let runtime: Runtime | undefined;
  const steps = (): number => runtime?.steps ?? 0;
  const door = session === undefined ? backend! : session.wrap(backend, pool, steps);
  runtime = new Runtime(
    {
      backend: door,
      seed,
      permute: options.permute ?? false,
      limits: options.limits,
      providers,
      session,
    },
    pool,
  );
  return runtime;
}

function emulated(options: RuntimeOptions, seed: number): EmulatedBackend {
  const { clock = "virtual", ramBytes = RAM_BYTES_DEFAULT } = options;
  return new EmulatedBackend(new Machine({ seed, clock, ramBytes }));
}

function wanted(options: RuntimeOptions) {
  return {
    want: options.backend ?? "auto",
    slots: options.limits?.table?.slots ?? 1024,
    opcodes: (options.providers ?? []).flatMap((provider) => provider.opcodes ?? []),
  };
}

function checkedSeed(seed: number | undefined): number {
  if (seed === undefined) return hostSeed();
  if (Number.isSafeInteger(seed) && seed >= 0) return seed;
  throw new RangeError(`Cannot start: seed must be a whole number from 0 to ${SEED_MAX}: ${seed}`);
}
