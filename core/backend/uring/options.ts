/**
 * What a caller may choose about the io_uring backend, its defaults and limits, and the faults that
 * tests (and curious users) can have simulated.
 */
import { MAX_COMPLETION_ENTRIES, MAX_SUBMISSION_ENTRIES, SETUP_FLAG } from "./abi.ts";
import type { SetupFlagName } from "./abi.ts";
import type { Resolver } from "./resolver.ts";

/** Where the rings live: in a SharedArrayBuffer of ours, or in kernel memory mapped to us. */
export type RingMemoryKind = "shared" | "mapped";

/** Who enters the kernel: the program's thread, on its event loop, or a thread beside it. */
export type CompletionsBy = "loop" | "thread" | "auto";

export interface UringOptions {
  /** Submission queue: how many requests are prepared before they must be handed over. 256. */
  entries?: number;
  /** Completion queue. By default twice the slots: each slot's request and its cancel fit. */
  completionEntries?: number;
  /** Slots are numbered from 0 to here: the size of the descriptor table. 1024; at most 2²⁰. */
  slots?: number;
  /** "auto" tries shared memory, then mapped. */
  memory?: "auto" | RingMemoryKind;
  /** Set-up flags to do without, although the kernel may know them. */
  avoidFlags?: readonly SetupFlagName[];
  /** Opcodes that must be there; the backend does not open without them. */
  opcodes?: readonly number[];
  /** Most events delivered by one poll; the rest come at the next, so others get a turn. 512. */
  reapLimit?: number;
  /** Most event-loop turns that a wake-up may spin through before it sleeps on the eventfd. 32. */
  spinLimit?: number;
  /** Patience for the start-up test of the wake-up path, in milliseconds. 1000. */
  selfTestMs?: number;
  /** Patience for requests that do not end although they are cancelled, at close. 10 s. */
  closeTimeoutMs?: number;
  /**
   * Who enters the kernel. `loop` (the default): the program's own thread, which is fastest.
   * `thread`: a thread beside it, so that no system call of the ring's ever holds up the program's
   * event loop; it takes Linux 6.13. `auto`: a thread where that can be had.
   */
  completions?: CompletionsBy;
  faults?: UringFaults;
}

/** Failures to simulate, so that what follows them can be seen without a broken machine. */
export interface UringFaults {
  /** io_uring_setup fails with this error number. */
  setupErrno?: number;
  /** The kernel knows these set-up flags only: any other is EINVAL. */
  knownSetupFlags?: number;
  /** The opcode probe does not list these. */
  maskOpcodes?: readonly number[];
  /** The eventfd wake-up does not work. */
  eventfdSelfTest?: "fail";
  /** The kernel (older than 5.19) refuses to cancel by file and in bulk. */
  cancelFlags?: "refuse";
  /** The kernel (older than 5.19) knows no buffer groups. */
  bufferGroups?: "refuse";
  /** The kernel (older than 5.19) registers no files, or locks no memory for us, or neither. */
  atHand?: "files" | "memory" | "both";
  /** The kernel (older than 6.13) carries no messages to rings of other threads. */
  messages?: "refuse";
  /** Answers look-ups in place of the host's. */
  resolver?: Resolver;
  /**
   * Called before each io_uring_enter.
   * @returns an error number with which the call fails without reaching the kernel, or 0
   */
  enter?: (submit: number, wait: number) => number;
}

/** Every option with its value. */
export interface UringSettings {
  readonly entries: number;
  readonly completionEntries: number;
  readonly slots: number;
  readonly memory: "auto" | RingMemoryKind;
  readonly avoidFlags: number;
  readonly opcodes: readonly number[];
  readonly reapLimit: number;
  readonly spinLimit: number;
  readonly selfTestMs: number;
  readonly closeTimeoutMs: number;
  readonly completions: CompletionsBy;
  readonly faults: UringFaults;
}

const DEFAULT_ENTRIES = 256;
const DEFAULT_SLOTS = 1024;
/** User data keeps its top bit for requests of the backend's own. */
const SLOTS_MAX = 1 << 20;
/** At under a microsecond each, a poll's callbacks stay below half a millisecond. */
const DEFAULT_REAP_LIMIT = 512;
/** An event-loop turn is about a microsecond; sleeping and waking costs about three. */
const DEFAULT_SPIN_LIMIT = 32;

/**
 * Fills in the defaults.
 * @throws {RangeError} when a number is out of its range, or an avoided flag has no such name
 */
export function settle(options: UringOptions): UringSettings {
  const slots = whole("slots", options.slots ?? DEFAULT_SLOTS, 1, SLOTS_MAX);
  const entries = whole("entries", options.entries ?? DEFAULT_ENTRIES, 1, MAX_SUBMISSION_ENTRIES);
  const roomy = Math.min(Math.max(2 * slots, 2 * entries), MAX_COMPLETION_ENTRIES);
  const completionEntries = whole(
    "completionEntries",
    options.completionEntries ?? roomy,
    1,
    MAX_COMPLETION_ENTRIES,
  );
  return {
    // A request and its timeout are handed over together.
    entries: Math.max(powerOfTwo(entries), 2),
    // The kernel refuses a completion queue smaller than the submission queue.
    completionEntries: Math.max(powerOfTwo(completionEntries), powerOfTwo(entries), 2),
    slots,
    memory: options.memory ?? "auto",
    avoidFlags: flagsOf(options.avoidFlags ?? []),
    opcodes: options.opcodes ?? [],
    reapLimit: whole("reapLimit", options.reapLimit ?? DEFAULT_REAP_LIMIT, 1, 1 << 30),
    spinLimit: whole("spinLimit", options.spinLimit ?? DEFAULT_SPIN_LIMIT, 0, 1 << 20),
    selfTestMs: whole("selfTestMs", options.selfTestMs ?? 1000, 1, 60_000),
    closeTimeoutMs: whole("closeTimeoutMs", options.closeTimeoutMs ?? 10_000, 0, 3_600_000),
    completions: completionsBy(options),
    faults: options.faults ?? {},
  };
}

function completionsBy({ completions = "loop", faults }: UringOptions): CompletionsBy {
  if (!["loop", "thread", "auto"].includes(completions)) {
    throw new RangeError(
      'Cannot open the io_uring backend: completions must be "loop", "thread" or "auto": ' +
        `found ${Bun.inspect(completions)}`,
    );
  }
  if (completions === "loop" || faults?.enter === undefined) return completions;
  throw new RangeError("Cannot simulate failures of io_uring_enter in a thread beside this one");
}

function whole(name: string, value: number, least: number, most: number): number {
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw new RangeError(
    `Cannot open the io_uring backend: ${name} must be a whole number from ${least} to ${most}: ` +
      `found ${value}`,
  );
}

function powerOfTwo(value: number): number {
  return value <= 1 ? 1 : 2 ** (32 - Math.clz32(value - 1));
}

function flagsOf(names: readonly SetupFlagName[]): number {
  let flags = 0;
  for (const name of names) {
    if (!(name in SETUP_FLAG)) {
      throw new RangeError(`Cannot avoid the set-up flag "${name}": there is no such flag`);
    }
    flags |= SETUP_FLAG[name];
  }
  return flags;
}
