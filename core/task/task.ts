/**
 * One task: an async function on its way through the executor. Everything that happens to a task
 * happens in its own turns: its first run, the delivery of what it waited for, the polling of its
 * futures, its cancellation. So the order of turns is all there is to the order of a run.
 *
 * Cancellation is an edge, not a state. It fails the waits that are pending at a moment when
 * nothing irrevocable is on its way to the task, once; `finally` blocks may wait again afterwards.
 * A value that cannot be taken back is delivered first, and the next wait is cancelled instead.
 */
import { isReelError, ReelError } from "../errors.ts";
import { Suspension } from "./suspension.ts";
import { WaitSet } from "./wait-set.ts";
import { WaiterQueue } from "./waiter-queue.ts";

/** How a task ended, or that it has not. */
export type TaskStatus = "running" | "completed" | "failed" | "cancelled";

/** Runs around turns of a task, whether it finishes in the turn, waits again or throws. */
export interface TurnHooks {
  /** Before the task runs. */
  before?(task: Task): void;
  /** After the task and everything it set in motion have come to rest. */
  after?(task: Task): void;
}

/** What a task needs of its executor. */
export interface TaskScheduler {
  /** Puts the task at the end of the ready queue, unless it is in it. */
  enqueue(task: Task): void;
  /** The task is over. `observed`: somebody has taken its error, if it has one. */
  ended(task: Task, observed: boolean): void;
}

/** Somebody who answers for a task for all of its life: a group, a race. */
export interface TaskParent {
  /** The task is over. Its error, if it has one, is this parent's from here on if it says true. */
  childEnded(task: Task): boolean;
}

/** A wait for the end of a task. */
export abstract class EndWait<T> extends Suspension<T> {
  /** Settles the wait from the task's outcome. */
  abstract taskEnded(task: Task): void;
}

export class Task extends WaitSet {
  readonly id: number;
  readonly name: string;
  /** Hooks around the turns of this task alone, inside those of the executor. */
  readonly hooks: TurnHooks | undefined;
  /** Links of the executor's list of unfinished tasks, and its place in the ready queue. */
  livePrevious: Task | undefined = undefined;
  liveNext: Task | undefined = undefined;
  queued = false;
  status: TaskStatus = "running";
  /** The result of a completed task, the error of a failed or cancelled one. */
  outcome: unknown = undefined;
  readonly #scheduler: TaskScheduler;
  readonly #parent: TaskParent | undefined;
  readonly #endWaits = new WaiterQueue<EndWait<unknown>>();
  #body: (() => unknown) | undefined;
  #cancelRequested = false;
  #cancelPending = false;

  constructor(
    scheduler: TaskScheduler,
    id: number,
    body: () => unknown,
    name?: string,
    hooks?: TurnHooks,
    parent?: TaskParent,
  ) {
    super();
    this.#scheduler = scheduler;
    this.id = id;
    this.#body = body;
    this.name = name ?? `task-${id}`;
    this.hooks = hooks;
    this.#parent = parent;
  }

  get finished(): boolean {
    return this.status !== "running";
  }

  /** Whether the task was asked to end, whether or not it has heard of it. */
  get cancelRequested(): boolean {
    return this.#cancelRequested;
  }

  /** Whether the task has heard that it was asked to end. */
  get cancelDelivered(): boolean {
    return this.#cancelRequested && !this.#cancelPending;
  }

  /** Whether it was cancelled before its first run: it has no turn, its body never runs. */
  get cancelledUnrun(): boolean {
    return this.#body !== undefined && this.#cancelRequested;
  }

  /** What the task waits for, as noun phrases; also says when that is its turn or unknown. */
  override waits(): string[] {
    if (this.queued) return ["its turn"];
    const found = super.waits();
    return found.length > 0 ? found : ["a promise from outside the runtime"];
  }

