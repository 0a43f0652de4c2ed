/**
 * The session of a runtime: what writes it down or compares it, and how it came out. Everything
 * that knows both the runtime's options and the recording's header is here.
 */
import type { Backend } from "../backend/contract.ts";
import type { BufferPool } from "../buffer/pool.ts";
import { ENGINE_STATE_VERSION } from "../engine/snapshot.ts";
import { ReelError } from "../errors.ts";
import type { Provider } from "../provider/define.ts";
import { recordedFacts, replayedFacts, type Facts } from "../session/facts.ts";
import type { FieldDifference } from "../session/divergence.ts";
import { InputFeeder, recordedInputs } from "../session/input-feeder.ts";
import { startRecordingIn } from "../session/library/record.ts";
import { HaltingVerifier, type ReplayHalt } from "../session/places/halting-verifier.ts";
import { describePolicy, policyOf, type RecordedPolicy } from "../session/record-policy.ts";
import { checkReplayable, redactionFor } from "../session/replay-policy.ts";
import { redactTap, type RedactionRule } from "../session/redaction.ts";
import { Recorder } from "../session/recorder.ts";
import type { Recording } from "../session/recording.ts";
import { ReplayBackend } from "../session/replay-backend.ts";
import { ReplayImages } from "../session/replay-images.ts";
import { DigestSink } from "../session/segment.ts";
import { versionSkew } from "../session/skew.ts";
import { TapBackend } from "../session/tap-backend.ts";
import type { StatePart, Tap } from "../session/tap.ts";
import { Verifier } from "../session/verifier.ts";
import { fillLimits, type RecordOptions, type RuntimeOptions } from "./options.ts";
import { comparableParts, operationNames } from "./recorded-providers.ts";
import type { Settings } from "./settings.ts";

/** How a session came out. */
export interface SessionSummary {
  /** What happened to it. */
  mode: "recorded" | "replayed" | "digested";
  /** sha-256 over all events in hex: equal for two runs in which the same happened. */
  digest: string;
  events: number;
  /** Where it was written, or read from. */
  path: string | undefined;
  /** Of a recorded one, how many payloads are not in it; absent when all are. */
  missingPayloads?: number;
  /** Whether a replay agreed with its recording to the end, or to where that was cut off. */
  identical: boolean | undefined;
  /** Why the recording or the comparison ended before the run did. */
  failure: ReelError | undefined;
}

/** What a session sees of the runtime that it belongs to. */
export interface ProgramView {
  /** Task resumptions so far. */
  steps(): number;
  /** The engine's state, between turns. */
  state(): readonly StatePart[];
  /** Fields of the engine's present state that are others than a recording kept. */
  compare(recording: Recording, sequence: number): readonly FieldDifference[];
}

/** A session at work. */
export interface Session {
  readonly tap: Tap;
  /** Where a strict program's facts of the host go, or come from. */
  readonly facts: Facts;
  /**
   * Whether a comparison has ended before the run. Of what the run does from then on there is no
   * record, so that it cannot end well, which is no news to whoever runs it.
   */
  readonly isOver?: boolean;
  /** Puts the session between the runtime and its backend. */
  wrap(backend: Backend | undefined, pool: BufferPool, program: ProgramView): Backend;
  /** Writes out what a flight recording holds. */
  dump?(path: string): number | undefined;
  /** Ends it. Called once, after the backend is closed. Never throws. */
  finish(outcome: string): SessionSummary;
}

/** What a recording keeps of a runtime's options, to start the same runtime again. */
export interface RecordedOptions {
  clock: "virtual" | "paced";
  permute: boolean;
  ramBytes: number;
  limits: unknown;
  strict: boolean;
  program: unknown;
  /** Events between two states, where it is not the default. */
  stateEvents?: number;
  /** How it was recorded, where that is not the default. */
  record?: RecordedPolicy;
  /** Layout of the engine's own parts of a state; absent in recordings that hold none. */
  engineState?: number;
}

function tapped(tap: Tap): Session["wrap"] {
  return (backend, pool, program) => new TapBackend(backend!, tap, { ...program, memory: pool });
}

