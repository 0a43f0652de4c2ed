/**
 * The executor: resumes one task at a time and lets everything that the resumption sets in motion
 * come to rest before the next. "At rest" is exact, because `drainMicrotasks` runs every promise
 * continuation of the turn; so who runs when depends on nothing but the order of the wakes.
 *
 * Guarantees: a task is in the ready queue at most once; wakes before its turn coalesce into one
 * turn; a wake during its turn queues it behind all that are queued; a wake after its end does
 * nothing. Not guaranteed: attribution of continuations that tasks trigger in each other through
 * bare promises. Tasks speak with each other through handles, groups, futures and core/sync.
 */
import { drainMicrotasks } from "bun:jsc";
import { ReelError } from "../errors.ts";
import type { Random } from "../random.ts";
import { JoinHandle } from "./join-handle.ts";
import type { TimerPort } from "./ports.ts";
import { ReadyQueue } from "./ready-queue.ts";
import { type CancelHook, Suspension } from "./suspension.ts";
import { Task, type TaskParent, type TaskScheduler, type TurnHooks } from "./task.ts";
import { HookStack } from "./turn-hooks.ts";
import { WaitSet } from "./wait-set.ts";

export interface ExecutorOptions {
  timers: TimerPort;
  /** Permutes each batch of ready tasks; absent: first in, first out. */
  permute?: Random;
  /**
   * Called when there is something to run or to flush and nothing was before, unless the executor
   * is running: the driver has to wake up.
   */
  onWork?: () => void;
}

export interface SpawnOptions {
  /** For reports; `task-<number>` if absent. */
  name?: string;
  /** Hooks around this task's turns, inside those of the executor. */
  hooks?: TurnHooks;
}

/** A failed task whose error nobody took. */
export interface TaskFailure {
  readonly name: string;
  readonly error: unknown;
}

/** The waits of the host code: everything outside all tasks. */
class HostWaits extends WaitSet {
  ready = false;
  readonly #onReady: () => void;

  constructor(onReady: () => void) {
    super();
    this.#onReady = onReady;
  }

  override get finished(): boolean {
    return false;
  }

  flush(): void {
    this.ready = false;
    this.takeTurn();
  }

  protected override requestTurn(): void {
    if (this.ready) return;
    this.ready = true;
    this.#onReady();
  }
}

export class Executor implements TaskScheduler {
  readonly timers: TimerPort;
  /** The task that has its turn; undefined in host code. Written by the executor alone. */
  current: Task | undefined = undefined;
  readonly hooks = new HookStack();
  readonly #queue: ReadyQueue;
  readonly #onWork: (() => void) | undefined;
  readonly #host: HostWaits;
  readonly #failed = new Set<Task>();
  #liveHead: Task | undefined = undefined;
  #liveTail: Task | undefined = undefined;
  #steps = 0;
  #spawned = 0;
  #running = false;
  #closed = false;
  /** Promises from outside that tasks have adopted and that are not settled yet. */
  adopted = 0;

  constructor(options: ExecutorOptions) {
    this.timers = options.timers;
    this.#queue = new ReadyQueue(options.permute);
    this.#onWork = options.onWork;
    this.#host = new HostWaits(() => this.#announce());
  }

  /** Turns so far, of all tasks. Part of a recording: two runs that agree here agree in order. */
  get steps(): number {
    return this.#steps;
  }

