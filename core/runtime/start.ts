/** Starts a runtime: chooses the backend, makes the machine or the ring, and opens the session. */
import type { Backend } from "../backend/contract.ts";
import { EmulatedBackend } from "../backend/emulated/emulated-backend.ts";
import { Machine } from "../backend/emulated/machine.ts";
import {
  selectBackend,
  selectBackendBlocking,
  sureCandidate,
  uringCandidate,
  type Rejection,
  type SelectOptions,
  type Selection,
} from "../backend/select.ts";
import { UringBackend } from "../backend/uring/uring-backend.ts";
import type { PinMemory } from "../buffer/arena.ts";
import { BufferPool } from "../buffer/pool.ts";
import { describeState, type LiveState } from "../engine/live-state.ts";
import type { EngineLimits } from "../engine/state.ts";
import { stateParts } from "../engine/state-parts.ts";
import { Strict } from "../guard/strict.ts";
import type { Provider } from "../provider/define.ts";
import { hostSeed } from "../random.ts";
import type { RedactionRule } from "../session/redaction.ts";
import { HOST_FACTS } from "../session/facts.ts";
import { HaltingVerifier, type ReplayHalt } from "../session/places/halting-verifier.ts";
import type { Recording } from "../session/recording.ts";
import type { Faces } from "./faces.ts";
import { RAM_BYTES_DEFAULT, checkOptions, fillLimits, type RuntimeOptions } from "./options.ts";
import type { RuntimeObserver } from "./observer.ts";
import { resumingSession } from "./resume-session.ts";
import { Runtime } from "./runtime.ts";
import { checkProviders, recordedSettings } from "./recorded-providers.ts";
import {
  digestSession,
  recordedOptions,
  recordingSession,
  replaySession,
  type ProgramView,
  type RecordedOptions,
  type Session,
} from "./session.ts";
import { checkSettings, type Settings } from "./settings.ts";
import { stateFields } from "./state-fields.ts";

/** How a session is replayed. */
export interface ReplayOptions {
  /** The command line that does this again, for reports. */
  readonly reproduce?: string | undefined;
  /**
   * Number of an event: the run goes as far as there and is ended by ERR_INTERRUPTED before it
   * happens. What the program does until its task gives way has no effect any more.
   */
  readonly until?: number | undefined;
  /** The rules with which it was recorded, if any: no secret is in a recording. */
  readonly redact?: readonly RedactionRule[] | undefined;
  /** Hears, there, what is open and in flight. It must not call the runtime. */
  readonly onUntil?: ((state: LiveState) => void) | undefined;
  /** Watches what the program does. */
  readonly observer?: RuntimeObserver | undefined;
}

/** A runtime with the methods of its providers' faces. */
export type FacedRuntime<P extends Provider> = Runtime<P> & Faces<P>;

/**
 * Completions that the kernel has room for, at most. Where each slot has one at the same moment, a
 * large table's overflow into the kernel's backlog, which is slower, and nothing is lost.
 */
const COMPLETIONS_MAX = 16_384;
const SEED_MAX = Number.MAX_SAFE_INTEGER;

/**
 * Starts a runtime.
 * @throws {ReelError} ERR_BACKEND_UNAVAILABLE when the backend asked for cannot be had; ERR_STORE
 *   when the recording cannot be made
 * @throws {RangeError} for an option out of range
 * @throws {TypeError} for an option or a setting that is none, or of a wrong kind
 */
export async function startRuntime<const P extends readonly Provider[]>(
  options: RuntimeOptions<P>,
): Promise<FacedRuntime<P[number]>> {
  checkOptions(options);
  const seed = checkedSeed(options.seed);
  const settings = checkSettings(options.providers ?? [], options.settings);
  return assemble(options, seed, settings, await selectBackend(candidates(options, seed)));
}

