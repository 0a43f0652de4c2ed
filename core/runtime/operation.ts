/**
 * One operation as a promise: starts it, hands its outcome to the one who awaits it in that one's
 * turn, and asks for its cancellation when that one is cancelled.
 */
import type { IoBuffer } from "../buffer/buffer.ts";
import type { Engine, StartRequest } from "../engine/engine.ts";
import type { PendingStart, StartQueue } from "../engine/start-queue.ts";
import { ReelError, codeOfResult } from "../errors.ts";
import type { SuspensionOwner } from "../task/suspension.ts";
import { Task } from "../task/task.ts";
import { Suspension } from "../task/suspension.ts";

/** One of a provider's operations on one end: looked up once, used for each start. */
export interface NamedOperation {
  readonly kind: string;
  readonly end: string;
  readonly operation: string;
  /** Its number in the provider's definition. */
  readonly number: number;
}

/** What an operation needs of the runtime. */
export interface OperationHost {
  readonly engine: Engine;
  readonly starts: StartQueue;
  kick(): void;
}

/** `bytes`: the promise brings what was read; `count`: how many bytes were moved. */
export type OperationYield = "bytes" | "count";

/** The error of an operation that failed. */
export function operationError(
  name: NamedOperation,
  handle: number,
  result: number,
  bytes: number,
  cause?: unknown,
): ReelError {
  const code = codeOfResult(result);
  const moved = bytes > 0 ? ` after ${bytes} bytes` : "";
  const what = name.end === "main" ? name.kind : `${name.kind} ${name.end}`;
  const because = cause instanceof Error ? `: ${cause.message}` : "";
  const text = `Cannot ${name.operation} ${what}: ${describeCode(code)}${moved}${because}`;
  return new ReelError(code, text, {
    ...(code === "ERR_PROVIDER_FAULT" ? { mend: `Mend provider ${name.kind}; see the cause` } : {}),
    details: { kind: name.kind, end: name.end, operation: name.operation, handle, bytes },
    ...(cause === undefined ? {} : { cause }),
  });
}

const DESCRIPTIONS: Readonly<Record<string, string>> = {
  EPIPE: "nobody reads from the other end (EPIPE)",
  ECANCELED: "it was cancelled (ECANCELED)",
  ETIME: "its time was up (ETIME)",
  EINVAL: "an argument is out of range (EINVAL)",
  EIO: "the device failed (EIO)",
  ERR_PROVIDER_FAULT: "the provider broke its contract (ERR_PROVIDER_FAULT)",
  ERR_STACK_TOO_DEEP: "it is nested too deep (ERR_STACK_TOO_DEEP)",
  ERR_TABLE_FULL: "the descriptor table has no slot for its parts (ERR_TABLE_FULL)",
};

function describeCode(code: string): string {
  return DESCRIPTIONS[code] ?? code;
}

export class OperationWait<T> extends Suspension<T> implements PendingStart {
  request: StartRequest | undefined = undefined;
  readonly #host: OperationHost;
  readonly #name: NamedOperation;
  readonly #yields: OperationYield;
  /** A buffer that was made for this operation alone. */
  readonly #temporary: IoBuffer | undefined;
  #slot = -1;
  #cancelledBy: ReelError | undefined;

  constructor(
    owner: SuspensionOwner,
    host: OperationHost,
    name: NamedOperation,
    yields: OperationYield,
    temporary: IoBuffer | undefined,
  ) {
    super(owner, "");
    this.#host = host;
    this.#name = name;
    this.#yields = yields;
    this.#temporary = temporary;
  }

  /**
   * Starts the operation, now or when the table has room.
   * @param request may be used again when this returns
   */
  start(request: StartRequest): void {
    try {
      this.#host.starts.start(request, this);
    } catch (error) {
      this.refused(error);
    }
    this.#host.kick();
  }

  override describe(): string {
    const { kind, end, operation } = this.#name;
    const where = end === "main" ? kind : `${kind} ${end}`;
    return this.#slot === -1 ? `a free slot to ${operation} ${where}` : `${operation} on ${where}`;
  }

  override cancel(reason: ReelError): void {
    if (this.#slot === -1) {
      this.#host.starts.withdraw(this);
      this.#cleanUp();
      super.cancel(reason);
      return;
    }
    this.promise.then(undefined, () => {});
    this.#cancelledBy = reason;
    this.#host.engine.cancel(this.#slot);
    this.#host.kick();
  }

  began(slot: number): void {
    this.#slot = slot;
  }

  refused(error: unknown): void {
    this.#cleanUp();
    this.fail(error);
  }

  /** The run was halted: nothing will settle the operation any more, nor free its buffer. */
  halted(error: unknown): void {
    this.fail(error);
  }

  settled(handle: number, result: number, bytes: number): void {
    if (result < 0) {
      const cause = this.#host.engine.state.deliveredFault;
      this.#cleanUp();
      this.fail(this.#cancelledBy ?? operationError(this.#name, handle, result, bytes, cause));
      return;
    }
    // The success won the race against the cancellation, which the task has still to hear of.
    if (this.#cancelledBy !== undefined && this.owner instanceof Task) this.owner.deferCancel();
    if (this.#yields === "bytes") {
      const brought = this.#temporary!.bytes.slice(0, bytes);
      this.#cleanUp();
      this.wake(brought as T);
    } else {
      this.#cleanUp();
      this.wake(bytes as T);
    }
  }

  #cleanUp(): void {
    this.#temporary?.dispose();
  }
}
