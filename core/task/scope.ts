/**
 * The children of one wait: what `race`, `timeout` and groups have in common. A scope starts child
 * tasks, hears of their ends, and is not left before all of them are over.
 */
import type { Executor, SpawnOptions } from "./executor.ts";
import type { Suspension } from "./suspension.ts";
import type { Task, TaskParent } from "./task.ts";
import { WaiterQueue } from "./waiter-queue.ts";

export class Scope implements TaskParent {
  /** In the order in which they were spawned. */
  readonly children = new Set<Task>();
  /** The first child that failed before it was asked to end. */
  firstFailure: Task | undefined = undefined;
  #unfinished = 0;
  readonly #executor: Executor;
  readonly #description: string;
  readonly #keepFinished: boolean;
  readonly #waits = new WaiterQueue<Suspension<void>>();

  /**
   * @param description what the children are, as a plural noun, for the deadlock report
   * @param keepFinished whether children stay listed when they are over, for their results
   */
  constructor(executor: Executor, description: string, keepFinished = true) {
    this.#executor = executor;
    this.#description = description;
    this.#keepFinished = keepFinished;
  }

  /** How many children are not over. */
  get unfinished(): number {
    return this.#unfinished;
  }

  spawn(body: () => unknown, options?: SpawnOptions): Task {
    const task = this.#executor.spawnChild(body, this, options);
    this.children.add(task);
    this.#unfinished++;
    return task;
  }

  /**
   * Errors are the scope's to report, with one exception: what a child throws after it was asked
   * to end, other than the cancellation, is a failure of its clean-up that nobody would see.
   */
  childEnded(task: Task): boolean {
    this.#unfinished--;
    if (!this.#keepFinished) this.children.delete(task);
    this.poke();
    if (task.status !== "failed") return true;
    if (task.cancelRequested) return false;
    this.firstFailure ??= task;
    return true;
  }

  /** Ends every {@link change} that is waited for. */
  poke(): void {
    for (let wait = this.#waits.shift(); wait !== undefined; wait = this.#waits.shift()) {
      wait.wake();
    }
  }

  /** Waits until a child ends or the scope is poked. */
  change(): Promise<void> {
    const wait = this.#executor.suspend<void>(() => `${this.#unfinished} ${this.#description}`);
    this.#waits.push(wait);
    return wait.promise;
  }

  /**
   * Cancels the children and waits until all are over, also when the waiting task is itself
   * cancelled meanwhile: that is thrown afterwards.
   */
  async close(): Promise<void> {
    for (const child of this.children) child.requestCancel();
    let interruption: { readonly error: unknown } | undefined;
    while (this.#unfinished > 0) {
      try {
        await this.change();
      } catch (error) {
        interruption ??= { error };
      }
    }
    if (interruption !== undefined) throw interruption.error;
  }

  /**
   * Disposes of results that nobody will see, where they can be disposed of: a lock that was handed
   * to the loser of a race, a connection that was accepted too late.
   * @param keep the child whose result is wanted
   * @throws the first error of a disposal, after all were tried
   */
  async disposeResults(keep: Task | undefined): Promise<void> {
    let failure: { readonly error: unknown } | undefined;
    for (const child of this.children) {
      if (child === keep || child.status !== "completed") continue;
      try {
        await dispose(child.outcome);
      } catch (error) {
        failure ??= { error };
      }
    }
    if (failure !== undefined) throw failure.error;
  }
}

async function dispose(value: unknown): Promise<void> {
  if (typeof value !== "object" || value === null) return;
  const disposable = value as Partial<AsyncDisposable & Disposable>;
  if (Symbol.asyncDispose in value) await disposable[Symbol.asyncDispose]?.();
  else disposable[Symbol.dispose]?.();
}
