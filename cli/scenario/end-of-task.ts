/** The end of a task as something that any number of other tasks can wait for. */
import type { Executor } from "../../core/task/executor.ts";
import type { Suspension } from "../../core/task/suspension.ts";

export class EndOfTask {
  readonly #executor: Executor;
  readonly #name: string;
  #waits: Suspension<void>[] | undefined = [];

  constructor(executor: Executor, name: string) {
    this.#executor = executor;
    this.#name = name;
  }

  get reached(): boolean {
    return this.#waits === undefined;
  }

  /** Waits for the end. @throws {ReelError} ERR_CANCELLED when the waiting task is cancelled */
  async wait(): Promise<void> {
    if (this.#waits === undefined) return;
    const wait = this.#executor.suspend<void>(`task "${this.#name}" to end`);
    this.#waits.push(wait);
    await wait.promise;
  }

  /** Wakes all who wait, in the order in which they came. The second time does nothing. */
  reach(): void {
    const waits = this.#waits ?? [];
    this.#waits = undefined;
    for (const wait of waits) wait.wake();
  }
}
