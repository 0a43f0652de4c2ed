/**
 * A task that runs in a thread of a pool, as its owner sees it: what a join handle is in a runtime.
 * A handle that is dropped lets its task go: the task runs to its end, and its failure, if nobody
 * took it, is reported when the pool is closed.
 */
import { ReelError } from "../errors.ts";
import { unpackError } from "./carried-error.ts";
import type { Outcome } from "./messages.ts";

/** How a task ended, in this thread's objects. */
type Ending =
  | { readonly status: "completed"; readonly value: unknown }
  | { readonly status: "failed" | "cancelled" | "lost"; readonly error: unknown };

/** What a handle needs of the pool. */
export interface PoolTaskHost {
  /** Asks the task's thread to cancel it. */
  cancel(task: PoolTask<unknown>): void;
  /** Somebody has taken the task's error: it is not reported any more. */
  forgive(task: PoolTask<unknown>): void;
}

export class PoolTask<T> implements AsyncDisposable {
  /** Its number in the pool, from 0. */
  readonly id: number;
  /** The thread that it runs on, from 0; it never changes. */
  readonly thread: number;
  /** The function, for reports: `render of file:///.../jobs.ts`. */
  readonly name: string;
  readonly #host: PoolTaskHost;
  readonly #settled = Promise.withResolvers<Ending>();
  #ending: Ending | undefined;
  #joined = false;
  #detached = false;
  #asked = false;

  /** Made by the pool. */
  constructor(id: number, thread: number, name: string, host: PoolTaskHost) {
    this.id = id;
    this.thread = thread;
    this.name = name;
    this.#host = host;
  }

  /** Whether the task is over, in whichever way. It stays so. */
  get finished(): boolean {
    return this.#ending !== undefined;
  }

  /** Whether the task ended because it was cancelled. It stays so. */
  get cancelled(): boolean {
    return this.#ending?.status === "cancelled";
  }

  /** The error of a task that failed or was lost with its thread; undefined otherwise. */
  get failure(): unknown {
    const ending = this.#ending;
    return ending?.status === "failed" || ending?.status === "lost" ? ending.error : undefined;
  }

  /**
   * Waits for the task and takes its result. Consumes the handle.
   * @returns a clone of what the function returned
   * @throws what the function threw: with its code, mend and stack, of the same class where that is
   *   ioreel's or the language's
   * @throws {ReelError} ERR_CANCELLED when the task was cancelled, ERR_WORKER_DIED when its thread
   *   ended before it did, ERR_BAD_HANDLE when the handle was joined or detached before
   */
  async join(): Promise<T> {
    if (this.#joined || this.#detached) throw this.#badHandle("join");
    this.#joined = true;
    const ending = await this.#settled.promise;
    this.#host.forgive(this as PoolTask<unknown>);
    if (ending.status === "completed") return ending.value as T;
    throw ending.error;
  }

  /**
   * Asks the task to end and waits until its clean-up is done, in its thread. Asking again, or
   * asking a finished task, is no error.
   * @returns the result, if the task got as far in spite of it; else undefined
   * @throws what the function threw, if it failed otherwise than by being cancelled
   * @throws {ReelError} ERR_WORKER_DIED when its thread ended first, ERR_BAD_HANDLE when the handle
   *   was detached
   */
  async cancel(): Promise<T | undefined> {
    if (this.#detached) throw this.#badHandle("cancel");
    if (!this.#asked && !this.finished) this.#host.cancel(this as PoolTask<unknown>);
    this.#asked = true;
    const ending = await this.#settled.promise;
    this.#host.forgive(this as PoolTask<unknown>);
    if (ending.status === "completed") return ending.value as T;
    if (ending.status === "cancelled") return undefined;
    throw ending.error;
  }

  /**
   * Lets the task go: it runs to its end and cannot be cancelled through this handle.
   * @throws {ReelError} ERR_BAD_HANDLE when the handle was joined or detached before
   */
  detach(): void {
    if (this.#joined || this.#detached) throw this.#badHandle("detach");
    this.#detached = true;
  }

  /** Cancels and awaits the task, unless it was joined or detached. Throws if it failed. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#joined && !this.#detached) await this.cancel();
  }

  /** The thread has told how it ended. Called by the pool. */
  settle(outcome: Outcome): void {
    if (outcome.status === "completed") this.#end(outcome);
    else this.#end({ status: outcome.status, error: unpackError(outcome.error) });
  }

  /** The thread will not tell any more. Called by the pool. */
  lose(error: ReelError): void {
    this.#end({ status: "lost", error });
  }

  #end(ending: Ending): void {
    if (this.#ending !== undefined) return;
    this.#ending = ending;
    this.#settled.resolve(ending);
  }

  #badHandle(action: string): ReelError {
    const found = this.#detached ? "detached" : "joined";
    return new ReelError(
      "ERR_BAD_HANDLE",
      `Cannot ${action} the task ${this.name}: its handle was ${found} before`,
      { mend: "Join or detach a handle once, and keep the result" },
    );
  }
}