  /**
   * Asks the task to end. It hears of it in its next turn: its waits fail with ERR_CANCELLED, once.
   * Without effect the second time and on a finished task.
   */
  requestCancel(): void {
    if (this.#cancelRequested || this.finished) return;
    this.#cancelRequested = true;
    this.#cancelPending = true;
    this.requestTurn();
  }

  /**
   * Puts off a cancellation that was delivered at a moment when the task had a result in hand: its
   * next wait is cancelled instead. Called in the task's own turn.
   */
  deferCancel(): void {
    if (this.#cancelRequested) this.#cancelPending = true;
  }

  /** Settles `wait` when the task ends, in the order of the calls. */
  whenEnded(wait: EndWait<unknown>): void {
    this.#endWaits.push(wait);
  }

  /** One turn. Called by the executor with the task taken off the ready queue. */
  turn(): void {
    if (this.#body !== undefined) {
      this.queued = false;
      this.turns++;
      this.#start(this.#body);
      return;
    }
    // Still marked as queued meanwhile: what the cancellation settles is delivered in this turn.
    if (this.#cancelPending) this.#tryCancel();
    this.queued = false;
    this.takeTurn();
  }

  /** The turn's continuations have run. Called by the executor. */
  afterTurn(): void {
    if (this.#cancelPending && !this.finished) this.#tryCancel();
  }

  /** Ends a task that was cancelled before its first run. Called by the executor. */
  endUnrun(): void {
    this.queued = false;
    this.#end("cancelled", this.#cancellation());
  }

  protected override requestTurn(): void {
    if (!this.queued) this.#scheduler.enqueue(this);
  }

  #start(body: () => unknown): void {
    this.#body = undefined;
    try {
      const result = body();
      if (isThenable(result)) result.then(this.#complete, this.#fail);
      else this.#end("completed", result);
    } catch (error) {
      this.#fail(error);
    }
  }

  readonly #complete = (value: unknown): void => this.#end("completed", value);

  readonly #fail = (error: unknown): void => {
    const cancelled = this.#cancelRequested && isReelError(error, "ERR_CANCELLED");
    this.#end(cancelled ? "cancelled" : "failed", error);
  };

  /** Delivers the edge, unless something irrevocable is on its way or nothing is waited for. */
  #tryCancel(): void {
    const settled = this.settledWaits();
    for (const wait of settled) if (!wait.revocable) return;
    const pending = this.pendingWaits();
    if (pending.length === 0 && settled.length === 0) return;
    this.#cancelPending = false;
    const reason = this.#cancellation();
    for (const wait of settled) wait.revoke(reason);
    for (const wait of pending) if (wait.pending) wait.cancel(reason);
  }

  #cancellation(): ReelError {
    return new ReelError("ERR_CANCELLED", `Task "${this.name}" was cancelled`, {
      details: { task: this.name },
    });
  }

  #end(status: TaskStatus, outcome: unknown): void {
    if (this.finished) return;
    this.status = status;
    this.outcome = outcome;
    this.#body = undefined;
    this.#abandonWaits();
    let observed = status !== "failed";
    if (this.#parent?.childEnded(this) === true) observed = true;
    for (let wait = this.#endWaits.shift(); wait !== undefined; wait = this.#endWaits.shift()) {
      wait.taskEnded(this);
      observed = true;
    }
    this.#scheduler.ended(this, observed);
  }

  /** Waits that the body started and did not await: they leave their queues, and pass on. */
  #abandonWaits(): void {
    if (!this.hasPending && !this.hasSettled) return;
    const reason = new ReelError("ERR_CANCELLED", `Task "${this.name}" ended while it waited`, {
      details: { task: this.name },
    });
    for (const wait of this.settledWaits()) wait.revoke(reason);
    this.takeTurn();
    for (const wait of this.pendingWaits()) if (wait.pending) wait.cancel(reason);
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    typeof value === "object" &&
    value !== null &&
    "then" in value &&
    typeof value.then === "function"
  );
}
