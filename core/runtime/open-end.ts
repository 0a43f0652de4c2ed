/**
 * What a program holds after opening a provider: one end, with its operations as promises. Ends are
 * made by `Runtime.open`.
 */
import { IoBuffer } from "../buffer/buffer.ts";
import { TRANSIENT_BYTES_MAX } from "../buffer/pool.ts";
import { requireOpenEnd, requireOperation, requireUnbuffered } from "../engine/admission.ts";
import type { RuntimeCore } from "./core.ts";
import { DirectOperation, type DirectSink } from "./direct-operation.ts";
import { OperationWait, type NamedOperation, type OperationYield } from "./operation.ts";
import { applyOptions, checkSize, type TransferOptions } from "./transfer-options.ts";

const textEncoder = new TextEncoder();
export type { TransferOptions } from "./transfer-options.ts";

export class OpenEnd {
  /** The number by which the four calls name the end. */
  readonly handle: number;
  readonly kind: string;
  /** Which of the provider's ends this is. */
  readonly name: string;
  readonly #core: RuntimeCore;
  /** Index of the end in the table, good for as long as the handle is. */
  readonly #end: number;
  /** Operations that ends like this one have used, so that a start costs no look-up but this. */
  readonly #operations: Map<string, NamedOperation>;
  #closing: Promise<void> | undefined;

