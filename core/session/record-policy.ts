/**
 * How a session is recorded: what is kept of it, what becomes of it when the disk is slower than
 * the program, and what survives what.
 */
import { TAIL_BYTES, TAIL_BYTES_MAX } from "./tail/layout.ts";
import { checkRules, describeRules } from "./redaction.ts";
import type { RecordedRedaction, RedactionRule } from "./redaction.ts";

export type RecordMode = "block" | "digest" | "flight";
export type PayloadPolicy = "auto" | "full" | "digest" | "none";

export interface RecordPolicy {
  /**
   * What happens when the program makes more than can be stored. `block`, the default: it waits.
   * `digest`: payloads are kept as checksums until there is room again; what a session of io_uring
   * recorded from there on can be looked at, and not replayed. `flight`: nothing is stored while
   * the run goes on; the last `flightBytes` are kept in a mapped file, and written out when the run
   * fails or `dump()` asks for it.
   */
  readonly mode?: RecordMode;
  /** Size of a flight recording in memory, from 1 MiB to 1 GiB: default 16 MiB. */
  readonly flightBytes?: number;
  /**
   * Whether events survive a power failure, and not only the end of the process: all but those of
   * the last few milliseconds do. Default false.
   */
  readonly durable?: boolean;
  /**
   * What is kept of the bytes that come in. `auto`, the default, and `full`: all of them; `full`
   * refuses the mode `digest`. `digest`: their lengths and checksums, which is little and fast. A
   * session of io_uring can then be looked at and compared, and not replayed; one of the emulated
   * machine needs none of them. `none`: on io_uring nothing at all, not even of what goes out, so
   * that the bytes are not looked at; on the emulated machine as `digest`.
   */
  readonly payload?: PayloadPolicy;
  /** What is written over in the bytes that come in and go out, before they are recorded. */
  readonly redact?: readonly RedactionRule[];
}

/** What a recording's header says of it. */
export interface RecordedPolicy {
  readonly mode?: RecordMode;
  readonly payload?: PayloadPolicy;
  readonly durable?: true;
  readonly redact?: RecordedRedaction;
  /** Where in its session a flight recording begins; absent while it is not written out. */
  readonly flight?: { readonly firstSequence: number; readonly timeFirstNs: number };
}

export const FLIGHT_BYTES_DEFAULT = 16 * 1024 * 1024;
const MODES: ReadonlySet<unknown> = new Set(["block", "digest", "flight"]);
const PAYLOADS: ReadonlySet<unknown> = new Set(["auto", "full", "digest", "none"]);
const MIB = 1024 * 1024;

function refuse(name: string, wanted: string, found: unknown): never {
  throw new TypeError(`Cannot record: ${name} must be ${wanted}: found ${Bun.inspect(found)}`);
}

/**
 * Refuses what is no policy.
 * @throws {TypeError} naming the option; {RangeError} for a size out of range
 */
export function checkPolicy(policy: RecordPolicy): void {
  const { mode = "block", payload = "auto", flightBytes, durable, redact = [] } = policy;
  if (!MODES.has(mode)) refuse("mode", '"block", "digest" or "flight"', mode);
  if (!PAYLOADS.has(payload)) refuse("payload", '"auto", "full", "digest" or "none"', payload);
  if (durable !== undefined && typeof durable !== "boolean") {
    refuse("durable", "true or false", durable);
  }
  if (mode === "digest" && payload === "full") {
    throw new TypeError('Cannot record: mode "digest" drops payloads, and payload is "full"');
  }
  if (mode === "flight" && durable === true) {
    throw new TypeError(
      'Cannot record: mode "flight" stores nothing while it runs, and is durable',
    );
  }
  if (flightBytes !== undefined) {
    if (mode !== "flight") throw new TypeError('Cannot record: flightBytes is of mode "flight"');
    if (!Number.isSafeInteger(flightBytes) || flightBytes < MIB || flightBytes > TAIL_BYTES_MAX) {
      const wanted = "flightBytes must be a whole number from 1 MiB to 1 GiB";
      throw new RangeError(`Cannot record: ${wanted}: found ${flightBytes}`);
    }
  }
  if (!Array.isArray(redact)) refuse("redact", "a list of rules", redact);
  checkRules(redact);
}

const NAMES: readonly string[] = ["mode", "flightBytes", "durable", "payload", "redact"];

/**
 * The policy among options of a recording.
 * @throws {TypeError} for an option that there is not, and as {@link checkPolicy} does
 */
export function policyOf(options: object): RecordPolicy {
  for (const name of Object.keys(options)) {
    if (NAMES.includes(name)) continue;
    const known = ["path", "attachments", "program", "stateEvents", ...NAMES].join(", ");
    throw new TypeError(`Cannot record: there is no option "${name}": the options are ${known}`);
  }
  checkPolicy(options);
  return options;
}

/** What to write down of a policy: nothing where it is the default. */
export function describePolicy(policy: RecordPolicy): RecordedPolicy | undefined {
  const { mode = "block", payload = "auto", durable = false, redact = [] } = policy;
  const described: RecordedPolicy = {
    ...(mode === "block" ? {} : { mode }),
    ...(payload === "auto" ? {} : { payload }),
    ...(durable ? { durable } : {}),
    ...(redact.length === 0 ? {} : { redact: describeRules(redact) }),
  };
  return Object.keys(described).length === 0 ? undefined : described;
}

/** Size of the tail of a recording. */
export function tailBytes({ mode, flightBytes = FLIGHT_BYTES_DEFAULT }: RecordPolicy): number {
  return mode === "flight" ? flightBytes - (flightBytes % 4096) : TAIL_BYTES;
}
