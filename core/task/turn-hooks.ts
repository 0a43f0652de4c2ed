/**
 * Hooks around turns: what an operating system does when it enters and leaves a process, done
 * around every resumption of a task. Hooks nest: the last one pushed is entered last and left
 * first, however the turn goes.
 */
import type { Task, TurnHooks } from "./task.ts";

/**
 * The hooks of one executor. An error that a hook throws does not change the turn: the task runs
 * and every other hook does too, and then the first such error leaves `runReady`.
 */
export class HookStack {
  // Replaced and never changed, so that a turn leaves the very hooks that it entered.
  #hooks: readonly TurnHooks[] = [];
  #entered: readonly TurnHooks[] = [];
  #failure: { readonly error: unknown } | undefined = undefined;

  /**
   * Adds hooks inside all others, from the next turn on.
   * @returns removes them again, wherever they are in the stack; also from the next turn on
   */
  push(hooks: TurnHooks): () => void {
    // An entry of its own, so that the same hooks can be pushed twice and removed once.
    const entry: TurnHooks = {
      before: (task) => hooks.before?.(task),
      after: (task) => hooks.after?.(task),
    };
    this.#hooks = [...this.#hooks, entry];
    return () => {
      this.#hooks = this.#hooks.filter((other) => other !== entry);
    };
  }

  /** Whether a turn of this task needs no hooks, which is the common case. */
  isBare(task: Task): boolean {
    return this.#hooks.length === 0 && task.hooks === undefined;
  }

  /** Enters a turn, outermost first. Never throws: errors wait until the turn is left. */
  enter(task: Task): void {
    this.#entered = this.#hooks;
    for (const hooks of this.#entered) this.#before(hooks, task);
    if (task.hooks !== undefined) this.#before(task.hooks, task);
  }

  /**
   * Leaves the turn, innermost first.
   * @throws the first error that a hook of this turn threw
   */
  leave(task: Task): void {
    if (task.hooks !== undefined) this.#after(task.hooks, task);
    for (let i = this.#entered.length - 1; i >= 0; i--) this.#after(this.#entered[i]!, task);
    const failure = this.#failure;
    this.#failure = undefined;
    if (failure !== undefined) throw failure.error;
  }

  #before(hooks: TurnHooks, task: Task): void {
    try {
      hooks.before?.(task);
    } catch (error) {
      this.#failure ??= { error };
    }
  }

  #after(hooks: TurnHooks, task: Task): void {
    try {
      hooks.after?.(task);
    } catch (error) {
      this.#failure ??= { error };
    }
  }
}
