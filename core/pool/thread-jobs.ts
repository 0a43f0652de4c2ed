/**
 * The jobs of one thread of a pool: starts each as a task of the thread's runtime, cancels it when
 * asked to, and reports how it ended.
 *
 * A job passes the runtime's door as an input, so that it begins at a place in the program's
 * progress that a recording can name.
 */
import { ReelError } from "../errors.ts";
import type { Runtime } from "../runtime/runtime.ts";
import type { JoinHandle } from "../task/join-handle.ts";
import { packError } from "./carried-error.ts";
import type { FromThread, Job, Outcome } from "./messages.ts";

/** Loads a module by its address. */
export type Load = (address: string) => Promise<object> | object;

export class ThreadJobs {
  readonly #io: Runtime;
  readonly #load: Load;
  readonly #send: (message: FromThread) => void;
  /** Arrived and not begun, by number. */
  readonly #waiting = new Map<number, Job>();
  readonly #running = new Map<number, JoinHandle<unknown>>();

  constructor(io: Runtime, load: Load, send: (message: FromThread) => void) {
    this.#io = io;
    this.#load = load;
    this.#send = send;
    io.onMessage = (id) => this.#begin(id);
  }

  /** Takes a job from outside. It begins when the runtime looks at its door. */
  take(job: Job): void {
    this.#waiting.set(job.id, job);
    this.#io.deliver(job.id);
  }

  /** Ends a job, or what is left of it. Its end is reported as any other. */
  cancel(id: number): void {
    const handle = this.#running.get(id);
    if (handle !== undefined) return handle.task.requestCancel();
    const job = this.#waiting.get(id);
    if (job === undefined || !this.#waiting.delete(id)) return;
    const error = new ReelError("ERR_CANCELLED", `Task ${job.exportName} ${id} was cancelled`);
    this.#report(id, { status: "cancelled", error: packError(error) });
  }

  #begin(id: number): void {
    const job = this.#waiting.get(id);
    if (job === undefined) return;
    this.#waiting.delete(id);
    const handle = this.#io.spawn(() => this.#run(job), { name: `${job.exportName} ${id}` });
    this.#running.set(id, handle);
    void this.#await(id, handle);
  }

  async #run(job: Job): Promise<unknown> {
    const loading = this.#load(job.module);
    const module = loading instanceof Promise ? await this.#io.adopt(loading) : loading;
    const found = (module as Record<string, unknown>)[job.exportName];
    if (typeof found === "function") return found(this.#io, ...job.args);
    throw new TypeError(
      `Cannot run ${job.exportName} of ${job.module}: it must export a function of that name: ` +
        `found ${found === undefined ? "no such export" : typeof found}`,
    );
  }

  async #await(id: number, handle: JoinHandle<unknown>): Promise<void> {
    let outcome: Outcome;
    try {
      outcome = { status: "completed", value: await handle.join() };
    } catch (error) {
      outcome = { status: handle.cancelled ? "cancelled" : "failed", error: packError(error) };
    }
    this.#running.delete(id);
    this.#report(id, outcome);
  }

  #report(id: number, outcome: Outcome): void {
    try {
      this.#send({ kind: "ended", id, outcome });
    } catch (cause) {
      const error = new TypeError("Cannot bring back the task's result: it cannot be cloned", {
        cause,
      });
      this.#send({ kind: "ended", id, outcome: { status: "failed", error: packError(error) } });
    }
  }
}
