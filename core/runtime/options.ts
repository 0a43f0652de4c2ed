/** What a runtime is started with. */
import type { UringOptions } from "../backend/uring/options.ts";
import type { ClockMode } from "../backend/emulated/machine.ts";
import type { EngineLimits } from "../engine/state.ts";
import type { Provider } from "../provider/define.ts";
import type { RecordPolicy } from "../session/record-policy.ts";

export interface RuntimeOptions<P extends readonly Provider[] = readonly Provider[]> {
  /** What can be opened. The package's own face, `ioreel`, has the built-in ones registered. */
  providers?: P;
  /** Default `auto`: io_uring where everything that it needs is there, else emulated. */
  backend?: "auto" | "uring" | "emulated";
  /**
   * How the emulated clock goes: `virtual` skips idle time (the default), `paced` waits for it.
   * io_uring has the real clock.
   */
  clock?: ClockMode;
  /** Where all randomness begins; by default the host's entropy. A safe integer. */
  seed?: number;
  /** Whether the order of ready tasks is permuted by the seed, to explore interleavings. */
  permute?: boolean;
  /** What to do differently about the ring; for tests, and for machines with limits. */
  uring?: UringOptions;
  /** Memory of the emulated machine, default 64 MiB. */
  ramBytes?: number;
  /** Memory that buffers may take, default 1 GiB. */
  arenaBytes?: number;
  /**
   * How much can be in flight and open at once. The defaults serve 10,000 connections: 32,768
   * operations (`table.slots`), 32,768 ends, 65,536 wait lists. What is not used of them costs
   * address space only; a slot in use takes 1,152 bytes.
   */
  limits?: EngineLimits;
  /** What providers let choose for all that is opened of them, by kind: `{ tcp: { … } }`. */
  settings?: Readonly<Record<string, object>>;
  /** Computes the session's digest although it is not recorded. Default false. */
  digest?: boolean;
  /**
   * Traps what a replay cannot repeat while the program runs, naming the caller and what to use
   * instead: `Date.now()`, `Math.random()`, timers, files, sockets of the host. On io_uring the
   * time and randomness are recorded instead. Default false. See docs/determinism.md.
   */
  strict?: boolean;
  /**
   * Writes the session to this file, where a recording is replaced; `true`, or options without a
   * path, writes it into the user's library of recordings. See docs/recordings.md.
   */
  record?: string | boolean | RecordOptions;
}

export interface RecordOptions extends RecordPolicy {
  /** The file; without one it is made in the library, and the session's summary has its path. */
  path?: string | undefined;
  /** Kept with the recording by name: the scenario's text, input files. */
  attachments?: ReadonlyMap<string, Uint8Array>;
  /** What a replay has to know to run the same program again; plain JSON. */
  program?: unknown;
  /**
   * Events between two checks of the engine's state, from 1: default 16,384. Fewer tell more
   * closely where a replay left the recorded run, and cost more.
   */
  stateEvents?: number;
}

export const RAM_BYTES_DEFAULT = 64 << 20;

/** For each of 10,000 connections a service, a read and a write, one end and some queues. */
const SLOTS_DEFAULT = 32_768;
const ENDS_DEFAULT = 32_768;
const LISTS_DEFAULT = 65_536;

/** The limits with their defaults: what a session is recorded with. */
export function fillLimits({ ends = ENDS_DEFAULT, table = {} }: EngineLimits = {}) {
  const { lists = LISTS_DEFAULT, slots = SLOTS_DEFAULT } = table;
  return { ends, table: { ...table, lists, slots } };
}

const OPTIONS = {
  providers: "an array of what defineProvider() gave",
  backend: '"auto", "uring" or "emulated"',
  clock: '"virtual" or "paced"',
  seed: "a whole number",
  permute: "true or false",
  uring: "an object",
  ramBytes: "a whole number from 4096",
  arenaBytes: "a whole number from 1 MiB",
  limits: "an object of table and ends",
  settings: "an object of objects, by kind of provider",
  digest: "true or false",
  strict: "true or false",
  record: "a path, true for the library, or an object of options",
} as const;
type OptionName = keyof typeof OPTIONS;

const isOneOf =
  (...words: string[]) =>
  (value: unknown): boolean =>
    words.includes(value as string);
const isObject = (value: unknown): boolean => typeof value === "object" && value !== null;
const isFlag = (value: unknown): boolean => typeof value === "boolean";
const hasPath = ({ path }: { path?: unknown }): boolean =>
  path === undefined || (typeof path === "string" && path !== "");
const isWholeFrom =
  (low: number) =>
  (value: unknown): boolean =>
    Number.isSafeInteger(value) && (value as number) >= low;

const CHECKS: Readonly<Record<OptionName, (value: unknown) => boolean>> = {
  providers: (value) =>
    Array.isArray(value) && value.every((each) => isObject(each) && "apiVersion" in each),
  backend: isOneOf("auto", "uring", "emulated"),
  clock: isOneOf("virtual", "paced"),
  // Its range is checked where it is used, with an error of its own.
  seed: (value) => typeof value === "number",
  permute: isFlag,
  uring: isObject,
  ramBytes: isWholeFrom(4096),
  arenaBytes: isWholeFrom(1 << 20),
  limits: (value) =>
    isObject(value) && Object.keys(value!).every((key) => key === "table" || key === "ends"),
  settings: (value) => isObject(value) && Object.values(value!).every(isObject),
  digest: isFlag,
  strict: isFlag,
  record: (value) =>
    typeof value === "string" || isFlag(value) || (isObject(value) && hasPath(value!)),
};

/**
 * Refuses options that are none, or of a wrong kind.
 * @throws {TypeError} naming the option, what was found and what is wanted
 */
export function checkOptions(options: object): void {
  for (const [name, value] of Object.entries(options ?? {})) {
    if (!(name in OPTIONS)) {
      const known = Object.keys(OPTIONS).join(", ");
      throw new TypeError(`Cannot start: there is no option "${name}": the options are ${known}`);
    }
    if (value === undefined || CHECKS[name as OptionName](value)) continue;
    const wanted = OPTIONS[name as OptionName];
    throw new TypeError(`Cannot start: ${name} must be ${wanted}: found ${Bun.inspect(value)}`);
  }
}