  /** @throws {ReelError} ERR_CLOSED, ERR_BAD_HANDLE */
  constructor(core: RuntimeCore, handle: number) {
    const { ends, providers } = core.engine.state;
    this.#core = core;
    this.#end = ends.require(handle, "use");
    this.handle = handle;
    const { provider } = providers[ends.provider(this.#end)]!;
    this.kind = provider.kind;
    this.name = provider.endNames[ends.kind(this.#end)]!;
    this.#operations = core.handed.operationsOf(this.kind, this.name);
  }

  /**
   * Reads at most so many bytes.
   * @returns what came; empty at the end of a stream
   * @throws {ReelError} (as a rejection) the operation's code; ERR_CLOSED, ERR_CLOSING, EPERM
   */
  read(sizeBytes: number, options?: TransferOptions): Promise<Uint8Array> {
    try {
      const operation = this.#admit("read");
      checkSize(operation, sizeBytes);
      const made = this.#core.pool.owned(sizeBytes);
      return this.#start<Uint8Array>(operation, made, made, options, "bytes");
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Reads without a buffer, where the operation allows it: memory is taken when bytes are there, so
   * that a read that waits long holds none.
   * @param sizeBytes the most that may come
   * @returns what came, in memory of its own; empty at the end of a stream
   * @throws {ReelError} (as a rejection) as {@link read}; ERR_UNSUPPORTED where it needs a buffer
   */
  receive(sizeBytes: number, options?: TransferOptions): Promise<Uint8Array> {
    return this.#receive(sizeBytes, options, "brought");
  }

  /** {@link receive} as a step of an iteration, which is done at the end of the stream. */
  receiveStep(sizeBytes: number): Promise<IteratorResult<Uint8Array, undefined>> {
    return this.#receive(sizeBytes, undefined, "step");
  }

  /**
   * Reads into memory of the program's.
   * @returns how many bytes came; 0 at the end of a stream
   */
  readInto(target: IoBuffer | Uint8Array, options?: TransferOptions): Promise<number> {
    return this.perform("read", target, options);
  }

  /**
   * Writes all of the bytes.
   * @param source text is sent as UTF-8; up to 16 KiB, and all memory that is not shared, is copied
   *   before the return
   * @returns how many bytes were written
   */
  write(source: IoBuffer | Uint8Array | string, options?: TransferOptions): Promise<number> {
    const bytes = typeof source === "string" ? textEncoder.encode(source) : source;
    if (!(bytes instanceof Uint8Array) || bytes.length > TRANSIENT_BYTES_MAX) {
      return this.perform("write", bytes, options);
    }
    try {
      const operation = this.#admit("write");
      const made = this.#core.pool.transient(bytes);
      return this.#start<number>(operation, made, made, options, "count", bytes.length);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Starts any of the provider's operations by name.
   * @param memory the buffer, for operations that have one; text is sent as UTF-8
   * @returns how many bytes were moved
   */
  perform(
    operation: string,
    memory?: IoBuffer | Uint8Array | string,
    options?: TransferOptions,
  ): Promise<number> {
    if (typeof memory === "string") {
      return this.perform(operation, textEncoder.encode(memory), options);
    }
    try {
      const named = this.#admit(operation);
      if (memory === undefined || memory instanceof IoBuffer) {
        return this.#start<number>(named, memory, undefined, options, "count");
      }
      const made = this.#core.pool.borrow(memory);
      return this.#start<number>(named, made, made, options, "count");
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * What the resource has done, in the provider's own words, units at the end of the names.
   * @returns undefined when its driver does not count, or it is closed
   */
  statistics(): Readonly<Record<string, number>> | undefined {
    const { ends, providers } = this.#core.engine.state;
    if (!ends.isOpen(this.#end, this.handle)) return undefined;
    const { driver } = providers[ends.provider(this.#end)]!;
    return driver.statistics?.(ends.resource(this.#end));
  }

  /**
   * An operation to be started again and again without promises; see {@link DirectOperation}.
   * @throws {ReelError} EPERM for one that this end does not have, ERR_CLOSED
   */
  direct(operation: string, sink: DirectSink): DirectOperation {
    return new DirectOperation(this.#core, this.#end, this.handle, this.#admit(operation), sink);
  }

  /**
   * Closes the end: what is in flight on it is cancelled and awaited first. Idempotent.
   */
  close(): Promise<void> {
    if (this.#closing === undefined) {
      // A driver may have given the end up, or the runtime closed it: nothing is left to do then.
      const isOpen = this.#core.engine.state.ends.endOf(this.handle) !== -1;
      this.#closing = isOpen ? this.#core.opening.close(this.handle) : Promise.resolve();
    }
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Looks whether an operation may be started now. @throws {ReelError} */
  #admit(operation: string): NamedOperation {
    const { engine } = this.#core;
    if (!engine.state.ends.isOpen(this.#end, this.handle)) {
      requireOpenEnd(engine, this.handle, operation);
    }
    return this.#operations.get(operation) ?? this.#lookUp(operation);
  }

  #lookUp(operation: string): NamedOperation {
    const number = requireOperation(this.#core.engine, this.#end, operation);
    const named = { kind: this.kind, end: this.name, operation, number };
    this.#operations.set(operation, named);
    return named;
  }

  #receive<T>(
    sizeBytes: number,
    options: TransferOptions | undefined,
    yields: OperationYield,
  ): Promise<T> {
    try {
      const operation = this.#admit("read");
      requireUnbuffered(this.#core.engine, this.#end, operation.number);
      checkSize(operation, sizeBytes);
      return this.#start<T>(operation, undefined, undefined, options, yields, sizeBytes);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * @param temporary the buffer, if it was made for this operation: it is disposed of with it
   * @param sizeBytes how many bytes are wanted
   */
  #start<T>(
    operation: NamedOperation,
    buffer: IoBuffer | undefined,
    temporary: IoBuffer | undefined,
    options: TransferOptions | undefined,
    yields: OperationYield,
    sizeBytes: number = buffer === undefined ? 0 : buffer.sizeBytes,
  ): Promise<T> {
    const { executor, request } = this.#core;
    request.end = this.#end;
    request.operation = operation.number;
    request.buffer = buffer;
    request.at = 0;
    request.length = sizeBytes;
    request.offset = 0;
    request.argument = 0;
    const signal = options?.signal;
    try {
      if (options !== undefined) applyOptions(operation, request, options);
      signal?.throwIfAborted();
    } catch (error) {
      temporary?.dispose();
      throw error;
    }
    const core = this.#core;
    const { handle } = this;
    const wait = new OperationWait<T>(executor.owner, core, operation, handle, yields, temporary);
    wait.start(request);
    if (signal !== undefined) wait.endWith(signal);
    return wait.promise;
  }
}
