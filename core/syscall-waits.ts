/** The waits behind the four calls: for a free slot, and for any of some operations. */
import type { IoBuffer } from "./buffer/buffer.ts";
import { FLAGS, FLAG_DELIVERED, HEADER_SHIFT } from "./descriptor/layout.ts";
import type { Engine, StartRequest } from "./engine/engine.ts";
import type { PendingStart } from "./engine/start-queue.ts";
import type { ReelError } from "./errors.ts";
import { Suspension, type SuspensionOwner } from "./task/suspension.ts";

/** What a start tells the calls. */
export interface CallHost {
  /** It has a slot now. @returns the operation's handle */
  started(slot: number, temporary: IoBuffer | undefined): number;
  settled(handle: number): void;
  /** It does not want to start any more. @returns whether it was still waiting */
  withdraw(start: PendingStart): boolean;
}

/** A wait for any of some operations. */
export class AnyWait extends Suspension<number> {
  readonly handles: readonly number[];
  readonly statuses: boolean[];
  /** Token of the timer that limits the wait, -1 for none. */
  timer = -1;
  readonly #watch: OperationWatch;

  constructor(
    owner: SuspensionOwner,
    watch: OperationWatch,
    handles: readonly number[],
    statuses: boolean[],
  ) {
    super(owner, () => `any of ${handles.length} operations`);
    this.#watch = watch;
    this.handles = handles;
    this.statuses = statuses;
  }

  override cancel(reason: ReelError): void {
    this.#watch.forget(this);
    super.cancel(reason);
  }
}

/** A start by the calls that waits for a slot. */
export class CallStart extends Suspension<number> implements PendingStart {
  request: StartRequest | undefined = undefined;
  readonly #calls: CallHost;
  readonly #temporary: IoBuffer | undefined;

  constructor(owner: SuspensionOwner, calls: CallHost, temporary: IoBuffer | undefined) {
    super(owner, "a free slot to start an operation");
    this.#calls = calls;
    this.#temporary = temporary;
  }

  began(slot: number): void {
    this.wake(this.#calls.started(slot, this.#temporary));
  }

  refused(error: unknown): void {
    this.#temporary?.dispose();
    this.fail(error);
  }

  override cancel(reason: ReelError): void {
    if (this.#calls.withdraw(this)) this.#temporary?.dispose();
    super.cancel(reason);
  }

  settled(handle: number): void {
    this.#calls.settled(handle);
  }
}

/** Who waits for which operations, and how those stand. */
export class OperationWatch {
  readonly #engine: Engine;
  /** Waits by operation. Empty while nobody waits. */
  readonly #waits = new Map<number, Set<AnyWait>>();

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /**
   * Fills in which operations are terminal.
   * @returns how many are
   * @throws {RangeError} for no handles or a short `statuses`
   * @throws {ReelError} ERR_BAD_HANDLE naming the handle that is none
   */
  fill(handles: readonly number[], statuses: boolean[]): number {
    if (handles.length === 0) throw new RangeError("Cannot wait for no operations: give a handle");
    if (statuses.length < handles.length) {
      throw new RangeError(
        `Cannot wait for ${handles.length} operations with ${statuses.length} statuses: ` +
          "give one a handle",
      );
    }
    const { table } = this.#engine.state;
    let count = 0;
    for (let i = 0; i < handles.length; i++) {
      const done = this.isDelivered(table.requireSlot(handles[i]!, "wait for"));
      statuses[i] = done;
      if (done) count++;
    }
    return count;
  }

  /** Terminal, and its batch is over: what counts for programs. */
  isDelivered(slot: number): boolean {
    const { i32 } = this.#engine.state;
    return (i32[(slot << HEADER_SHIFT) + FLAGS]! & FLAG_DELIVERED) !== 0;
  }

  /** Begins a wait, none of whose operations is terminal. */
  begin(
    owner: SuspensionOwner,
    handles: readonly number[],
    statuses: boolean[],
    withinNs: number,
  ): AnyWait {
    const wait = new AnyWait(owner, this, handles, statuses);
    for (const handle of handles) {
      const waits = this.#waits.get(handle) ?? new Set();
      waits.add(wait);
      this.#waits.set(handle, waits);
    }
    if (withinNs !== Number.POSITIVE_INFINITY) {
      wait.timer = this.#engine.set(this.#engine.now() + withinNs, () => {
        wait.timer = -1;
        this.#end(wait);
      });
    }
    return wait;
  }

  /** An operation is terminal. */
  settled(handle: number): void {
    for (const wait of this.#waits.get(handle) ?? []) this.#end(wait);
  }

  /** The wait is over: nothing is to be told to it any more. */
  forget(wait: AnyWait): void {
    for (const handle of wait.handles) {
      const waits = this.#waits.get(handle);
      waits?.delete(wait);
      if (waits?.size === 0) this.#waits.delete(handle);
    }
    if (wait.timer !== -1) this.#engine.clear(wait.timer);
    wait.timer = -1;
  }

  #end(wait: AnyWait): void {
    this.forget(wait);
    if (!wait.pending) return;
    try {
      wait.wake(this.fill(wait.handles, wait.statuses));
    } catch (error) {
      // Somebody released one of the operations while this wait was on.
      wait.fail(error);
    }
  }
}
