/**
 * Queues of buffers (the RIO re-wait of the notes, Linux's provided buffers): an operation that is
 * started with one stays armed and takes the next buffer for each of its rounds. So the device has
 * a buffer at hand while the program still looks at the one before.
 *
 * A buffer in the queue is lent: its memory is not the program's until it arrives or is withdrawn.
 */
import { ReelError } from "../errors.ts";
import type { IoBuffer } from "./buffer.ts";
import type { BufferPool } from "./pool.ts";

/** Buffers that may wait in one queue. */
export const QUEUED_BUFFERS_MAX = 65536;

/** What a queue asks of the engine that made it. */
export interface QueueHome {
  /** A buffer was given to an empty queue. @returns whether an operation took it at once */
  handOver(queue: BufferQueue, buffer: number): boolean;
  /** The queue is disposed of. */
  forget(queue: BufferQueue): void;
}

export class BufferQueue {
  /** Its number in the session. */
  readonly id: number;
  /** The wait list of operations that found it empty. */
  readonly waiters: number;
  readonly #pool: BufferPool;
  readonly #home: QueueHome;
  /** Numbers of the buffers, as a ring. */
  #ring = new Uint32Array(8);
  #head = 0;
  #size = 0;
  #stalls = 0;
  #users = 0;
  #disposed = false;

  constructor(home: QueueHome, pool: BufferPool, id: number, waiters: number) {
    this.#home = home;
    this.#pool = pool;
    this.id = id;
    this.waiters = waiters;
  }

  /** Buffers that wait to be used. */
  get size(): number {
    return this.#size;
  }

  /** How often an operation found the queue empty and had to wait for a buffer. */
  get stalls(): number {
    return this.#stalls;
  }

  /** Operations in flight that take their buffers from here. */
  get users(): number {
    return this.#users;
  }

  get isDisposed(): boolean {
    return this.#disposed;
  }

  /**
   * Gives a buffer to the queue, for the first time or after it has arrived. An operation that
   * stands still for want of one goes on.
   * @throws {ReelError} ERR_BUFFER_BORROWED when something uses the buffer, ERR_CLOSED after
   *   disposal, ERR_LIMIT when the queue holds {@link QUEUED_BUFFERS_MAX}
   * @throws {RangeError} for a buffer without bytes: nothing could ever arrive in it
   */
  give(buffer: IoBuffer): void {
    if (this.#disposed) {
      throw new ReelError("ERR_CLOSED", "Cannot give a buffer: the queue was disposed of");
    }
    if (buffer.sizeBytes === 0) {
      throw new RangeError(`Cannot queue buffer ${buffer.id}: it has no bytes`);
    }
    if (this.#size === QUEUED_BUFFERS_MAX) {
      throw new ReelError("ERR_LIMIT", `Cannot queue another buffer: it holds ${this.#size}`);
    }
    buffer.lend(true);
    if (this.#size === 0 && this.#home.handOver(this, buffer.id)) return;
    this.#append(buffer.id);
  }

  /**
   * Takes back the buffer that would be used next.
   * @returns undefined when the queue is empty
   */
  withdraw(): IoBuffer | undefined {
    const id = this.take();
    if (id === 0) return undefined;
    const buffer = this.#pool.get(id);
    buffer.settle(true, 0, 0);
    return buffer;
  }

  /**
   * Gives all buffers back to the program and ends the queue. Idempotent.
   * @throws {ReelError} ERR_OPERATION_BUSY while an operation takes its buffers from here
   */
  dispose(): void {
    if (this.#disposed) return;
    if (this.#users > 0) {
      throw new ReelError(
        "ERR_OPERATION_BUSY",
        `Cannot dispose of the buffer queue: ${this.#users} operations use it`,
        { mend: "Cancel them and wait for their completion first" },
      );
    }
    while (this.withdraw() !== undefined);
    this.#disposed = true;
    this.#home.forget(this);
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  // For the engine.

  /** Takes the next buffer, which stays lent. @returns its number, 0 when there is none */
  take(): number {
    if (this.#size === 0) return 0;
    const id = this.#ring[this.#head]!;
    this.#head = (this.#head + 1) & (this.#ring.length - 1);
    this.#size--;
    return id;
  }

  /** Puts a buffer that was taken and not used back to the front. */
  putBack(id: number): void {
    this.#reserve();
    this.#head = (this.#head - 1) & (this.#ring.length - 1);
    this.#ring[this.#head] = id;
    this.#size++;
  }

  stalled(): void {
    this.#stalls++;
  }

  addUser(change: 1 | -1): void {
    this.#users += change;
  }

  /** Numbers of the buffers, the next one first. */
  ids(): number[] {
    const mask = this.#ring.length - 1;
    return Array.from({ length: this.#size }, (_, i) => this.#ring[(this.#head + i) & mask]!);
  }

  /** Puts a snapshot's state back. The buffers are lent already. */
  restore(ids: readonly number[], stalls: number, users: number): void {
    this.#size = 0;
    for (const id of ids) this.#append(id);
    this.#stalls = stalls;
    this.#users = users;
  }

  #append(id: number): void {
    this.#reserve();
    this.#ring[(this.#head + this.#size) & (this.#ring.length - 1)] = id;
    this.#size++;
  }

  #reserve(): void {
    if (this.#size < this.#ring.length) return;
    const larger = new Uint32Array(this.#ring.length * 2);
    for (const [place, id] of this.ids().entries()) larger[place] = id;
    this.#ring = larger;
    this.#head = 0;
  }
}
