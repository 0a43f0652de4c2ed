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
  /**
   * Whether the first child that ends cancels the others, in that very moment: what is on its way
   * to them and can be taken back stays where it was, instead of getting lost with their results.
   */
  firstEndCancels = false;
  /** The first child that ended, in whichever way. */
  firstEnded: Task | undefined = undefined;
  /** The first child that failed without being cancelled. */
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
   * Errors are the scope's to report, with one exception: what a child throws after it was
   * cancelled, other than the cancellation, is a failure of its clean-up that nobody would see.
   */
  childEnded(task: Task): boolean {
    this.#unfinished--;
    if (!this.#keepFinished) this.children.delete(task);
    this.firstEnded ??= task;
    if (this.firstEndCancels) this.cancelAll();
    this.poke();
    if (task.status !== "failed") return true;
    if (task.cancelDelivered) return false;
    this.firstFailure ??= task;
    return true;
  }

  /** Looks again at the conditions that are waited for. */
  poke(): void {
    for (let wait = this.#waits.shift(); wait !== undefined; wait = this.#waits.shift()) {
      wait.wake();
    }
  }

  /**
   * Waits for a condition, which is looked at whenever a child ends or the scope is poked. If the
   * waiting task is cancelled when the condition holds already, its next wait is cancelled instead.
   * @throws {ReelError} ERR_CANCELLED when the task is cancelled before the condition holds
   */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      try {
        await this.#change();
      } catch (error) {
        if (!condition()) throw error;
        this.deferCancel();
      }
    }
  }

  /** Cancels the children. Without effect on those that are cancelled or over. */
  cancelAll(): void {
    for (const child of this.children) child.requestCancel();
  }

  /** Puts a cancellation of the waiting task off to its next wait, because of a result in hand. */
  deferCancel(): void {
    this.#executor.current?.deferCancel();
  }

  /**
   * Cancels the children and waits until all are over, also when the waiting task is itself
   * cancelled meanwhile.
   * @param interruption "throw": that is thrown afterwards; "defer": the caller has a result in
   *   hand which must not be lost, so the task's next wait is cancelled instead
   */
  async close(interruption: "throw" | "defer" = "throw"): Promise<void> {
    this.cancelAll();
    await this.#drain(interruption);
  }

  /**
   * Disposes of results that nobody will see, where they can be disposed of: a lock that was handed
   * to the loser of a race, a connection that was accepted too late. Called when all children are
   * over. Each disposal is a task of its own, so that a cancellation does not cut it short.
   * @param keep the child whose result is wanted
   * @throws the first error of a disposal, after all were tried
   */
  async disposeResults(keep: Task | undefined): Promise<void> {
    this.firstEndCancels = false;
    const disposals: Task[] = [];
    for (const child of this.children) {
      if (child === keep || child.status !== "completed") continue;
      const dispose = disposalOf(child.outcome);
      if (dispose === undefined) continue;
      disposals.push(this.spawn(dispose, { name: `disposal of the result of ${child.name}` }));
    }
    await this.#drain("defer");
    for (const disposal of disposals) if (disposal.status === "failed") throw disposal.outcome;
  }

  async #drain(interruption: "throw" | "defer"): Promise<void> {
    let found: { readonly error: unknown } | undefined;
    while (this.#unfinished > 0) {
      try {
        await this.#change();
      } catch (error) {
        found ??= { error };
      }
    }
    if (found === undefined) return;
    if (interruption === "throw") throw found.error;
    this.deferCancel();
  }

  #change(): Promise<void> {
    const wait = this.#executor.suspend<void>(() => `${this.#unfinished} ${this.#description}`);
    this.#waits.push(wait);
    return wait.promise;
  }
}

function disposalOf(value: unknown): (() => unknown) | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const disposable = value as Partial<AsyncDisposable & Disposable>;
  if (Symbol.asyncDispose in value) return () => disposable[Symbol.asyncDispose]?.();
  if (Symbol.dispose in value) return () => disposable[Symbol.dispose]?.();
  return undefined;
}
