/**
 * The four calls of the notes, over numbers: start, wait, cancel, release. They are what promises
 * and streams are made of, for programs that want to do without: an operation started with a buffer
 * of ioreel's own costs no allocation at all.
 *
 * Guarantees: an operation reaches exactly one terminal state; waiting consumes nothing; its buffer
 * stays frozen until then; a handle is good until it is released and never again.
 */
import { IoBuffer } from "./buffer/buffer.ts";
import type { BufferPool } from "./buffer/pool.ts";
import {
  BYTES_F64,
  FLAGS,
  FLAG_DELIVERED,
  HEADER_SHIFT,
  RESULT,
  STATE,
  TERMINAL,
} from "./descriptor/layout.ts";
import { requireOpenEnd, requireOperation } from "./engine/admission.ts";
import type { Engine, StartRequest } from "./engine/engine.ts";
import { release } from "./engine/settle.ts";
import type { PendingStart, StartQueue } from "./engine/start-queue.ts";
import type { Settler } from "./engine/state.ts";
import { ReelError, codeOfResult, type ErrorCode } from "./errors.ts";
import type { Executor } from "./task/executor.ts";
import { CallStart, OperationWatch, type CallHost } from "./syscall-waits.ts";

/** What the calls need of the runtime. */
export interface SyscallHost {
  readonly engine: Engine;
  readonly starts: StartQueue;
  readonly executor: Executor;
  readonly pool: BufferPool;
  kick(): void;
  /** Drives on this thread until a condition holds; false when it never will. */
  blockUntil(done: () => boolean): boolean;
}

/** How an operation stands. */
export interface Outcome {
  /** Whether it is terminal. */
  done: boolean;
  /** Why it failed, if it did. */
  code: ErrorCode | undefined;
  /** Bytes moved in its lifetime so far. */
  bytes: number;
}

export class Syscalls implements Settler, CallHost {
  readonly #host: SyscallHost;
  readonly #request: StartRequest;
  readonly #watch: OperationWatch;
  /** Buffers that were made for one operation, by handle. */
  readonly #temporaries = new Map<number, IoBuffer>();

