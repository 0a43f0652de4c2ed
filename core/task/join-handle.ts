/**
 * The right to hear how a task ended, to end it, or to let it go. A handle that is dropped lets its
 * task go: the task runs to its end, and its failure, if nobody joined it, fails the run.
 */
import { ReelError } from "../errors.ts";
import { EndWait, type Task } from "./task.ts";
import type { WaitSet } from "./wait-set.ts";

/** What a handle needs of the executor. */
export interface JoinContext {
  readonly current: Task | undefined;
  /** Who waits if something is waited for now: the current task, or the host code. */
  readonly owner: WaitSet;
  /** Somebody has taken the error of this task: it no longer fails the run. */
  forgive(task: Task): void;
}

class JoinWait<T> extends EndWait<T> {
  override taskEnded(task: Task): void {
    if (task.status === "completed") this.wake(task.outcome as T);
    else this.fail(task.outcome);
  }
}

class CancelWait<T> extends EndWait<T | undefined> {
  override taskEnded(task: Task): void {
    if (task.status === "failed") this.fail(task.outcome);
    else this.wake(task.status === "completed" ? (task.outcome as T) : undefined);
  }
}

/**
 * A spawned task, seen from outside.
 *
 * `await using child = executor.spawn(...)` cancels and awaits the task when the scope ends.
 */
export class JoinHandle<T> implements AsyncDisposable {
  /** The task itself, for reports. */
  readonly task: Task;
  readonly #context: JoinContext;
  #joined = false;
  #detached = false;

  constructor(task: Task, context: JoinContext) {
    this.task = task;
    this.#context = context;
  }

  get name(): string {
    return this.task.name;
  }

  /** Whether the task is over, in whichever way. It stays so. */
  get finished(): boolean {
    return this.task.finished;
  }

  /** Whether the task ended because it was cancelled. It stays so. */
  get cancelled(): boolean {
    return this.task.status === "cancelled";
  }

  /**
   * Waits for the task and takes its result. Consumes the handle.
   * @returns what the body returned; a finished task's result comes without suspending
   * @throws what the body threw
   * @throws {ReelError} ERR_CANCELLED when the task was cancelled
   * @throws {ReelError} ERR_BAD_HANDLE when the handle was joined or detached before
   * @throws {ReelError} ERR_DEADLOCK when a task joins itself
   */
  join(): Promise<T> {
    const refusal = this.#refusal("join");
    if (refusal !== undefined) return Promise.reject(refusal);
    this.#joined = true;
    const task = this.task;
    if (!task.finished) {
      const description = () => `task "${task.name}" to end`;
      const wait = new JoinWait<T>(this.#context.owner, description);
      task.whenEnded(wait);
      return wait.promise;
    }
    this.#context.forgive(task);
    if (task.status === "completed") return Promise.resolve(task.outcome as T);
    return Promise.reject(task.outcome);
  }

  /**
   * Asks the task to end and waits until its clean-up is done. A task that has not run yet never
   * does. Asking again, or asking a finished task, is no error.
   * @returns the result, if the task got as far in spite of it; else undefined
   * @throws what the body threw, if it failed otherwise than by being cancelled
   * @throws {ReelError} ERR_BAD_HANDLE when the task was detached: it is out of reach
   * @throws {ReelError} ERR_DEADLOCK when a task cancels itself: it would wait for its own clean-up
   */
  cancel(): Promise<T | undefined> {
    const refusal = this.#refusal("cancel");
    if (refusal !== undefined) return Promise.reject(refusal);
    const task = this.task;
    if (!task.finished) {
      task.requestCancel();
      const description = () => `task "${task.name}" to clean up`;
      const wait = new CancelWait<T>(this.#context.owner, description);
      task.whenEnded(wait);
      return wait.promise;
    }
    this.#context.forgive(task);
    if (task.status === "failed") return Promise.reject(task.outcome);
    return Promise.resolve(task.status === "completed" ? (task.outcome as T) : undefined);
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

  #refusal(action: "join" | "cancel"): ReelError | undefined {
    if (this.#detached || (action === "join" && this.#joined)) return this.#badHandle(action);
    if (this.#context.current !== this.task) return undefined;
    return new ReelError(
      "ERR_DEADLOCK",
      `Cannot ${action} task "${this.name}" from inside itself: it would wait for its own end`,
      { mend: "Return or throw to end the task, or let another task do it" },
    );
  }

  #badHandle(action: string): ReelError {
    const found = this.#detached ? "detached" : "joined";
    return new ReelError(
      "ERR_BAD_HANDLE",
      `Cannot ${action} task "${this.name}": its handle was ${found} before`,
      { mend: "Join or detach a handle once, and keep the result" },
    );
  }
}