  /** Who waits if something is waited for now: the current task, or the host code. */
  get owner(): WaitSet {
    if (this.#closed) throw closedError("wait");
    return this.current ?? this.#host;
  }

  /** Whether a task waits for its turn. */
  hasReady(): boolean {
    return this.#queue.size > 0;
  }

  /** Whether a wait of the host code has its outcome and {@link flushHost} would deliver it. */
  hasHostReady(): boolean {
    return this.#host.ready;
  }

  /**
   * Gives turns to ready tasks.
   * @param budget the most turns to give, so that completions are looked at in between
   * @returns how many were given
   * @throws {ReelError} ERR_OPERATION_BUSY when called from inside a task's turn
   * @throws what a hook threw, after the turn
   */
  runReady(budget: number): number {
    this.#refuseInsideTurn("run the ready queue");
    if (this.#queue.size === 0) return 0;
    // Continuations of the host code that are due already must not run in a task's name.
    drainMicrotasks();
    let given = 0;
    this.#running = true;
    try {
      while (given < budget) {
        const task = this.#queue.shift();
        if (task === undefined) break;
        if (task.finished) task.queued = false;
        else if (task.cancelledUnrun) task.endUnrun();
        else {
          given++;
          this.#resume(task);
        }
      }
    } finally {
      this.#running = false;
    }
    return given;
  }

  /**
   * Gives turns until no task is ready. Unfinished tasks may be left: they wait. A task that wakes
   * itself for ever keeps this from returning.
   * @returns how many turns were given
   */
  runUntilIdle(): number {
    let given = 0;
    while (this.#queue.size > 0) given += this.runReady(Number.POSITIVE_INFINITY);
    return given;
  }

  /**
   * Starts a task: it has its first turn when those that are ready have had theirs.
   * @param body the task; what it returns or throws goes to the one who joins
   */
  spawn<T>(body: () => T | Promise<T>, options?: SpawnOptions): JoinHandle<T> {
    return new JoinHandle<T>(this.spawnChild(body, undefined, options), this);
  }

  /** Starts a task that a parent answers for. For groups and the like. */
  spawnChild(
    body: () => unknown,
    parent: TaskParent | undefined,
    options: SpawnOptions | undefined,
  ): Task {
    if (typeof body !== "function") {
      throw new TypeError(`Cannot spawn a task: the body must be a function: found ${typeof body}`);
    }
    if (this.#closed) throw closedError("spawn a task");
    const id = ++this.#spawned;
    const task = new Task(this, id, body, options?.name, options?.hooks, parent);
    task.livePrevious = this.#liveTail;
    if (this.#liveTail === undefined) this.#liveHead = task;
    else this.#liveTail.liveNext = task;
    this.#liveTail = task;
    this.enqueue(task);
    return task;
  }

  /**
   * Begins a wait of the current task, or of the host code outside all tasks.
   * @param describe what is waited for, as a noun phrase, for the deadlock report
   * @param cancel called once if the task is cancelled while it waits; it has to see to it that
   *   the suspension is woken or failed, now or later. Absent: it fails with ERR_CANCELLED at once
   */
  suspend<T>(describe: string | (() => string), cancel?: CancelHook): Suspension<T> {
    return new Suspension<T>(this.owner, describe, cancel);
  }

  /**
   * Settles the waits of the host code that have their outcome, in one batch, first in first out.
   * Their continuations run when the caller's microtasks do, or before the next turn.
   * @throws {ReelError} ERR_OPERATION_BUSY when called from inside a task's turn
   */
  flushHost(): void {
    this.#refuseInsideTurn("flush the host's waits");
    if (this.#host.ready) this.#host.flush();
  }

  /** The tasks that are unfinished now, oldest first; each says what it waits for. */
  live(): Iterable<Task> {
    const found: Task[] = [];
    for (let task = this.#liveHead; task !== undefined; task = task.liveNext) found.push(task);
    return found;
  }

  /** What the host code waits for, oldest first, as noun phrases. */
  hostWaits(): string[] {
    return this.#host.waits();
  }

  /** Failed tasks whose error nobody took, in the order of their ends. Joining one removes it. */
  get failures(): readonly TaskFailure[] {
    return Array.from(this.#failed, (task) => ({ name: task.name, error: task.outcome }));
  }

  enqueue(task: Task): void {
    task.queued = true;
    this.#queue.push(task);
    if (this.#queue.size === 1) this.#announce();
  }

  ended(task: Task, observed: boolean): void {
    const previous = task.livePrevious;
    const next = task.liveNext;
    if (previous === undefined) this.#liveHead = next;
    else previous.liveNext = next;
    if (next === undefined) this.#liveTail = previous;
    else next.livePrevious = previous;
    task.livePrevious = undefined;
    task.liveNext = undefined;
    if (!observed) this.#failed.add(task);
    // A task that awaited a bare promise may end outside all turns: whoever waits must be told.
    if (!this.#running) this.#onWork?.();
  }

  /** Nothing starts and nothing waits any more: the runtime is closed. */
  close(): void {
    this.#closed = true;
  }

  forgive(task: Task): void {
    this.#failed.delete(task);
  }

  #resume(task: Task): void {
    this.#steps++;
    this.current = task;
    try {
      if (this.hooks.isBare(task)) this.#turn(task);
      else this.#hookedTurn(task);
    } finally {
      this.current = undefined;
    }
  }

  #hookedTurn(task: Task): void {
    this.hooks.enter(task);
    try {
      this.#turn(task);
    } finally {
      this.hooks.leave(task);
    }
  }

  #turn(task: Task): void {
    task.turn();
    drainMicrotasks();
    task.afterTurn();
  }

  #announce(): void {
    if (!this.#running) this.#onWork?.();
  }

  #refuseInsideTurn(action: string): void {
    if (!this.#running) return;
    throw new ReelError(
      "ERR_OPERATION_BUSY",
      `Cannot ${action} from inside a task: its turn is not over`,
      { mend: "Await what the task needs, and leave the driving to the runtime" },
    );
  }
}

/** What a closed runtime answers. */
export function closedError(action: string): ReelError {
  return new ReelError("ERR_CLOSED", `Cannot ${action}: the runtime is closed`, {
    mend: "Do it before the runtime is closed, or start another",
  });
}
