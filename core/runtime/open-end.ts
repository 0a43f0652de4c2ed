/**
 * What a program holds after opening a provider: one end, with its operations as promises. Ends are
 * made by `Runtime.open`.
 */
import { IoBuffer } from "../buffer/buffer.ts";
import { requireOpenEnd, requireOperation } from "../engine/admission.ts";
import type { StartRequest } from "../engine/engine.ts";
import type { RuntimeCore } from "./core.ts";
import { OperationWait, type OperationYield } from "./operation.ts";

const textEncoder = new TextEncoder();

/** Where a transfer takes place. */
export interface TransferOptions {
  /** Position, for what has positions (a timer: the delay in nanoseconds). Default 0. */
  offset?: number;
  /** First byte of the buffer to use. Default 0. */
  at?: number;
  /** Bytes of the buffer to use. Default: the rest of it. */
  length?: number;
  /** The operation's own number argument, if it has one. */
  argument?: number;
}

export class OpenEnd {
  /** The number by which the four calls name the end. */
  readonly handle: number;
  readonly kind: string;
  /** Which of the provider's ends this is. */
  readonly name: string;
  readonly #core: RuntimeCore;
  #closing: Promise<void> | undefined;

  constructor(core: RuntimeCore, handle: number, kind: string, name: string) {
    this.#core = core;
    this.handle = handle;
    this.kind = kind;
    this.name = name;
  }

  /**
   * Reads at most so many bytes.
   * @returns what came; empty at the end of a stream
   * @throws {ReelError} (as a rejection) the operation's code; ERR_CLOSED, ERR_CLOSING, EPERM
   */
  read(sizeBytes: number, options: TransferOptions = {}): Promise<Uint8Array> {
    return this.#begin<Uint8Array>(
      "read",
      () => this.#core.pool.owned(sizeBytes),
      options,
      "bytes",
    );
  }

  /**
   * Reads into memory of the program's.
   * @returns how many bytes came; 0 at the end of a stream
   */
  readInto(target: IoBuffer | Uint8Array, options: TransferOptions = {}): Promise<number> {
    return this.perform("read", target, options);
  }

  /**
   * Writes all of the bytes.
   * @param source text is sent as UTF-8; memory that is not shared is copied before the return
   * @returns how many bytes were written
   */
  write(source: IoBuffer | Uint8Array | string, options: TransferOptions = {}): Promise<number> {
    const bytes = typeof source === "string" ? textEncoder.encode(source) : source;
    return this.perform("write", bytes, options);
  }

  /**
   * Starts any of the provider's operations by name.
   * @param memory the buffer, for operations that have one
   * @returns how many bytes were moved
   */
  perform(
    operation: string,
    memory?: IoBuffer | Uint8Array,
    options: TransferOptions = {},
  ): Promise<number> {
    if (memory === undefined || memory instanceof IoBuffer) {
      return this.#begin<number>(operation, () => undefined, options, "count", memory);
    }
    return this.#begin<number>(operation, () => this.#core.pool.borrow(memory), options, "count");
  }

  /**
   * Closes the end: what is in flight on it is cancelled and awaited first. Idempotent.
   */
  close(): Promise<void> {
    this.#closing ??= this.#core.opening.close(this.handle);
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #begin<T>(
    operation: string,
    temporary: () => IoBuffer | undefined,
    options: TransferOptions,
    yields: OperationYield,
    memory?: IoBuffer,
  ): Promise<T> {
    let made: IoBuffer | undefined;
    try {
      const { engine } = this.#core;
      const end = requireOpenEnd(engine, this.handle, operation);
      const number = requireOperation(engine, end, operation);
      made = temporary();
      const request = requestFor(end, number, memory ?? made, options);
      const name = { kind: this.kind, end: this.name, operation };
      const owner = this.#core.executor.owner;
      const wait = new OperationWait<T>(owner, this.#core, name, request, yields, made);
      wait.start();
      return wait.promise;
    } catch (error) {
      made?.dispose();
      return Promise.reject(error);
    }
  }
}

function requestFor(
  end: number,
  operation: number,
  buffer: IoBuffer | undefined,
  options: TransferOptions,
): StartRequest {
  const size = buffer?.sizeBytes ?? 0;
  const { offset = 0, at = 0, argument = 0 } = options;
  const length = options.length ?? Math.max(0, size - at);
  if (!(Number.isInteger(at) && Number.isInteger(length) && at >= 0 && length >= 0)) {
    throw new RangeError(`Cannot transfer ${length} bytes at ${at}: give whole numbers from 0`);
  }
  if (at + length > size) {
    throw new RangeError(`Cannot transfer ${length} bytes at ${at}: the buffer has ${size}`);
  }
  if (!Number.isFinite(offset)) throw new RangeError(`Cannot transfer at position ${offset}`);
  return { end, operation, buffer, at, length, offset, argument, autoRelease: true };
}