  constructor(host: SyscallHost) {
    this.#host = host;
    this.#watch = new OperationWatch(host.engine);
    this.#request = {
      end: 0,
      operation: 0,
      buffer: undefined,
      at: 0,
      length: 0,
      offset: 0,
      argument: 0,
      autoRelease: false,
    };
  }

  /**
   * Starts a read or a write. Resolves once the operation is queued and its buffer is frozen, which
   * is at once unless the descriptor table is full; then starters wait in order.
   * @param handle an open end
   * @param offset position, for what has positions (a timer: the delay in ns)
   * @param isRead true to bring bytes into the buffer, false to send them
   * @param buffer memory to use; of a plain `Uint8Array`, see `BufferPool.borrow`
   * @returns a handle of the operation
   * @throws {ReelError} ERR_BAD_HANDLE, ERR_CLOSED, ERR_CLOSING, EPERM for the wrong end,
   *   ERR_BUFFER_BORROWED
   */
  asyncStart(
    handle: number,
    offset: number,
    isRead: boolean,
    buffer: IoBuffer | Uint8Array,
  ): Promise<number> {
    try {
      const temporary = this.#prepare(handle, offset, isRead, buffer);
      const { executor, starts } = this.#host;
      const wait = new CallStart(executor.owner, this, temporary);
      try {
        starts.start(this.#request, wait);
      } catch (error) {
        wait.refused(error);
      }
      this.#host.kick();
      return wait.promise;
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Like {@link asyncStart}, but at once or not at all, and without a promise.
   * @throws {ReelError} ERR_TABLE_FULL when the table has no free slot or others wait for one
   */
  tryStart(handle: number, offset: number, isRead: boolean, buffer: IoBuffer | Uint8Array): number {
    const temporary = this.#prepare(handle, offset, isRead, buffer);
    let slot = -1;
    try {
      slot = this.#host.starts.tryStart(this.#request, this);
    } finally {
      if (slot === -1) temporary?.dispose();
    }
    if (slot === -1) {
      throw new ReelError(
        "ERR_TABLE_FULL",
        `Cannot start an operation: all ${this.#host.engine.state.table.slots} slots are in use`,
        { mend: "Release operations that are done, or wait with asyncStart()" },
      );
    }
    this.#host.kick();
    return this.started(slot, temporary);
  }

  /**
   * Waits until at least one of the operations is terminal. Consumes nothing.
   * @param statuses filled with whether each is; at least as long as `handles`
   * @param withinNs how long to wait at most: 0 only looks and never suspends
   * @returns how many are; 0 when the time was up
   * @throws {RangeError} for no handles or a short `statuses`
   * @throws {ReelError} ERR_BAD_HANDLE naming the handle that is none
   */
  asyncWait(
    handles: readonly number[],
    statuses: boolean[],
    withinNs: number = Number.POSITIVE_INFINITY,
  ): Promise<number> {
    try {
      const count = this.#watch.fill(handles, statuses);
      if (count > 0 || withinNs <= 0) return Promise.resolve(count);
      const wait = this.#watch.begin(this.#host.executor.owner, handles, statuses, withinNs);
      this.#host.kick();
      return wait.promise;
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** Requests cancellation. Terminal, twice or too late is no error. @throws ERR_BAD_HANDLE */
  asyncCancel(handle: number): void {
    const { engine } = this.#host;
    engine.cancel(engine.state.table.requireSlot(handle, "cancel"));
    this.#host.kick();
  }

  /**
   * Frees a terminal operation's slot.
   * @returns the bytes that it moved in its lifetime
   * @throws {ReelError} ERR_OPERATION_BUSY while it is in flight; ERR_BAD_HANDLE twice or stale
   */
  asyncRelease(handle: number): number {
    const { state } = this.#host.engine;
    const slot = state.table.requireSlot(handle, "release");
    const flags = state.i32[(slot << HEADER_SHIFT) + FLAGS]!;
    const terminal = state.i32[(slot << HEADER_SHIFT) + STATE] === TERMINAL;
    if (!terminal || (flags & FLAG_DELIVERED) === 0) {
      throw new ReelError(
        "ERR_OPERATION_BUSY",
        `Cannot release operation ${handle}: it is in flight`,
        { mend: "Wait for it first, or cancel it and wait", details: { handle } },
      );
    }
    const bytes = state.f64[(slot << (HEADER_SHIFT - 1)) + BYTES_F64]!;
    release(state, slot);
    this.#host.engine.onFree();
    return bytes;
  }

  /** How an operation stands. Consumes nothing. @throws {ReelError} ERR_BAD_HANDLE */
  asyncOutcome(handle: number): Outcome {
    const { state } = this.#host.engine;
    const slot = state.table.requireSlot(handle, "look at");
    const done = this.#watch.isDelivered(slot);
    const result = done ? state.i32[(slot << HEADER_SHIFT) + RESULT]! : 0;
    return {
      done,
      code: result < 0 ? codeOfResult(result) : undefined,
      bytes: state.f64[(slot << (HEADER_SHIFT - 1)) + BYTES_F64]!,
    };
  }

  /**
   * What an operation without a buffer has brought: a restored `receive`. There until its release.
   * @throws {ReelError} ERR_BAD_HANDLE
   */
  asyncBytes(handle: number): Uint8Array | undefined {
    const { state } = this.#host.engine;
    return state.brought[state.table.requireSlot(handle, "look at")];
  }

  /**
   * {@link asyncStart} for a program that owns its thread: drives while the table is full.
   * @throws {ReelError} ERR_DEADLOCK when no slot can ever become free
   */
  startBlocking(
    handle: number,
    offset: number,
    isRead: boolean,
    buffer: IoBuffer | Uint8Array,
  ): number {
    const { table } = this.#host.engine.state;
    const free = (): boolean => table.free > 0 && this.#host.starts.length === 0;
    if (!this.#host.blockUntil(free)) throw deadlock("start an operation: no slot becomes free");
    return this.tryStart(handle, offset, isRead, buffer);
  }

  /**
   * {@link asyncWait} for a program that owns its thread: blocks it.
   * @throws {ReelError} ERR_DEADLOCK when none of them can ever become terminal
   */
  waitBlocking(handles: readonly number[], statuses: boolean[]): number {
    let count = this.#watch.fill(handles, statuses);
    const done = (): boolean => {
      count = this.#watch.fill(handles, statuses);
      return count > 0;
    };
    if (count === 0 && !this.#host.blockUntil(done)) {
      throw deadlock(`wait for ${handles.length} operations: nothing can complete them`);
    }
    return count;
  }

  /** Notes a start. @returns the operation's handle */
  started(slot: number, temporary: IoBuffer | undefined): number {
    const handle = this.#host.engine.state.table.handleOf(slot);
    if (temporary !== undefined) this.#temporaries.set(handle, temporary);
    return handle;
  }

  withdraw(start: PendingStart): boolean {
    return this.#host.starts.withdraw(start);
  }

  settled(handle: number): void {
    const temporary = this.#temporaries.get(handle);
    if (temporary !== undefined) {
      this.#temporaries.delete(handle);
      temporary.dispose();
    }
    this.#watch.settled(handle);
  }

  #prepare(
    handle: number,
    offset: number,
    isRead: boolean,
    memory: IoBuffer | Uint8Array,
  ): IoBuffer | undefined {
    const { engine, pool } = this.#host;
    const action = isRead ? "read from" : "write to";
    const name = isRead ? "read" : "write";
    const end = requireOpenEnd(engine, handle, action);
    const operation = requireOperation(engine, end, name);
    if (!Number.isSafeInteger(offset)) {
      throw new RangeError(`Cannot ${action} offset ${offset}: give a safe whole number`);
    }
    const temporary = memory instanceof IoBuffer ? undefined : pool.borrow(memory);
    const buffer = memory instanceof IoBuffer ? memory : temporary!;
    const request = this.#request;
    request.end = end;
    request.operation = operation;
    request.buffer = buffer;
    request.length = buffer.sizeBytes;
    request.offset = offset;
    return temporary;
  }
}

function deadlock(what: string): ReelError {
  return new ReelError("ERR_DEADLOCK", `Cannot ${what}`, {
    mend: "Start the operation that the others wait for, or close the other end",
  });
}
