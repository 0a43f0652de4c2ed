/**
 * A group of tasks with a common end: whatever way its scope is left, no child outlives it.
 *
 * `await using tasks = new TaskGroup(executor)` cancels and awaits the children at the scope's end.
 */
import { ReelError } from "../errors.ts";
import type { Executor, SpawnOptions } from "./executor.ts";
import { JoinHandle } from "./join-handle.ts";
import { Scope } from "./scope.ts";

export interface TaskGroupOptions {
  /** For messages. */
  name?: string;
  /**
   * Whether the results are kept for `join`; true by default. A group that keeps spawning, such as
   * a server's, says false, and finished children leave nothing behind.
   */
  keepResults?: boolean;
}

export class TaskGroup<T = unknown> implements AsyncDisposable {
  readonly name: string;
  readonly #executor: Executor;
  readonly #scope: Scope;
  #joined = false;
  #closed = false;
  #reported = false;
  #cutShort = false;

  constructor(executor: Executor, options: TaskGroupOptions = {}) {
    this.name = options.name ?? "group";
    this.#executor = executor;
    this.#scope = new Scope(executor, `tasks of group "${this.name}"`, options.keepResults);
  }

  /** How many children are not over. */
  get size(): number {
    return this.#scope.unfinished;
  }

  /**
   * Starts a child. Children may start siblings while the group is being joined.
   * @throws {ReelError} ERR_CLOSED when the group is closed or was joined to its end
   */
  spawn<U extends T>(body: () => U | Promise<U>, options?: SpawnOptions): JoinHandle<U> {
    if (this.#closed) {
      throw new ReelError("ERR_CLOSED", `Cannot spawn in group "${this.name}": it is closed`);
    }
    return new JoinHandle<U>(this.#scope.spawn(body, options), this.#executor);
  }

  /**
   * Waits until all children are over. The first error cancels the rest and is thrown when they
   * have cleaned up; later errors are dropped, and those of a clean-up fail the run.
   * @returns the results in the order of the spawns; undefined for a child that was cancelled; an
   *   empty list for an empty group, and for one that does not keep results
   * @throws {ReelError} ERR_BAD_HANDLE when the group was joined before
   * @throws {ReelError} ERR_CLOSED when the group was closed before, or is before the children end
   * @throws {ReelError} ERR_DEADLOCK when one of the children calls it
   * @throws {ReelError} ERR_CANCELLED when the calling task is cancelled; the children are over
   */
  async join(): Promise<(T | undefined)[]> {
    this.#refuseChild("join");
    if (this.#joined) {
      throw new ReelError(
        "ERR_BAD_HANDLE",
        `Cannot join group "${this.name}": it was joined before`,
      );
    }
    if (this.#closed) {
      throw new ReelError("ERR_CLOSED", `Cannot join group "${this.name}": it is closed`);
    }
    this.#joined = true;
    const scope = this.#scope;
    try {
      await scope.until(() => scope.unfinished === 0 || scope.firstFailure !== undefined);
    } finally {
      this.#closed = true;
      await scope.close();
    }
    this.#throwFailure();
    if (this.#cutShort) {
      throw new ReelError(
        "ERR_CLOSED",
        `Cannot join group "${this.name}": it was closed before its tasks were done`,
        { mend: "In a scope with `await using`, write `return await group.join()`" },
      );
    }
    return Array.from(scope.children, (child) =>
      child.status === "completed" ? (child.outcome as T) : undefined,
    );
  }

  /**
   * Cancels the children and waits for their clean-up. Closing again is no error.
   * @throws the first error of a child, unless `join` has thrown it already
   * @throws {ReelError} ERR_DEADLOCK when one of the children calls it
   */
  async close(): Promise<void> {
    this.#refuseChild("close");
    if (this.#joined && !this.#closed && this.size > 0) this.#cutShort = true;
    this.#closed = true;
    await this.#scope.close();
    this.#throwFailure();
  }

  /** The same as {@link close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #throwFailure(): void {
    const failed = this.#scope.firstFailure;
    if (failed === undefined || this.#reported) return;
    this.#reported = true;
    throw failed.outcome;
  }

  #refuseChild(action: "join" | "close"): void {
    const current = this.#executor.current;
    if (current === undefined || !this.#scope.children.has(current)) return;
    throw new ReelError(
      "ERR_DEADLOCK",
      `Cannot ${action} group "${this.name}" from its own task "${current.name}": ` +
        "it would wait for its own end",
      { mend: "Throw to make the group cancel the rest, or join from the task that made it" },
    );
  }
}
