/**
 * Replays a recording onto another backend: the session happens once more to learn what its program
 * did, and then that is done again on a runtime of the other backend and compared.
 */
import { isReelError, ReelError } from "../../errors.ts";
import type { Provider } from "../../provider/define.ts";
import { DivergenceError } from "../../session/divergence.ts";
import type { RedactionRule } from "../../session/redaction.ts";
import type { Recording } from "../../session/recording.ts";
import type { EngineLimits } from "../../engine/state.ts";
import type { Runtime } from "../runtime.ts";
import { recordedSettings } from "../recorded-providers.ts";
import type { RecordedOptions } from "../session.ts";
import { replayRuntime, startRuntime } from "../start.ts";
import { OperationCollector } from "./collector.ts";
import { compareWithLog, type OntoComparison } from "./compare.ts";
import type { OperationLog } from "./log.ts";
import { makePlan } from "./plan.ts";
import { Reissue } from "./reissue.ts";

export interface OntoOptions {
  /** Where to re-issue what was recorded. */
  readonly backend: "uring" | "emulated";
  readonly providers: readonly Provider[];
  /** The program that was recorded. What it throws is as it was when it was recorded. */
  readonly program: (io: Runtime) => Promise<unknown>;
  /** What to open in place of images and socket paths that the recorded session opened. */
  readonly redirect?: ReadonlyMap<string, string> | undefined;
  /** The rules with which it was recorded, if any: no secret is in a recording. */
  readonly redact?: readonly RedactionRule[] | undefined;
  /** Whether images that the recorded session opened for writing may be written to. */
  readonly inPlace?: boolean;
  /**
   * `dependency` (the default): each operation begins as soon as all is over that was over when it
   * began. `recorded`: and not before its time, counted from the beginning.
   */
  readonly pace?: "dependency" | "recorded";
  /** How many times as fast as recorded, for the pace `recorded`; default 1. */
  readonly speed?: number;
}

/** On the real clock, so long nothing may come to an end before the rest is given up. */
const PATIENCE_NS = 10e9;
/** Virtual time costs nothing. */
const VIRTUAL_PATIENCE_NS = 3600e9;

/**
 * @param recording open and verified; stays the caller's to close
 * @throws {ReelError} ERR_DIVERGED when the program is not the one that was recorded;
 *   ERR_UNSUPPORTED for what cannot be done again; ERR_USAGE for images that need leave to be
 *   written to; ERR_LIMIT for more than memory should hold; ERR_BACKEND_UNAVAILABLE
 * @throws {RangeError} for a speed that is none
 */
export async function replayOnto(
  recording: Recording,
  options: OntoOptions,
): Promise<OntoComparison> {
  const { backend, inPlace = false, pace = "dependency", providers, speed = 1 } = options;
  if (!(speed > 0 && speed < Infinity)) {
    throw new RangeError(`Cannot re-issue: speed must be a number above 0: found ${speed}`);
  }
  const log = await collectLog(recording, options);
  const { info } = recording;
  const settings = Object.fromEntries(recordedSettings(recording, providers));
  const redirect = options.redirect ?? new Map<string, string>();
  const hosts = hostsOf(settings);
  const plan = makePlan(log, { backend, providers, redirect, inPlace, hosts });
  const { limits, ramBytes } = info.options as RecordedOptions;
  const started = await startRuntime({
    backend,
    providers,
    settings: settings as Record<string, object>,
    seed: info.seed,
    limits: limits as EngineLimits,
    ramBytes,
    clock: pace === "recorded" ? "paced" : "virtual",
  });
  const io = started as Runtime;
  try {
    const patienceNs = patienceOf(log, backend === "emulated" && pace === "dependency");
    const reissue = new Reissue(io, plan, { pace, speed, patienceNs });
    return compareWithLog(log, await io.run(() => reissue.run()));
  } finally {
    await io.close();
  }
}

/** What the recorded program did. */
async function collectLog(
  recording: Recording,
  { program, providers, redact }: OntoOptions,
): Promise<OperationLog> {
  const observer = new OperationCollector();
  const io = replayRuntime(recording, providers, { observer, redact }) as Runtime;
  let failed: unknown;
  try {
    await program(io);
  } catch (error) {
    failed = error;
  }
  await io.close();
  const { failure, identical } = io.session!;
  const ended = [failure, failed].find((error) => error instanceof DivergenceError);
  const isCutOff = ended?.report.difference === "record-ends";
  if (identical !== true && !isCutOff) {
    throw failure ?? failed ?? new ReelError("ERR_DIVERGED", "Cannot re-issue: the replay differs");
  }
  if (failed !== undefined && !isReelError(failed)) throw failed;
  return observer.log();
}

/** Long enough for what took longest when it was recorded. */
function patienceOf({ operations }: OperationLog, isVirtual: boolean): number {
  let longest = 0;
  for (const { endNs, ended, startNs } of operations) {
    if (ended !== -1) longest = Math.max(longest, endNs - startNs);
  }
  return Math.max(2 * longest, isVirtual ? VIRTUAL_PATIENCE_NS : PATIENCE_NS);
}

function hostsOf(settings: Readonly<Record<string, unknown>>): string[] {
  return Object.values(settings).flatMap((value) => {
    const { hosts } = (value ?? {}) as { hosts?: unknown };
    return Array.isArray(hosts) ? hosts : [];
  });
}
