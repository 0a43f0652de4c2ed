/**
 * One operation as a promise: starts it, hands its outcome to the one who awaits it in that one's
 * turn, and asks for its cancellation when that one is cancelled.
 */
import type { IoBuffer } from "../buffer/buffer.ts";
import {
  ARGUMENT_F64,
  DOUBLE_SHIFT,
  HEADER_SHIFT,
  LENGTH,
  OFFSET_F64,
} from "../descriptor/layout.ts";
import { SLOTS_MAX } from "../descriptor/table.ts";
import type { Engine, StartRequest } from "../engine/engine.ts";
import type { PendingStart, StartQueue } from "../engine/start-queue.ts";
import { OutOfRangeError, REEL_ERROR_NUMBERS, ReelError, codeOfResult } from "../errors.ts";
import type { RangeWords } from "../provider/define.ts";
import { describeCode } from "./error-words.ts";
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

/**
 * `bytes`: the promise brings what was read into the buffer; `brought`: what the layer brought
 * without one; `step`: that as a step of an iteration; `count`: how many bytes were moved.
 */
export type OperationYield = "bytes" | "brought" | "step" | "count";

const OVER: IteratorResult<Uint8Array, undefined> = { done: true, value: undefined };

/** What failed, where. */
interface Failure {
  readonly name: NamedOperation;
  /** Handle of the operation. */
  readonly handle: number;
  readonly result: number;
  readonly bytes: number;
  /** What it worked on, as its driver describes it. */
  readonly address: string | undefined;
  readonly cause: unknown;
  /** What was wrong with its offset or length, where its driver says. */
  readonly range: RangeWords | undefined;
}

/** The error of an operation that failed. */
function operationError(failure: Failure): ReelError | OutOfRangeError {
  const { address, bytes, cause, handle, name, range, result } = failure;
  const { kind, end, operation } = name;
  const code = codeOfResult(result);
  const moved = bytes > 0 ? ` after ${bytes} bytes` : "";
  const what = [kind, end === "main" ? "" : end, address ?? ""].filter((word) => word !== "");
  const because = cause instanceof Error ? `: ${cause.message}` : "";
  const where = address === undefined ? {} : { address };
  if (range !== undefined) {
    const { found, mend, wanted } = range;
    const words = `Cannot ${operation} ${what.join(" ")}: found ${found}, wanted ${wanted}`;
    const details = { kind, end, operation, handle, bytes, ...where, ...range.details };
    return new OutOfRangeError(words, { mend, details });
  }
  const text = `Cannot ${operation} ${what.join(" ")}: ${describeCode(code)}${moved}${because}`;
  return new ReelError(code, text, {
    ...(code === "ERR_PROVIDER_FAULT" ? { mend: `Mend provider ${kind}; see the cause` } : {}),
    details: { kind, end, operation, handle, bytes, ...where },
    ...(cause === undefined ? {} : { cause }),
  });
}

/** What an end's driver calls it, while it is open. */
function addressOf({ state }: Engine, endHandle: number): string | undefined {
  const { ends, providers } = state;
  const end = ends.endOf(endHandle);
  if (end === -1) return undefined;
  try {
    return providers[ends.provider(end)]!.driver.describe?.(ends.resource(end));
  } catch {
    // An error is being told: that its place has no name now is not worth another one.
    return undefined;
  }
}

/** What its driver says about the request of an operation that was refused for its range. */
function rangeOf({ state }: Engine, endHandle: number, operation: string, handle: number) {
  const { ends, f64, i32, providers } = state;
  const end = ends.endOf(endHandle);
  if (end === -1) return undefined;
  // The slot may be free by now, but nothing has begun in it before its outcome is delivered.
  const slot = handle % SLOTS_MAX;
  const double = slot << DOUBLE_SHIFT;
  return providers[ends.provider(end)]!.driver.explainRange?.(ends.resource(end), {
    operation,
    offset: f64[double + OFFSET_F64]!,
    length: i32[(slot << HEADER_SHIFT) + LENGTH]!,
    argument: f64[double + ARGUMENT_F64]!,
  });
}

/**
 * The error of an operation whose outcome is being delivered.
 * @param end handle of the end that it worked on
 */
export function deliveredError(
  engine: Engine,
  end: number,
  outcome: Pick<Failure, "bytes" | "handle" | "name" | "result">,
): ReelError | OutOfRangeError {
  const { handle, name, result } = outcome;
  const cause = engine.state.deliveredFault;
  const isRange = result === -REEL_ERROR_NUMBERS.ERR_OUT_OF_RANGE;
  const range = isRange ? rangeOf(engine, end, name.operation, handle) : undefined;
  return operationError({ ...outcome, address: addressOf(engine, end), cause, range });
}

export class OperationWait<T> extends Suspension<T> implements PendingStart {
  request: StartRequest | undefined = undefined;
  /** Set before the start of what is no operation of the definition. */
  layer: number | undefined = undefined;
  readonly #host: OperationHost;
  readonly #name: NamedOperation;
  /** Handle of the end that it works on. */
  readonly #end: number;
  readonly #yields: OperationYield;
  /** A buffer that was made for this operation alone. */
  readonly #temporary: IoBuffer | undefined;
  #slot = -1;
  #cancelledBy: ReelError | undefined;
  #signal: AbortSignal | undefined;

  constructor(
    owner: SuspensionOwner,
    host: OperationHost,
    name: NamedOperation,
    end: number,
    yields: OperationYield,
    temporary?: IoBuffer,
  ) {
    super(owner, "");
    this.#host = host;
    this.#name = name;
    this.#end = end;
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

  /** Ends the operation when a signal is aborted, unless it is over by then. */
  endWith(signal: AbortSignal): void {
    if (!this.pending) return;
    this.#signal = signal;
    signal.addEventListener("abort", this);
  }

  /** The signal is aborted. */
  handleEvent(): void {
    if (!this.pending) return;
    if (this.#slot === -1) {
      this.#host.starts.withdraw(this);
      this.refused(this.#signal!.reason);
    } else {
      this.#host.engine.cancel(this.#slot);
    }
    this.#host.kick();
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
    this.#signal?.removeEventListener("abort", this);
    this.fail(error);
  }

  settled(handle: number, result: number, bytes: number): void {
    if (result < 0) {
      this.#fail(handle, result, bytes);
      return;
    }
    // The success won the race against the cancellation, which the task has still to hear of.
    if (this.#cancelledBy !== undefined && this.owner instanceof Task) this.owner.deferCancel();
    let outcome: unknown = bytes;
    if (this.#yields === "bytes") outcome = this.#temporary!.bytes.slice(0, bytes);
    else if (this.#yields !== "count") {
      const { deliveredBytes } = this.#host.engine.state;
      if (this.#yields === "brought") outcome = deliveredBytes ?? new Uint8Array(0);
      else outcome = deliveredBytes === undefined ? OVER : { done: false, value: deliveredBytes };
    }
    this.#cleanUp();
    this.wake(outcome as T);
  }

  #fail(handle: number, result: number, bytes: number): void {
    const { engine } = this.#host;
    const aborted = this.#signal?.aborted === true;
    const reason: unknown = this.#cancelledBy ?? (aborted ? this.#signal!.reason : undefined);
    this.#cleanUp();
    if (reason !== undefined) {
      this.fail(reason);
      return;
    }
    this.fail(deliveredError(engine, this.#end, { name: this.#name, handle, result, bytes }));
  }

  #cleanUp(): void {
    this.#temporary?.dispose();
    this.#signal?.removeEventListener("abort", this);
  }
}
