/**
 * A pool of threads, each with a runtime of its own: its own ring or machine, table and tasks. Work
 * goes there as a module, the name of a function that it exports, and arguments.
 *
 * Guarantees: a task stays on the thread that it was given to; each thread gives turns to one task
 * at a time, so that at most as many turns are going on as there are threads; a thread that dies
 * fails its own tasks with ERR_WORKER_DIED and nobody else's, and is replaced by a fresh one when
 * the next task is given to it. Not guaranteed: an order among tasks of different threads.
 */
import { mkdirSync } from "node:fs";

import { ReelError } from "../errors.ts";
import type { Job } from "./messages.ts";
import { moduleAddress, settlePool, type PoolOptions, type PoolSettings } from "./pool-options.ts";
import { PoolTask } from "./pool-task.ts";
import { PoolThread, type ThreadEnd } from "./pool-thread.ts";

/** What is known of a place of a pool. */
export interface ThreadFacts {
  readonly thread: number;
  readonly backend: "uring" | "emulated" | undefined;
  readonly seed: number | undefined;
  /** Tasks that it has and that are not over. */
  readonly load: number;
}

/** A task that failed and whose error nobody took. */
export interface PoolFailure {
  readonly name: string;
  readonly thread: number;
  readonly error: unknown;
}

/** How a pool came to its end. */
export interface PoolEnd {
  readonly threads: readonly ThreadEnd[];
  readonly failures: readonly PoolFailure[];
}

export class Pool implements AsyncDisposable {
  /** The seed from which those of the threads follow. */
  readonly seed: number;
  readonly #settings: PoolSettings;
  readonly #threads: readonly PoolThread[];
  readonly #unclaimed = new Set<PoolTask<unknown>>();
  #jobs = 0;
  #closing: Promise<PoolEnd> | undefined;

  private constructor(settings: PoolSettings, face: string) {
    this.seed = settings.seed;
    this.#settings = settings;
    const ended = (task: PoolTask<unknown>): void => {
      if (task.failure !== undefined) this.#unclaimed.add(task);
    };
    this.#threads = Array.from(
      { length: settings.threads },
      (_, index) => new PoolThread(index, { settings, face, ended }),
    );
  }

  /**
   * Starts a pool; use the `Runtime.pool` of the package's face.
   * @param face address of the module whose `Runtime` starts the runtime of each thread
   * @throws {TypeError | RangeError} for an option that is wrong
   * @throws {ReelError} what starting a thread's runtime failed with; ERR_WORKER_DIED; ERR_STORE
   *   when there can be no folder for recordings
   */
  static async start(options: PoolOptions, face: string): Promise<Pool> {
    const settings = settlePool(options);
    makeFolder(settings.recordDir);
    const pool = new Pool(settings, face);
    const starts = await Promise.allSettled(pool.#threads.map((thread) => thread.start()));
    const failed = starts.find((start) => start.status === "rejected");
    if (failed === undefined) return pool;
    await pool.close();
    throw failed.reason;
  }

  /** What is known of each thread. */
  get threads(): readonly ThreadFacts[] {
    return this.#threads.map(({ backend, seed, load }, thread) => {
      return { thread, backend, seed, load };
    });
  }

  /**
   * Runs `exportName(io, ...args)` of a module as a task of the thread that has the fewest tasks,
   * the first of these on a tie. `io` is the thread's runtime.
   * @param module see {@link moduleAddress}; a string is resolved from the working directory
   * @param args cloned (the structured clone algorithm), as is the result
   * @throws {TypeError} for a module that is not there, arguments that cannot be cloned
   * @throws {ReelError} ERR_CLOSED
   */
  run<T = unknown>(
    module: string | URL,
    exportName: string,
    ...args: readonly unknown[]
  ): PoolTask<T> {
    let least = 0;
    for (let thread = 1; thread < this.#threads.length; thread++) {
      if (this.#threads[thread]!.load < this.#threads[least]!.load) least = thread;
    }
    return this.runOn<T>(least, module, exportName, ...args);
  }

  /**
   * {@link run} on a thread of one's choice.
   * @throws {RangeError} for a thread that is not there
   */
  runOn<T = unknown>(
    thread: number,
    module: string | URL,
    exportName: string,
    ...args: readonly unknown[]
  ): PoolTask<T> {
    if (this.#closing !== undefined) {
      throw new ReelError("ERR_CLOSED", "Cannot run a task: the pool is closed", {
        mend: "Run it before the pool is closed, or start another",
      });
    }
    const place = this.#threads[thread];
    if (place === undefined) {
      const last = this.#settings.threads - 1;
      throw new RangeError(`Cannot run a task: thread must be from 0 to ${last}: found ${thread}`);
    }
    if (typeof exportName !== "string") {
      throw new TypeError(
        `Cannot run a task: exportName must be a string: found ${typeof exportName}`,
      );
    }
    const job: Job = { id: this.#jobs++, module: moduleAddress(module), exportName, args };
    const task = new PoolTask<unknown>(job.id, thread, `${exportName} of ${job.module}`, {
      cancel: (asked) => place.cancel(asked),
      forgive: (taken) => this.#unclaimed.delete(taken),
    });
    place.give(task, job);
    return task as PoolTask<T>;
  }

  /** Runs the function once on every thread: a server that shares its port, for instance. */
  each<T = unknown>(
    module: string | URL,
    exportName: string,
    ...args: readonly unknown[]
  ): PoolTask<T>[] {
    return this.#threads.map((_, thread) => this.runOn<T>(thread, module, exportName, ...args));
  }

  /**
   * Ends the pool: tasks are cancelled and cleaned up, the runtimes closed, and the threads end by
   * themselves. One that does not within `closeTimeoutMs` is terminated. Idempotent.
   * @returns how each thread ended, and failed tasks that nobody joined
   */
  close(): Promise<PoolEnd> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /**
   * {@link close}, unless that was called before.
   * @throws the error of a task or thread that nobody took; an AggregateError of several
   */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closing !== undefined) return void (await this.#closing);
    const { threads, failures } = await this.close();
    const errors = failures.map(({ error }) => error);
    for (const { error } of threads) if (error !== undefined) errors.push(error);
    const [first] = errors;
    if (errors.length === 1) throw first;
    if (errors.length === 0) return;
    const names = failures.map(({ name }) => name).join(", ");
    throw new AggregateError(
      errors,
      `Cannot close the pool in peace: failed and not joined: ${names}`,
    );
  }

  async #close(): Promise<PoolEnd> {
    const threads = await Promise.all(this.#threads.map((thread) => thread.close()));
    const failures = Array.from(this.#unclaimed, (task) => {
      return { name: task.name, thread: task.thread, error: task.failure };
    });
    return { threads, failures };
  }
}

function makeFolder(path: string | undefined): void {
  if (path === undefined) return;
  try {
    mkdirSync(path, { recursive: true });
  } catch (cause) {
    throw new ReelError("ERR_STORE", `Cannot make the folder for recordings: ${path}`, {
      mend: "Check the path and its permissions",
      cause,
    });
  }
}
