/**
 * The jobs of one thread of a pool: starts each as a task of the thread's runtime, cancels it when
 * asked to, and reports how it ended.
 *
 * Everything that is asked for passes the runtime's door as an input, so that it happens at a place
 * in the program's progress that a recording can name. Where time is virtual, what was given in one
 * go begins together, and no sooner than the machine has come to rest from what was given before:
 * then it does not matter when the message arrived, and equal gifts have equal outcomes.
 */
import { hostSoon } from "../clock.ts";
import { ReelError } from "../errors.ts";
import type { Runtime } from "../runtime/runtime.ts";
import type { Suspension } from "../task/suspension.ts";
import type { Task } from "../task/task.ts";
import { packError } from "./carried-error.ts";
import type { FromThread, Job, Outcome, ToThread } from "./messages.ts";
import { markOf } from "./recorded-jobs.ts";
import type { Load, Loaded } from "./thread-load.ts";

/** Inputs: the number of a job, with room for what is to be done; and the end of it all. */
const CANCEL_BIT = 1;
const CLOSE = 0x7fffffff;
/** What the main task waits for comes from outside, but is no sign of unrest. */
const OWN_ADOPTED = 1;
/**
 * Turns of the event loop after which a machine that never comes to rest, for instance because of a
 * periodic timer, gets new work all the same.
 */
const RESTLESS_TURNS_MAX = 256;

/** A job that has not begun. */
interface Waiting {
  readonly job: Job;
  loaded: Loaded | undefined;
}

export class ThreadJobs {
  readonly #io: Runtime;
  readonly #load: Load;
  readonly #send: (message: FromThread) => void;
  readonly #marks: boolean;
  /** Given in one go: those that are being given, and those that are complete, oldest first. */
  #giving: Waiting[] = [];
  readonly #batches: Waiting[][] = [];
  /** Let in by the door, or about to be. */
  readonly #due = new Map<number, Waiting>();
  readonly #running = new Map<number, Task>();
  #closed = false;
  #end: Suspension<void> | undefined;
  #looking = false;
  #restlessTurns = 0;

  /** @param options `marks`: whether jobs are written into the session */
  constructor(
    io: Runtime,
    load: Load,
    send: (message: FromThread) => void,
    { marks }: { marks: boolean },
  ) {
    this.#io = io;
    this.#marks = marks;
    this.#load = load;
    this.#send = send;
    io.onMessage = (value) => this.#onInput(value);
  }

  /**
   * Waits until the pool has said that it is over. For the main task, which thereby keeps the run
   * from ending, and from counting as deadlocked while there is nothing to do.
   */
  async untilClosed(): Promise<void> {
    if (this.#closed) return;
    const { executor } = this.#io;
    executor.adopted += OWN_ADOPTED;
    this.#end = executor.suspend<void>("the end of the pool");
    try {
      await this.#end.promise;
    } finally {
      executor.adopted -= OWN_ADOPTED;
    }
  }

  /** Takes what the pool says. */
  hear(message: ToThread): void {
    switch (message.kind) {
      case "run":
        return this.#take(message.job);
      case "begin":
        this.#batches.push(this.#giving);
        this.#giving = [];
        return this.#look();
      case "cancel":
        return this.#cancel(message.id);
      default:
        for (const { job } of [this.#giving, ...this.#batches].flat()) this.#endUnbegun(job);
        this.#giving = [];
        this.#batches.length = 0;
        this.#io.deliver(CLOSE);
    }
  }

  /** Has a job ready that a replay will let in. */
  async expect(job: Job): Promise<void> {
    this.#due.set(job.id, { job, loaded: await this.#load(job) });
  }

  #take(job: Job): void {
    const waiting: Waiting = { job, loaded: undefined };
    this.#giving.push(waiting);
    const loading = this.#load(job);
    if (!(loading instanceof Promise)) waiting.loaded = loading;
    else {
      void loading.then((loaded) => {
        waiting.loaded = loaded;
        this.#look();
      });
    }
  }

  #cancel(id: number): void {
    if (this.#due.has(id) || this.#running.has(id)) {
      return this.#io.deliver(id * 2 + CANCEL_BIT);
    }
    for (const batch of [this.#giving, ...this.#batches]) {
      const at = batch.findIndex(({ job }) => job.id === id);
      if (at !== -1) this.#endUnbegun(batch.splice(at, 1)[0]!.job);
    }
  }

  /** Lets in every batch that may begin. */
  #look(): void {
    for (;;) {
      const [batch] = this.#batches;
      if (batch === undefined || this.#looking) return;
      if (batch.some(({ loaded }) => loaded === undefined)) return;
      if (!this.#atRest()) return this.#lookAgain();
      this.#restlessTurns = 0;
      this.#batches.shift();
      for (const waiting of batch) {
        this.#due.set(waiting.job.id, waiting);
        this.#io.deliver(waiting.job.id * 2);
      }
    }
  }

  #lookAgain(): void {
    this.#looking = true;
    this.#restlessTurns++;
    hostSoon(() => {
      this.#looking = false;
      this.#look();
    });
  }

  /** Whether nothing happens any more unless something comes from outside. */
  #atRest(): boolean {
    const { engine, executor } = this.#io;
    const { backend } = engine.state;
    if (backend.blocks || this.#restlessTurns > RESTLESS_TURNS_MAX) return true;
    const busy = executor.hasReady() || executor.hasHostReady() || engine.hasWork();
    return !busy && !backend.pending() && executor.adopted <= OWN_ADOPTED;
  }

  #onInput(value: number): void {
    if (value === CLOSE) {
      this.#closed = true;
      this.#end?.wake();
      return;
    }
    const id = value >> 1;
    if ((value & CANCEL_BIT) === 0) return this.#begin(id);
    const due = this.#due.get(id);
    if (due !== undefined && this.#due.delete(id)) this.#endUnbegun(due.job);
    else this.#running.get(id)?.requestCancel();
  }

  #begin(id: number): void {
    const waiting = this.#due.get(id);
    if (waiting === undefined || !this.#due.delete(id)) return;
    const { job, loaded } = waiting;
    if (loaded === undefined || "error" in loaded) {
      const error = loaded?.error ?? packError(undefined);
      return this.#report(id, { status: "failed", error });
    }
    const childEnded = (task: Task): boolean => {
      this.#running.delete(id);
      this.#report(id, outcomeOf(task));
      return true;
    };
    const body = (): unknown => {
      // In its own turn: between the inputs of one batch nothing else may be recorded.
      if (this.#marks) this.#io.mark(markOf(job));
      return loaded.run(this.#io, ...job.args);
    };
    const name = `${job.exportName} ${id}`;
    this.#running.set(id, this.#io.executor.spawnChild(body, { childEnded }, { name }));
  }

  #endUnbegun(job: Job): void {
    const error = new ReelError("ERR_CANCELLED", `Task ${job.exportName} ${job.id} was cancelled`);
    this.#report(job.id, { status: "cancelled", error: packError(error) });
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

function outcomeOf({ status, outcome }: Task): Outcome {
  if (status === "completed") return { status, value: outcome };
  return { status: status === "cancelled" ? status : "failed", error: packError(outcome) };
}
