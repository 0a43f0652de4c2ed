/** What a pool is started with, and what each of its threads makes of it. */
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";

import { ReelError } from "../errors.ts";
import { Random, hostSeed } from "../random.ts";
import { checkOptions, type RuntimeOptions } from "../runtime/options.ts";

/** Options of a pool: those of a runtime, which are the threads', and these. */
export interface PoolOptions extends Omit<RuntimeOptions, "record" | "providers"> {
  /** How many threads, each with a runtime of its own. By default one for each processor. */
  threads?: number;
  /**
   * Modules whose exported providers are registered in every thread, beside the built-in ones: a
   * URL, or a string as {@link moduleAddress} takes it.
   */
  providers?: readonly (string | URL)[];
  /**
   * Folder for one recording a thread: `thread-0.reel` and so on; `thread-0-2.reel` is that of the
   * second one in place 0, after the first had died.
   */
  recordDir?: string;
  /**
   * Whether each thread waits in the kernel instead of its event loop: faster, for tasks that need
   * nothing but ioreel. Timers, fetch and promises of Bun's do not move in such a thread, and the
   * modules of its tasks must not await anything while they are loaded. It takes io_uring of Linux
   * 6.13; where that is not there and not insisted on, the threads have their event loops. Default
   * false.
   */
  blocking?: boolean;
  /** Patience for a thread that is to end, in milliseconds; then it is terminated. 10 s. */
  closeTimeoutMs?: number;
}

/** Every option with its value. */
export interface PoolSettings {
  readonly threads: number;
  readonly seed: number;
  /** Of each thread's runtime, without its seed and recording. */
  readonly runtime: Readonly<Record<string, unknown>>;
  readonly providers: readonly string[];
  readonly recordDir: string | undefined;
  readonly blocking: boolean;
  readonly closeTimeoutMs: number;
}

/** More threads than this are a mistake: each has a heap, a ring and a table of its own. */
export const THREADS_MAX = 1024;
const CLOSE_TIMEOUT_MS_DEFAULT = 10_000;
const CLOSE_TIMEOUT_MS_MAX = 3_600_000;

/**
 * Fills in the defaults.
 * @throws {TypeError} for an option that is none, or of a wrong kind, or cannot be sent to a thread
 * @throws {RangeError} for a number out of its range
 * @throws {ReelError} ERR_UNSUPPORTED for blocking threads on the emulated backend
 */
export function settlePool(options: PoolOptions): PoolSettings {
  const { threads, providers = [], recordDir, blocking = false, ...others } = options;
  const { closeTimeoutMs, seed, ...runtime } = others;
  if ("record" in runtime) {
    throw new TypeError("Cannot start a pool: record is for one runtime: use recordDir");
  }
  checkOptions({ ...runtime, ...(seed === undefined ? {} : { seed }) });
  if (recordDir !== undefined && (typeof recordDir !== "string" || recordDir === "")) {
    throw new TypeError(`Cannot start a pool: recordDir must be a path: found ${recordDir}`);
  }
  if (!Array.isArray(providers)) {
    throw new TypeError("Cannot start a pool: providers must be a list of modules");
  }
  try {
    structuredClone(runtime);
  } catch (cause) {
    throw new TypeError("Cannot start a pool: its options must be plain data", { cause });
  }
  return {
    threads: whole("threads", threads ?? navigator.hardwareConcurrency, 1, THREADS_MAX),
    seed: seed === undefined ? hostSeed() : whole("seed", seed, 0, Number.MAX_SAFE_INTEGER),
    runtime,
    providers: providers.map((module) => moduleAddress(module)),
    recordDir,
    blocking: mayBlock(blocking, runtime.backend),
    closeTimeoutMs: whole(
      "closeTimeoutMs",
      closeTimeoutMs ?? CLOSE_TIMEOUT_MS_DEFAULT,
      1,
      CLOSE_TIMEOUT_MS_MAX,
    ),
  };
}

/**
 * The seed of a thread's runtime: it follows from the pool's seed and the thread's number alone.
 * @param life how many runtimes the place has had before
 */
export function threadSeed(seed: number, thread: number, life: number): number {
  const random = new Random(seed).fork(`thread ${thread} life ${life}`);
  return random.uint32() * (1 << 20) + random.below(1 << 20);
}

/** Options of the runtime of a thread. */
export function threadOptions(settings: PoolSettings, thread: number, life: number): object {
  const { recordDir, runtime, seed } = settings;
  const program = { pool: { seed, thread, life } };
  const name = life === 0 ? `thread-${thread}.reel` : `thread-${thread}-${life + 1}.reel`;
  return {
    ...runtime,
    seed: threadSeed(seed, thread, life),
    ...(recordDir === undefined ? {} : { record: { path: resolve(recordDir, name), program } }),
  };
}

/**
 * The address by which every thread finds a module.
 * @param module a URL, best by `new URL("./jobs.ts", import.meta.url)`; or, as a string, a URL, a
 *   path (relative to the working directory) or the name of a package
 * @throws {TypeError} for anything else, or a path or package that is not there
 */
export function moduleAddress(module: string | URL): string {
  if (module instanceof URL) return module.href;
  if (typeof module !== "string" || module === "") {
    throw new TypeError(`Cannot find the module: it must be a URL or a path: found ${module}`);
  }
  if (/^[a-z][a-z0-9+.-]+:/i.test(module)) return module;
  try {
    return pathToFileURL(Bun.resolveSync(module, process.cwd())).href;
  } catch (cause) {
    throw new TypeError(`Cannot find the module ${JSON.stringify(module)}: nothing is there`, {
      cause,
    });
  }
}

function mayBlock(blocking: unknown, backend: string | undefined): boolean {
  if (typeof blocking !== "boolean") {
    throw new TypeError(`Cannot start a pool: blocking must be true or false: found ${blocking}`);
  }
  if (!blocking || backend !== "emulated") return blocking;
  throw new ReelError(
    "ERR_UNSUPPORTED",
    "Cannot start a pool: blocking threads wait in the kernel, which the emulated backend has not",
    { mend: "Leave blocking away: an emulated thread waits for nothing outside of it" },
  );
}

function whole(name: string, value: number, least: number, most: number): number {
  if (Number.isSafeInteger(value) && value >= least && value <= most) return value;
  throw new RangeError(
    `Cannot start a pool: ${name} must be a whole number from ${least} to ${most}: found ${value}`,
  );
}
