/**
 * What the steps of one run share: the open devices, the locks, the bytes with names, the tasks
 * that were started, and whoever listens to what happens.
 */
import { ReelError } from "../../core/errors.ts";
import type { OpenEnd } from "../../core/runtime/open-end.ts";
import type { Network, Runtime } from "../../index.ts";
import { AsyncMutex } from "../../core/sync/mutex.ts";
import { EndOfTask } from "./end-of-task.ts";
import { show } from "./issue.ts";
import { INSTANCES_MAX, KEPT_BYTES_MAX } from "./limits.ts";
import type { DeviceReport, ScenarioEvent } from "./report.ts";
import type { ResolvedScenario, ResolvedStep } from "./resolved.ts";
import { summaryOf, type BytesSummary } from "./running-digest.ts";
import { TaskRun, type ScenarioConnection } from "./task-run.ts";
import { formatSize } from "./units.ts";

/** An end for people: its name alone where the device has no other. */
export function shownEnd(name: string): string {
  return name.endsWith(".main") ? name.slice(0, -".main".length) : name;
}

export class ScenarioRun {
  readonly io: Runtime;
  readonly scenario: ResolvedScenario;
  /** Open ends by "device.end". */
  readonly ends = new Map<string, OpenEnd>();
  readonly locks = new Map<string, AsyncMutex>();
  /** What the devices have done, once the run is over. */
  devices: readonly DeviceReport[] = [];
  /** Ends of devices that a step has closed. */
  readonly closed = new Set<string>();
  /** Open where the scenario has a step that changes the network. */
  network: Network | undefined = undefined;
  /** All tasks that were started, in that order. */
  readonly tasks: TaskRun[] = [];
  /** The first failure that the scenario does not expect. */
  failure: unknown = undefined;
  /** By the session's clock. */
  startNs = 0;
  endNs = 0;
  readonly #inputs: ReadonlyMap<string, Uint8Array>;
  readonly #kept = new Map<string, Uint8Array>();
  readonly #onEvent: (event: ScenarioEvent) => void;
  readonly #current = new Map<string, TaskRun>();
  /** How many tasks of a name were started. */
  readonly #started = new Map<string, number>();
  #keptBytes = 0;

  constructor(
    io: Runtime,
    scenario: ResolvedScenario,
    inputs: ReadonlyMap<string, Uint8Array>,
    onEvent: (event: ScenarioEvent) => void,
  ) {
    this.io = io;
    this.scenario = scenario;
    this.#inputs = inputs;
    this.#onEvent = onEvent;
    for (const lock of scenario.locks) {
      this.locks.set(lock, new AsyncMutex(io.executor, { name: lock }));
    }
  }

  /** Tells whoever listens. The clock is read also when nobody does: reading it is recorded. */
  tell(task: string, kind: ScenarioEvent["kind"], text: string, startNs?: number): void {
    const timeNs = this.io.now();
    this.#onEvent({ timeNs, startNs: startNs ?? timeNs, task, kind, text });
  }

  /**
   * The end of a device, or a connection of a task.
   * @param name "device.end"
   * @throws {ReelError} ERR_CLOSED when it could not be opened; ERR_NOT_RUNNING for a connection
   *   that no step has opened yet
   */
  end(name: string, task: TaskRun): OpenEnd {
    return this.ends.get(name) ?? this.connection(name, task).end;
  }

  /** @throws {ReelError} as {@link end} */
  connection(name: string, task: TaskRun): ScenarioConnection {
    const first = name.split(".", 1)[0]!;
    const connection = task.connection(first);
    if (connection !== undefined) return connection;
    if (Object.hasOwn(this.scenario.devices, first)) {
      throw new ReelError("ERR_CLOSED", `Cannot use ${name}: it is not open`);
    }
    throw new ReelError("ERR_NOT_RUNNING", `Cannot use ${show(first)}: no step has opened it yet`, {
      mend: "Connect or accept in an earlier step of the task, or of the task that spawns it",
    });
  }

