/**
 * One place of a pool, as the thread that owns the pool sees it: the worker that holds it now, and
 * the tasks that were given to it. A worker that dies takes its tasks along, and the next task that
 * is given to the place gets a fresh one.
 */
import { ReelError } from "../errors.ts";
import type { SessionSummary } from "../runtime/session.ts";
import type { Job } from "./messages.ts";
import { threadOptions, type PoolSettings } from "./pool-options.ts";
import type { PoolTask } from "./pool-task.ts";
import { WorkerLife, type News } from "./worker-life.ts";

/** How a place of the pool came to its end. */
export interface ThreadEnd {
  readonly thread: number;
  /**
   * `closed`: closed its runtime and ended by itself. `terminated`: did not end in time and was
   * ended by force; what it had open stays open, and the memory that the kernel may still write to
   * stays taken, until the process ends. `died`: had ended by itself before.
   */
  readonly ended: "closed" | "terminated" | "died";
  /** What failed in it and belongs to no task: its death, a task of a task that nobody joined. */
  readonly error: unknown;
  /** Its recording. */
  readonly session: SessionSummary | undefined;
}

/** What a place needs of its pool. */
export interface ThreadHost {
  readonly settings: PoolSettings;
  readonly face: string;
  /** A task is over, and its error, if it failed, is nobody's yet. */
  ended(task: PoolTask<unknown>): void;
}

export class PoolThread {
  readonly #index: number;
  readonly #host: ThreadHost;
  readonly #tasks = new Map<number, PoolTask<unknown>>();
  #lives = 0;
  #life: WorkerLife | undefined;
  #ready = Promise.withResolvers<void>();
  /** Whether tasks were given that are to begin together, once the caller is done giving. */
  #giving = false;
  #last: ThreadEnd;
  /** What runs in it: known once it is ready. */
  backend: "uring" | "emulated" | undefined;
  seed: number | undefined;

  constructor(index: number, host: ThreadHost) {
    this.#index = index;
    this.#host = host;
    this.#last = { thread: index, ended: "closed", error: undefined, session: undefined };
  }

  /** Tasks that were given to it and are not over. */
  get load(): number {
    return this.#tasks.size;
  }

  /**
   * Begins its life, and waits until its runtime is there.
   * @throws what starting the runtime threw; ERR_WORKER_DIED
   */
  start(): Promise<void> {
    this.#begin();
    return this.#ready.promise;
  }

  /**
   * Gives it a task. Those that are given in one go begin together.
   * @throws {TypeError} when the arguments cannot be cloned
   */
  give(task: PoolTask<unknown>, job: Job): void {
    const life = this.#life ?? this.#begin();
    try {
      life.say({ kind: "run", job });
    } catch (cause) {
      throw new TypeError(`Cannot run ${task.name}: its arguments cannot be cloned`, { cause });
    }
    this.#tasks.set(task.id, task);
    life.hold(true);
    if (this.#giving) return;
    this.#giving = true;
    queueMicrotask(() => {
      this.#giving = false;
      if (this.#life === life) life.say({ kind: "begin" });
    });
  }

  cancel(task: PoolTask<unknown>): void {
    this.#life?.say({ kind: "cancel", id: task.id });
  }

  /** Ends it: its tasks are cancelled, its runtime closed, and the worker ends by itself. */
  async close(): Promise<ThreadEnd> {
    await this.#life?.close(this.#host.settings.closeTimeoutMs);
    return this.#last;
  }

  #begin(): WorkerLife {
    const { settings, face } = this.#host;
    const setup = {
      face,
      options: threadOptions(settings, this.#index, this.#lives++),
      providers: settings.providers,
      blocking: settings.blocking,
    };
    const life = new WorkerLife(setup, (message) => this.#hear(life, message));
    this.#life = life;
    this.#ready = Promise.withResolvers<void>();
    this.#ready.promise.catch(() => {});
    void life.exited.then((code) => this.#exited(life, code));
    return life;
  }

  #hear(life: WorkerLife, message: News): void {
    if (message.kind === "ready") {
      this.backend = message.backend;
      this.seed = message.seed;
      this.#ready.resolve();
    } else {
      const task = this.#tasks.get(message.id);
      if (task === undefined) return;
      this.#tasks.delete(message.id);
      task.settle(message.outcome);
      this.#host.ended(task);
    }
    // The process lives on for the sake of a pool only while the pool has something to do.
    if (!life.closing) life.hold(this.#tasks.size > 0);
  }

  #exited(life: WorkerLife, code: number): void {
    this.#life = undefined;
    const { farewell, closing, terminated, cause } = life;
    const orderly = farewell !== undefined && closing;
    const death = this.#deathOf(life, code);
    this.#last = {
      thread: this.#index,
      ended: terminated ? "terminated" : orderly ? "closed" : "died",
      error: orderly ? cause : death,
      session: farewell?.session,
    };
    // A runtime that could not be started says why in its own words.
    this.#ready.reject(farewell?.error === undefined ? death : cause);
    for (const task of this.#tasks.values()) {
      task.lose(death);
      this.#host.ended(task);
    }
    this.#tasks.clear();
  }

  #deathOf({ cause, terminated }: WorkerLife, code: number): ReelError {
    const failure = cause instanceof Error ? cause.message : Bun.inspect(cause);
    const ending = cause === undefined ? `it exited with code ${code}` : `it failed: ${failure}`;
    const why = terminated ? "it was terminated, because it did not end in time" : ending;
    return new ReelError(
      "ERR_WORKER_DIED",
      `Cannot finish the tasks of thread ${this.#index} of the pool: ${why}`,
      {
        mend: "Look in the cause; tasks that are given to the thread from now on get a fresh one",
        details: { thread: this.#index, exitCode: code },
        ...(cause === undefined ? {} : { cause }),
      },
    );
  }
}