/** {@link startRuntime} for a program that owns its thread: answers at once. */
export function startBlockingRuntime<const P extends readonly Provider[]>(
  options: RuntimeOptions<P>,
): FacedRuntime<P[number]> {
  checkOptions(options);
  const seed = checkedSeed(options.seed);
  const settings = checkSettings(options.providers ?? [], options.settings);
  return assemble(options, seed, settings, selectBackendBlocking(candidates(options, seed)));
}

/**
 * Starts a runtime in which a recorded session happens again.
 * @param recording open and verified; stays the caller's to close, after the runtime
 * @param providers those of the recorded session, among others
 * @throws {ReelError} ERR_INCOMPATIBLE_RECORDING when the providers are others
 * @throws {RangeError} when `until` is no number of an event
 */
export function replayRuntime<const P extends readonly Provider[]>(
  recording: Recording,
  providers: P,
  options: ReplayOptions = {},
): FacedRuntime<P[number]> {
  const used = checkProviders(recording, providers);
  const made: { runtime?: Runtime } = {};
  const session = replaySession(
    recording,
    used,
    options.reproduce,
    haltOf(options, made),
    options.redact,
  );
  made.runtime = buildAgain(recording, used, session, options.observer);
  // Before the first event there is no report behind which to look.
  if (options.until === 0 && session.tap instanceof HaltingVerifier) session.tap.peek();
  return made.runtime as FacedRuntime<P[number]>;
}

/** Where a replay is to halt, and what happens there. */
function haltOf(
  { onUntil, until }: ReplayOptions,
  made: { runtime?: Runtime },
): ReplayHalt | undefined {
  if (until === undefined) return undefined;
  if (!Number.isSafeInteger(until) || until < 0) {
    throw new RangeError(`Cannot replay: until must be the number of an event: found ${until}`);
  }
  return {
    until,
    reached() {
      const { runtime } = made;
      if (runtime === undefined) return false;
      onUntil?.(describeState(runtime.engine.state));
      runtime.interrupt();
      return true;
    },
  };
}

/**
 * Starts a runtime that goes on where a recording of the emulated backend was cut off: run the same
 * program on it, from its beginning. What is recorded happens again and is compared; from there on
 * the run is a new one. At its end the recording is replaced by the whole.
 * @param recording open and verified; stays the caller's to close, after the runtime
 * @param providers those of the recorded session, among others
 * @param reproduce the command line that does this again, for reports
 * @throws {ReelError} ERR_UNSUPPORTED when it was recorded on io_uring, or came to its end;
 *   ERR_INCOMPATIBLE_RECORDING when the providers are others; ERR_STORE
 */
export function resumeRuntime<const P extends readonly Provider[]>(
  recording: Recording,
  providers: P,
  reproduce?: string,
): FacedRuntime<P[number]> {
  const used = checkProviders(recording, providers);
  const session = resumingSession(recording, used, reproduce);
  return buildAgain(recording, used, session) as FacedRuntime<P[number]>;
}

/** Builds a runtime like the one that was recorded. */
function buildAgain(
  recording: Recording,
  providers: readonly Provider[],
  session: Session,
  observer?: RuntimeObserver,
): Runtime {
  const { info } = recording;
  const recorded = info.options as RecordedOptions;
  const options = {
    limits: recorded.limits as EngineLimits,
    permute: recorded.permute,
    // What was recorded is gone through without pauses: the order of events is the same.
    clock: "virtual" as const,
    ramBytes: recorded.ramBytes,
    strict: recorded.strict,
  };
  const backend = info.backend === "emulated" ? emulated(options, info.seed) : undefined;
  const settings = recordedSettings(recording, providers);
  const parts = { backend, pin: () => 0, providers, rejected: [], settings, session, observer };
  return build(options as RuntimeOptions, info.seed, parts);
}

