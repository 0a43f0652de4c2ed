/**
 * One place of a pool, seen from the thread that owns the pool: the worker that holds it now, and
 * the tasks that were given to it. A worker that dies takes its tasks along, and the next task that
 * is given to the place gets a fresh one.
 */
import {
  MessageChannel,
  Worker,
  receiveMessageOnPort,
  type MessagePort,
} from "node:worker_threads";

import { hostAfter } from "../clock.ts";
import { ReelError } from "../errors.ts";
import type { SessionSummary } from "../runtime/session.ts";
import { unpackError } from "./carried-error.ts";
import type { FromThread, Job, ThreadSetup, ToThread } from "./messages.ts";
import { threadOptions, type PoolSettings } from "./pool-options.ts";
import type { PoolTask } from "./pool-task.ts";

/** How a place of the pool came to its end. */
export interface ThreadEnd {
  readonly thread: number;
  /**
   * `closed` its runtime and ended by itself; was `terminated` because it did not end in time, so
   * that memory its requests name is never used again; or had `died` before.
   */
  readonly ended: "closed" | "terminated" | "died";
  /** What failed in it that belongs to no task: a task's own task that nobody joined, its death. */
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

const ENTRY = new URL("./thread-main.ts", import.meta.url);

/** One worker's life. */
class Life {
  readonly worker: Worker;
  readonly port: MessagePort;
  /** What it said last, about its runtime's end. */
  farewell: (FromThread & { kind: "closed" }) | undefined;
  /** What was thrown in it and caught by nobody. */
  fault: unknown;
  /** Set when it was told to close. */
  closing = false;
  terminated = false;
  readonly exited = Promise.withResolvers<number>();

  constructor(setup: Omit<ThreadSetup, "port">) {
    const { port1, port2 } = new MessageChannel();
    this.port = port1;
    this.worker = new Worker(ENTRY, {
      workerData: { ...setup, port: port2 },
      transferList: [port2],
    });
    this.worker.on("error", (error) => {
      this.fault = error;
    });
    this.worker.on("exit", (code) => this.exited.resolve(code));
  }
}

export class PoolThread {
  readonly #index: number;
  readonly #host: ThreadHost;
  readonly #tasks = new Map<number, PoolTask<unknown>>();
  #lives = 0;
  #life: Life | undefined;
  #ready = Promise.withResolvers<void>();
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
   * Gives it a task.
   * @throws {TypeError} when the arguments cannot be cloned
   */
  give(task: PoolTask<unknown>, job: Job): void {
    const life = this.#life ?? this.#begin();
    try {
      life.port.postMessage({ kind: "run", job } satisfies ToThread);
    } catch (cause) {
      throw new TypeError(`Cannot run ${task.name}: its arguments cannot be cloned`, { cause });
    }
    this.#tasks.set(task.id, task);
    this.#hold();
  }

  cancel(task: PoolTask<unknown>): void {
    this.#life?.port.postMessage({ kind: "cancel", id: task.id } satisfies ToThread);
  }

  /** Ends it: its tasks are cancelled, its runtime closed, and the worker ends by itself. */
  async close(): Promise<ThreadEnd> {
    const life = this.#life;
    if (life === undefined) return this.#last;
    life.closing = true;
    life.worker.ref();
    life.port.postMessage({ kind: "close" } satisfies ToThread);
    const withdraw = hostAfter(this.#host.settings.closeTimeoutMs, () => {
      life.terminated = true;
      void life.worker.terminate();
    });
    await life.exited.promise;
    withdraw();
    return this.#last;
  }

  #begin(): Life {
    const { settings, face } = this.#host;
    const life = new Life({
      thread: this.#index,
      face,
      options: threadOptions(settings, this.#index, this.#lives++),
      providers: settings.providers,
    });
    this.#life = life;
    this.#ready = Promise.withResolvers<void>();
    this.#ready.promise.catch(() => {});
    life.port.on("message", (message: FromThread) => this.#hear(life, message));
    void life.exited.promise.then((code) => this.#exited(life, code));
    return life;
  }

  #hear(life: Life, message: FromThread): void {
    switch (message.kind) {
      case "ready":
        this.backend = message.backend;
        this.seed = message.seed;
        this.#ready.resolve();
        this.#hold();
        return;
      case "ended": {
        const task = this.#tasks.get(message.id);
        if (task === undefined) return;
        this.#tasks.delete(message.id);
        task.settle(message.outcome);
        this.#host.ended(task);
        this.#hold();
        return;
      }
      default:
        life.farewell = message;
    }
  }

  /** The process lives on for the sake of a pool only while the pool has something to do. */
  #hold(): void {
    const life = this.#life;
    if (life === undefined || life.closing) return;
    if (this.#tasks.size > 0) life.worker.ref();
    else life.worker.unref();
  }

  #exited(life: Life, code: number): void {
    // What it said last may not have been heard yet.
    for (let next = nextOf(life.port); next !== undefined; next = nextOf(life.port)) {
      this.#hear(life, next);
    }
    life.port.close();
    this.#life = undefined;
    const { farewell, terminated } = life;
    const error =
      farewell?.error === undefined
        ? this.#deathOf(life, code)
        : (unpackError(farewell.error) as Error);
    const orderly = farewell !== undefined && life.closing;
    this.#last = {
      thread: this.#index,
      ended: terminated ? "terminated" : orderly ? "closed" : "died",
      error: orderly && farewell.error === undefined ? undefined : error,
      session: farewell?.session,
    };
    this.#ready.reject(error);
    const lost = this.#deathOf(life, code);
    for (const task of this.#tasks.values()) {
      task.lose(lost);
      this.#host.ended(task);
    }
    this.#tasks.clear();
  }

  #deathOf(life: Life, code: number): ReelError {
    const cause =
      life.farewell?.error === undefined ? life.fault : unpackError(life.farewell.error);
    const why = life.terminated
      ? "it was terminated"
      : cause === undefined
        ? `it exited with code ${code}`
        : `it failed with ${cause instanceof Error ? cause.message : String(cause)}`;
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

function nextOf(port: MessagePort): FromThread | undefined {
  return (receiveMessageOnPort(port) as { message: FromThread } | undefined)?.message;
}