/** Writes the session to a file. @throws {ReelError} ERR_STORE when it cannot be made */
export function recordingSession(
  record: RecordOptions,
  header: {
    seed: number;
    backend: "uring" | "emulated";
    selection: unknown;
    providers: readonly Provider[];
    settings: Settings;
    options: RecordedOptions;
  },
): Session {
  const { attachments, path, program, stateEvents, ...rest } = record;
  const policy = policyOf(rest);
  const described = describePolicy(policy);
  if (stateEvents !== undefined && !(Number.isSafeInteger(stateEvents) && stateEvents >= 1)) {
    const wanted = "stateEvents must be a whole number from 1";
    throw new RangeError(`Cannot record: ${wanted}: found ${stateEvents}`);
  }
  const recorded = {
    seed: header.seed,
    backend: header.backend,
    options: {
      ...header.options,
      program: program ?? null,
      ...(stateEvents === undefined ? {} : { stateEvents }),
      ...(described === undefined ? {} : { record: described }),
    },
    selection: header.selection,
    providers: header.providers.map(({ kind, version, stateVersion }) => {
      return { kind, version, stateVersion, config: header.settings.get(kind) ?? null };
    }),
    attachments: [...(attachments ?? [])].map(([name, content]) => ({ name, content })),
  };
  const progress = startRecordingIn(path, recorded, { ...policy, stateEvents });
  const { tap } = progress;
  return {
    tap,
    facts: recordedFacts(tap),
    dump: (to) => progress.dump(to),
    wrap: tapped(tap),
    finish(outcome) {
      const ended = attempt(() => tap.end(outcome));
      const written = progress.finish();
      const { digest, eventCount, failure, kept, missingPayloads, path } = written;
      return {
        mode: "recorded",
        digest,
        events: eventCount,
        path: kept ? path : undefined,
        ...(missingPayloads > 0 ? { missingPayloads } : {}),
        identical: undefined,
        failure: failure ?? ended,
      };
    },
  };
}

/** Computes the session's digest and keeps nothing. */
export function digestSession(): Session {
  const sink = new DigestSink();
  const tap = new Recorder(sink);
  return {
    tap,
    facts: recordedFacts(tap),
    wrap: tapped(tap),
    finish(outcome) {
      tap.end(outcome);
      tap.flush();
      return {
        mode: "digested",
        digest: sink.digest,
        events: tap.events,
        path: undefined,
        identical: undefined,
        failure: undefined,
      };
    },
  };
}

/** Compares the session with a recording of the same program. */
export function replaySession(
  recording: Recording,
  providers: readonly Provider[],
  reproduce: string | undefined,
  halt?: ReplayHalt,
  redact?: readonly RedactionRule[],
): Session {
  checkReplayable(recording.info);
  const redactor = redactionFor(recording.info, redact);
  const skew = versionSkew(recording.info, providers);
  const comparable = comparableParts(recording, providers);
  let view: ProgramView | undefined;
  let images: ReplayImages | undefined;
  const explainState = (sequence: number) => view?.compare(recording, sequence) ?? [];
  const operation = operationNames(providers);
  const options = { reproduce, versionSkew: skew, comparable, explainState, operation };
  const tap =
    halt === undefined
      ? new Verifier(recording, options)
      : new HaltingVerifier(recording, options, halt);
  if (redactor !== undefined) redactTap(tap, redactor);
  const { info } = recording;
  return {
    tap,
    facts: replayedFacts(tap),
    get isOver() {
      return tap.stopped;
    },
    wrap(backend, pool, program) {
      view = program;
      if (backend === undefined) return new ReplayBackend(tap, { ...program, memory: pool });
      const inputs = recordedInputs(recording.cursor());
      images = backend.images && new ReplayImages(backend.images, tap, recording);
      return new TapBackend(new InputFeeder(backend, tap, inputs, program.steps), tap, {
        ...program,
        memory: pool,
        images,
      });
    },
    finish(outcome) {
      const ended = tap.stopped ? undefined : attempt(() => tap.end(outcome));
      return {
        mode: "replayed",
        digest: info.digest,
        events: tap.events,
        path: info.path,
        identical: tap.identical || tap.failure?.report.difference === "record-ends",
        failure: tap.failure ?? images?.refusal ?? ended,
      };
    },
  };
}

/** What an action failed with. What is no error of ioreel goes on. */
export function attempt(action: () => void): ReelError | undefined {
  try {
    action();
    return undefined;
  } catch (error) {
    if (error instanceof ReelError) return error;
    throw error;
  }
}

/** What to write down of a runtime's options. */
export function recordedOptions(options: RuntimeOptions, ramBytes: number): RecordedOptions {
  return {
    clock: options.clock ?? "virtual",
    permute: options.permute ?? false,
    ramBytes,
    limits: fillLimits(options.limits),
    strict: options.strict ?? false,
    engineState: ENGINE_STATE_VERSION,
    program: null,
  };
}

/** The word for how a session ended with an error. */
export function outcomeOf(error: unknown): string {
  const code = (error as { code?: unknown } | undefined)?.code;
  return code === "ERR_INTERRUPTED" ? "interrupted" : "failed";
}