function assemble<P extends readonly Provider[]>(
  options: RuntimeOptions<P>,
  seed: number,
  settings: Settings,
  selection: Selection,
): FacedRuntime<P[number]> {
  const ramBytes = options.ramBytes ?? RAM_BYTES_DEFAULT;
  const backend = selection.chosen;
  const report = { chosen: backend.kind, rejected: selection.rejected };
  const all: readonly Provider[] = options.providers ?? [];
  const providers = all.filter((provider) => provider[backend.kind] !== undefined);
  let session: Session | undefined;
  try {
    const { record: given } = options;
    if (given !== undefined && given !== false) {
      const record = typeof given === "string" ? { path: given } : given === true ? {} : given;
      session = recordingSession(record, {
        seed,
        backend: backend.kind,
        selection: report,
        providers,
        settings,
        options: recordedOptions(options, ramBytes),
      });
    } else if (options.digest === true) {
      session = digestSession();
    }
    const pin: PinMemory =
      backend instanceof UringBackend ? (bytes) => backend.pinMemory(bytes) : () => 0;
    const { rejected } = report;
    const parts = { backend, pin, providers, rejected, settings, session };
    return build(options, seed, parts) as FacedRuntime<P[number]>;
  } catch (error) {
    session?.finish("failed");
    backend.close();
    throw error;
  }
}

/** What a runtime is built of beside its options. */
interface Found {
  readonly backend: Backend | undefined;
  readonly pin: PinMemory;
  readonly providers: readonly Provider[];
  readonly rejected: readonly Rejection[];
  readonly settings: Settings;
  readonly session: Session | undefined;
  readonly observer?: RuntimeObserver | undefined;
}

function build(options: RuntimeOptions, seed: number, found: Found): Runtime {
  const { backend, observer, pin, providers, rejected, settings, session } = found;
  const pool = new BufferPool(pin, options.arenaBytes);
  // The door counts the turns of an executor that is made behind it.
  const made: { runtime?: Runtime } = {};
  const program: ProgramView = {
    steps: () => made.runtime?.steps ?? 0,
    state: () => stateParts(made.runtime!.engine.state),
    compare: (recording, sequence) => stateFields(recording, sequence, made.runtime!.engine.state),
  };
  const door = session === undefined ? backend! : session.wrap(backend, pool, program);
  const permute = options.permute ?? false;
  const limits = fillLimits(options.limits);
  const strict = options.strict === true ? strictOn(door, session) : undefined;
  const parts = { backend: door, seed, permute, limits, providers, settings, session, rejected };
  try {
    made.runtime = new Runtime({ ...parts, observer, strict }, pool);
  } catch (error) {
    strict?.close();
    throw error;
  }
  return made.runtime;
}

/** The emulated machine follows from its seed; io_uring's sessions keep what the host says. */
function strictOn({ kind }: Backend, session: Session | undefined): Strict {
  return new Strict(kind === "emulated" ? undefined : (session?.facts ?? HOST_FACTS));
}

function emulated(options: RuntimeOptions, seed: number): EmulatedBackend {
  const { clock = "virtual", ramBytes = RAM_BYTES_DEFAULT } = options;
  return new EmulatedBackend(new Machine({ seed, clock, ramBytes }));
}

/** io_uring first, the emulated machine where there is none. */
function candidates(options: RuntimeOptions, seed: number): SelectOptions {
  const { slots } = fillLimits(options.limits).table;
  return {
    want: options.backend ?? "auto",
    opcodes: (options.providers ?? []).flatMap((provider) => provider.opcodes ?? []),
    candidates: [
      uringCandidate({
        completionEntries: Math.min(2 * slots, COMPLETIONS_MAX),
        ...options.uring,
        slots,
      }),
      sureCandidate("emulated", () => emulated(options, seed)),
    ],
  };
}

function checkedSeed(seed: number | undefined): number {
  if (seed === undefined) return hostSeed();
  if (Number.isSafeInteger(seed) && seed >= 0) return seed;
  throw new RangeError(`Cannot start: seed must be a whole number from 0 to ${SEED_MAX}: ${seed}`);
}