  /**
   * Starts a task, unless one of that name runs.
   * @param as its name in this run
   * @param body carries out the steps; never throws but for a cancellation
   * @param parent the task that starts it, if one does
   * @throws {ReelError} ERR_OPERATION_BUSY when one of that name runs; ERR_LIMIT
   */
  start(
    as: string,
    steps: readonly ResolvedStep[],
    body: (task: TaskRun) => Promise<void>,
    parent?: TaskRun,
  ): TaskRun {
    const before = this.#current.get(as);
    if (before !== undefined && before.outcome === undefined) {
      throw new ReelError("ERR_OPERATION_BUSY", `Cannot spawn ${show(as)}: it runs already`, {
        mend: "Join it first, or give the second one another name with `as`",
      });
    }
    return this.startAnother(as, steps, body, parent);
  }

  /** {@link start} also beside others of that name. @throws {ReelError} ERR_LIMIT */
  startAnother(
    as: string,
    steps: readonly ResolvedStep[],
    body: (task: TaskRun) => Promise<void>,
    parent: TaskRun | undefined,
  ): TaskRun {
    if (this.tasks.length >= INSTANCES_MAX) {
      throw new ReelError(
        "ERR_LIMIT",
        `Cannot spawn ${show(as)}: ${INSTANCES_MAX} tasks were started`,
      );
    }
    const count = (this.#started.get(as) ?? 0) + 1;
    this.#started.set(as, count);
    const name = count === 1 ? as : `${as}#${count}`;
    const end = new EndOfTask(this.io.executor, name);
    const run = new TaskRun(name, steps, this.io.now(), end, parent);
    this.tasks.push(run);
    this.#current.set(as, run);
    run.handle = this.io.spawn(() => body(run), { name });
    return run;
  }

  /** The latest run of a task. @throws {ReelError} ERR_NOT_RUNNING when it was never started */
  task(name: string, action: string): TaskRun {
    const run = this.#current.get(name);
    if (run !== undefined) return run;
    throw new ReelError(
      "ERR_NOT_RUNNING",
      `Cannot ${action} ${show(name)}: it was not spawned yet`,
      {
        mend: "Spawn it in an earlier step of the same task",
      },
    );
  }

  /** Refuses to keep too much. @throws {ReelError} ERR_LIMIT */
  requireRoom(name: string, sizeBytes: number): void {
    const others = this.#keptBytes - (this.#kept.get(name)?.length ?? 0);
    if (others + sizeBytes <= KEPT_BYTES_MAX) return;
    const limit = formatSize(KEPT_BYTES_MAX);
    throw new ReelError("ERR_LIMIT", `Cannot keep ${show(name)}: a run keeps at most ${limit}`, {
      mend: "Leave out `as`: a task's checksum is there without keeping the bytes",
    });
  }

  /** Keeps bytes under a name; what was kept under it before goes. @throws {ReelError} ERR_LIMIT */
  keep(name: string, bytes: Uint8Array): void {
    this.requireRoom(name, bytes.length);
    this.#keptBytes += bytes.length - (this.#kept.get(name)?.length ?? 0);
    this.#kept.set(name, bytes);
  }

  /** An input, or what a step kept. @throws {ReelError} ERR_NOT_RUNNING when no step has yet */
  content(name: string): Uint8Array {
    const bytes = this.#inputs.get(name) ?? this.#kept.get(name);
    if (bytes !== undefined) return bytes;
    throw new ReelError("ERR_NOT_RUNNING", `Cannot use ${show(name)}: no step has kept it yet`, {
      mend: "Join the task that keeps it first",
    });
  }

  /** The content of a name where there is one: not of "task.read" and "task.written". */
  contentIfAny(name: string): Uint8Array | undefined {
    return this.#inputs.get(name) ?? this.#kept.get(name);
  }

  /**
   * Size and checksum of an input, of kept bytes, or of all that a task has read or written.
   * @throws {ReelError} ERR_NOT_RUNNING when there is nothing of that name yet
   */
  summary(name: string): BytesSummary {
    const dot = name.indexOf(".");
    if (dot === -1) return summaryOf(this.content(name));
    const task = this.task(name.slice(0, dot), "use the bytes of");
    return name.slice(dot + 1) === "read" ? task.read.summary() : task.written.summary();
  }

  /** A task failed as it should not: all others end too. */
  fail(error: unknown): void {
    this.failure ??= error;
    for (const { handle, outcome } of this.tasks) {
      if (outcome === undefined) handle?.task.requestCancel();
    }
  }
}
