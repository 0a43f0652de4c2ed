/**
 * A run: one main task and everything that it spawns, driven to their ends. Knows when nothing can
 * happen any more, and when it was told to stop.
 */
import { HEADER_SHIFT, IN_FLIGHT, PROVIDER, STATE } from "../descriptor/layout.ts";
import { isService } from "../engine/services.ts";
import type { EngineState } from "../engine/state.ts";
import { ReelError } from "../errors.ts";
import { Suspension } from "../task/suspension.ts";
import type { TaskFailure } from "../task/executor.ts";
import type { Task } from "../task/task.ts";
import type { RuntimeCore } from "./core.ts";

export interface RunOptions {
  /**
   * What becomes of tasks that are left when the main task ends: `wait` for them (the default),
   * `cancel` them and wait for their cleanup, or `detach` them, to go on while the runtime lives.
   */
  tasks?: "wait" | "cancel" | "detach";
  /** The main task's name in reports, default "main". */
  name?: string;
}

/**
 * Idle looks, each after a turn of the host's event loop, before an idle run counts as deadlocked:
 * the kernel and the host code get their chance first.
 */
const IDLE_LOOKS = 3;
/** How often the tasks of a deadlocked run are cancelled before they are not waited for. */
const CANCEL_ROUNDS_MAX = 64;

/** Runs that are under way: at most one at a time. */
export class Runs {
  readonly #core: RuntimeCore;
  #drained: Suspension<void> | undefined;
  #halted: unknown;
  #rejectHalt: ((error: unknown) => void) | undefined;
  #active = false;
  #interrupted = false;
  #closing = false;
  /** Services that broke their contract during this run. */
  readonly #failures: TaskFailure[] = [];
  /** Idle looks at a loop-driven run before it counts as a deadlock: host code may still act. */
  #graceLeft = 0;
  #grace = 0;
  /** How often a deadlock was found in this run: its tasks were cancelled each time. */
  #cancelRounds = 0;

  constructor(core: RuntimeCore) {
    this.#core = core;
  }

  get active(): boolean {
    return this.#active;
  }

