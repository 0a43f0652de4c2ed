/** The waits behind the four calls: for a free slot, and for any of some operations. */
import type { IoBuffer } from "./buffer/buffer.ts";
import type { StartRequest } from "./engine/engine.ts";
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
  /** The wait is over: nothing is to be told to it any more. */
  forget(wait: AnyWait): void;
}

/** A wait for any of some operations. */
export class AnyWait extends Suspension<number> {
  readonly handles: readonly number[];
  readonly statuses: boolean[];
  /** Token of the timer that limits the wait, -1 for none. */
  timer = -1;
  readonly #calls: CallHost;

  constructor(
    owner: SuspensionOwner,
    calls: CallHost,
    handles: readonly number[],
    statuses: boolean[],
  ) {
    super(owner, () => `any of ${handles.length} operations`);
    this.#calls = calls;
    this.handles = handles;
    this.statuses = statuses;
  }

  override cancel(reason: ReelError): void {
    this.#calls.forget(this);
    super.cancel(reason);
  }
}

/** A start by the calls that waits for a slot. */
export class CallStart extends Suspension<number> implements PendingStart {
  readonly request: StartRequest;
  readonly #calls: CallHost;
  readonly #temporary: IoBuffer | undefined;

  constructor(
    owner: SuspensionOwner,
    calls: CallHost,
    request: StartRequest,
    temporary: IoBuffer | undefined,
  ) {
    super(owner, "a free slot to start an operation");
    this.#calls = calls;
    this.request = request;
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
