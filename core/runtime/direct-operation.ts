/**
 * Operations without promises: one object starts the same operation of one end again and again and
 * tells a sink how each came out. For programs that answer every event at once, where a promise for
 * each would cost more than all the rest; everybody else awaits.
 *
 * The sink is called as host code, after the batch in which the operation ended. It may start the
 * next one at once.
 */
import { TRANSIENT_BYTES_MAX } from "../buffer/pool.ts";
import type { IoBuffer } from "../buffer/buffer.ts";
import { requireOpenEnd } from "../engine/admission.ts";
import type { PendingStart } from "../engine/start-queue.ts";
import type { StartRequest } from "../engine/engine.ts";
import { ReelError } from "../errors.ts";
import type { RuntimeCore } from "./core.ts";
import { deliveredError, type NamedOperation } from "./operation.ts";

/** Told how each operation came out. What it throws ends the run. */
export interface DirectSink {
  /**
   * The operation succeeded.
   * @param count how many bytes it moved
   * @param bytes what it brought, if it was started without a buffer and brought anything
   */
  done(count: number, bytes: Uint8Array | undefined): void;
  failed(error: unknown): void;
}

export class DirectOperation implements PendingStart {
  request: StartRequest | undefined = undefined;
  readonly #core: RuntimeCore;
  readonly #end: number;
  readonly #handle: number;
  readonly #operation: NamedOperation;
  readonly #sink: DirectSink;
  #buffer: IoBuffer | undefined;
  #busy = false;

  /** Made by `OpenEnd.direct`. */
  constructor(
    core: RuntimeCore,
    end: number,
    handle: number,
    operation: NamedOperation,
    sink: DirectSink,
  ) {
    this.#core = core;
    this.#end = end;
    this.#handle = handle;
    this.#operation = operation;
    this.#sink = sink;
  }

  /** Whether one is in flight: then no other can be started. */
  get busy(): boolean {
    return this.#busy;
  }

  /**
   * Starts the operation without a buffer.
   * @param sizeBytes how much it may bring; 0 for an operation that moves no bytes
   * @throws {ReelError} ERR_OPERATION_BUSY
   */
  start(sizeBytes: number): void {
    this.#start(undefined, sizeBytes);
  }

  /**
   * Starts the operation on a copy of these bytes.
   * @throws {ReelError} ERR_OPERATION_BUSY
   */
  startWith(bytes: Uint8Array): void {
    const { pool } = this.#core;
    const small = bytes.length <= TRANSIENT_BYTES_MAX;
    this.#start(small ? pool.transient(bytes) : pool.borrow(bytes), bytes.length);
  }

  began(): void {}

  refused(error: unknown): void {
    this.#over();
    this.#sink.failed(error);
  }

  settled(handle: number, result: number, count: number): void {
    this.#over();
    const { state } = this.#core.engine;
    if (result >= 0) {
      this.#sink.done(count, state.deliveredBytes);
      return;
    }
    const outcome = { name: this.#operation, handle, result, bytes: count };
    this.#sink.failed(deliveredError(this.#core.engine, this.#handle, outcome));
  }

  #start(buffer: IoBuffer | undefined, sizeBytes: number): void {
    if (this.#busy) {
      const { kind, operation } = this.#operation;
      buffer?.dispose();
      throw new ReelError("ERR_OPERATION_BUSY", `Cannot ${operation} ${kind}: one is in flight`, {
        mend: "Wait until the sink was told of its end",
      });
    }
    this.#buffer = buffer;
    this.#busy = true;
    const { engine, request, starts } = this.#core;
    request.end = this.#end;
    request.operation = this.#operation.number;
    request.buffer = buffer;
    request.at = 0;
    request.length = sizeBytes;
    request.offset = 0;
    request.argument = 0;
    try {
      if (!engine.state.ends.isOpen(this.#end, this.#handle)) {
        requireOpenEnd(engine, this.#handle, this.#operation.operation);
      }
      starts.start(request, this);
    } catch (error) {
      this.refused(error);
    }
    this.#core.kick();
  }

  #over(): void {
    this.#busy = false;
    const buffer = this.#buffer;
    if (buffer === undefined) return;
    this.#buffer = undefined;
    buffer.dispose();
  }
}