  /** Runs on Bun's event loop. */
  async run<T>(main: () => T | Promise<T>, options: RunOptions): Promise<T> {
    const task = this.#begin(main, options);
    const halt = new Promise<never>((_resolve, reject) => {
      this.#rejectHalt = reject;
    });
    halt.catch(() => {});
    try {
      const finished = new Suspension<void>(this.#core.executor.owner, "the main task");
      this.#mainEnded = finished;
      this.#core.kick();
      await Promise.race([finished.promise, halt]);
      this.#finishTasks(options);
      if (options.tasks !== "detach" && this.#hasLive()) {
        this.#drained = new Suspension<void>(this.#core.executor.owner, "the other tasks");
        this.#core.kick();
        await Promise.race([this.#drained.promise, halt]);
      }
      return this.#result<T>(task);
    } finally {
      this.#end();
    }
  }

  /** Runs on the caller's thread, which blocks while there is nothing to do. */
  runBlocking<T>(main: () => T | Promise<T>, options: RunOptions): T {
    const task = this.#begin(main, options);
    try {
      this.#drive(() => task.finished);
      this.#finishTasks(options);
      if (options.tasks !== "detach") this.#drive(() => !this.#hasLive());
      return this.#result<T>(task);
    } finally {
      this.#end();
    }
  }

  /** Stops the run: every task is cancelled, and the run fails with ERR_INTERRUPTED. */
  interrupt(): void {
    if (!this.#active) return;
    this.#interrupted = true;
    for (const task of this.#core.executor.live()) task.requestCancel();
  }

  /** The runtime is being closed: a run that is under way ends with ERR_CLOSED. */
  close(): void {
    this.#closing = true;
  }

  /** The runtime is closed: whatever the tasks still wait for, the run is over. */
  closed(): void {
    if (this.#active) this.halt(closedUnderRun());
  }

  /** A round is over. Called by the runtime. */
  afterRound(moved: boolean): void {
    if (!this.#active) return;
    if (moved) this.#graceLeft = this.#grace;
    if (this.#mainEnded !== undefined && this.#main!.finished) {
      const waiting = this.#mainEnded;
      this.#mainEnded = undefined;
      waiting.wake();
    }
    if (this.#drained !== undefined && !this.#hasLive()) {
      const waiting = this.#drained;
      this.#drained = undefined;
      waiting.wake();
    }
  }

  /**
   * Nothing moves. Called by the pump.
   * @param pending whether the backend may still deliver something
   * @returns whether something was set in motion
   */
  idle(pending: boolean): boolean {
    this.wantsAnotherLook = false;
    if (!this.#active || !this.#hasLive()) return false;
    if (pending && !this.#isClosedWorld()) return false;
    const { executor } = this.#core;
    // What a task has adopted comes by the event loop, which a blocking run does not turn.
    if (executor.adopted > 0 && this.#grace > 0) return false;
    for (const task of executor.live()) if (!task.hasPending) return false;
    if (pending && this.#core.backend.catchUp?.() === true) return true;
    if (this.#graceLeft > 0) {
      this.#graceLeft--;
      this.wantsAnotherLook = true;
      return false;
    }
    this.#halted ??= deadlockError([...executor.live()]);
    // Cleanup may wait again, and a task may catch its cancellation and go on: not for ever.
    if (this.#cancelRounds++ >= CANCEL_ROUNDS_MAX) {
      this.#rejectHalt?.(this.#halted);
      return false;
    }
    for (const task of executor.live()) task.requestCancel();
    return true;
  }

  /** Whether an idle look was passed over, and another one is due after the host's turn. */
  wantsAnotherLook = false;

  /** The slot that was found to wait for the outside world last time. */
  #openWorld = 0;

  /**
   * Whether what is in flight on io_uring can be completed by this program alone, none of which can
   * run. The emulated machine knows by itself what is still to come.
   */
  #isClosedWorld(): boolean {
    const { backend, engine } = this.#core;
    const { deadlines, table } = engine.state;
    if (backend.kind !== "uring" || deadlines.size > 0) return false;
    if (backend.listening === true) return false;
    if (opensTheWorld(engine.state, this.#openWorld)) return false;
    for (let slot = 0; slot < table.highWater; slot++) {
      if (!opensTheWorld(engine.state, slot)) continue;
      this.#openWorld = slot;
      return false;
    }
    return true;
  }

  /**
   * A service broke its driver's contract: the run fails with that, as with a task nobody joins.
   * Outside all runs it is an error that nobody handles.
   */
  serviceFailed(error: unknown): void {
    if (this.#active) this.#failures.push({ name: "a service", error });
    else void Promise.reject(error);
  }

  /** The run cannot go on. */
  halt(error: unknown): void {
    this.#halted ??= error;
    this.#rejectHalt?.(error);
  }

  #main: Task | undefined;
  #mainEnded: Suspension<void> | undefined;

  #begin(main: () => unknown, options: RunOptions): Task {
    const { executor, pump } = this.#core;
    if (this.#active || executor.current !== undefined) {
      throw new ReelError("ERR_OPERATION_BUSY", "Cannot run: a run is under way already", {
        mend: "Spawn a task in it, or wait for its end",
      });
    }
    this.#active = true;
    this.#halted = undefined;
    this.#cancelRounds = 0;
    this.#interrupted = false;
    this.#failures.length = 0;
    this.#grace = IDLE_LOOKS;
    this.#graceLeft = IDLE_LOOKS;
    pump.owned = true;
    this.#main = executor.spawnChild(main, undefined, { name: options.name ?? "main" });
    return this.#main;
  }

  #end(): void {
    this.#active = false;
    this.#core.pump.owned = false;
    this.#main = undefined;
    this.#mainEnded = undefined;
    this.#drained = undefined;
    this.#rejectHalt = undefined;
  }

  #drive(done: () => boolean): void {
    this.#grace = 0;
    this.#graceLeft = 0;
    if (this.#core.pump.blockUntil(done)) return;
    throw this.#halted ?? deadlockError([...this.#core.executor.live()]);
  }

  #finishTasks(options: RunOptions): void {
    if (options.tasks !== "cancel") return;
    for (const task of this.#core.executor.live()) task.requestCancel();
  }

  #hasLive(): boolean {
    for (const _task of this.#core.executor.live()) return true;
    return false;
  }

  #result<T>(main: Task): T {
    const { executor } = this.#core;
    if (this.#halted !== undefined) throw this.#halted;
    if (this.#interrupted) {
      throw new ReelError("ERR_INTERRUPTED", "Cannot finish the run: it was interrupted");
    }
    if (this.#closing) throw closedUnderRun();
    if (main.status !== "completed") {
      executor.forgive(main);
      throw main.outcome;
    }
    const failures = [...executor.failures, ...this.#failures];
    const [first] = failures;
    if (first === undefined) return main.outcome as T;
    if (failures.length === 1) throw first.error;
    const errors = failures.map((failure) => failure.error);
    const names = failures.map((failure) => failure.name).join(", ");
    throw new AggregateError(
      errors,
      `Cannot finish the run: ${names} failed and nobody joined them`,
    );
  }
}

/** Whether an operation of the program is in flight that something outside can complete. */
function opensTheWorld(state: EngineState, slot: number): boolean {
  const header = slot << HEADER_SHIFT;
  if (state.i32[header + STATE] !== IN_FLIGHT || isService(state, slot)) return false;
  const { capabilities } = state.providers[state.i32[header + PROVIDER]!]!.provider;
  return capabilities.closedWorld !== true;
}

function closedUnderRun(): ReelError {
  return new ReelError("ERR_CLOSED", "Cannot finish the run: the runtime was closed meanwhile", {
    mend: "Await the run before the runtime goes out of scope: `return await io.run(...)`",
  });
}

function deadlockError(tasks: readonly Task[]): ReelError {
  const waits = tasks.map((task) => ({ task: task.name, waitsFor: task.waits() }));
  const lines = waits.map(({ task, waitsFor }) => `  ${task} waits for ${waitsFor.join(", ")}`);
  const count = waits.length === 1 ? "one task waits" : `${waits.length} tasks wait`;
  return new ReelError(
    "ERR_DEADLOCK",
    `Cannot go on: nothing can happen any more, and ${count} for ever\n${lines.join("\n")}`,
    {
      mend: "Close the ends that nobody writes to, or start the task that is waited for",
      details: { waits },
    },
  );
}
