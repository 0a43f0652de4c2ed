/**
 * A connection, for people: chunks come out of it with `for await`, and every write is awaited or
 * bounded, so that a program cannot fill memory by forgetting to wait.
 */
import type { FaceEnd, IoBuffer } from "../../../core/provider/index.ts";
import { NAME_LOCAL, NAME_PEER } from "../options.ts";
import { addressOf, type SocketAddress } from "./address.ts";
import {
  gather,
  requireSignal,
  requireTimeout,
  unfillable,
  unwritable,
  type Writable,
} from "./checks.ts";
import { streamsOf } from "./streams.ts";

/** Bytes that one read brings at most, unless it is told otherwise. */
export const CHUNK_BYTES = 1 << 16;

export type { Writable };

export interface ReadOptions {
  /** Ends the read when it is aborted. */
  signal?: AbortSignal;
  /** The read fails with ETIMEDOUT when nothing has come after so long. */
  timeoutNs?: number;
}

export class Connection implements AsyncIterable<Uint8Array>, AsyncDisposable {
  readonly #end: FaceEnd;

  /** Made by `io.connect` and by listeners. */
  constructor(end: FaceEnd) {
    this.#end = end;
  }

  /** The number by which the four calls name the connection. */
  get handle(): number {
    return this.#end.handle;
  }

  /**
   * Reads what is there, or waits for it.
   * @param sizeBytes the most that may come, default 64 KiB
   * @returns a fresh array; empty at the end of the stream
   * @throws {ReelError} (as a rejection) ECONNRESET, ETIMEDOUT, ERR_CLOSED
   */
  read(sizeBytes: number = CHUNK_BYTES, options?: ReadOptions): Promise<Uint8Array> {
    return options === undefined ? this.#end.receive(sizeBytes) : this.#receive(sizeBytes, options);
  }

  /** Reads into memory of the program's. @returns how many bytes came; 0 at the end */
  readInto(target: IoBuffer | Uint8Array): Promise<number> {
    // Without memory nothing would be read, which looks like the end of the stream.
    const wrong = unfillable("read", target);
    return wrong === undefined ? this.#end.readInto(target) : Promise.reject(wrong);
  }

  /**
   * Sends all of the bytes. Writes go out in the order of the calls.
   * @param source memory of the program's is copied before the call returns
   * @returns (when all was handed over) how many bytes
   * @throws {ReelError} (as a rejection) EPIPE, ECONNRESET; ERR_LIMIT when 1 MiB of earlier writes
   *   still wait, because nobody awaited them
   */
  write(source: Writable): Promise<number> {
    const wrong = unwritable("write", source);
    return wrong === undefined ? this.#end.write(source) : Promise.reject(wrong);
  }

  /** Sends several pieces as if they were one: no packet ends between them by itself. */
  async writev(sources: readonly Writable[]): Promise<number> {
    return await this.#end.write(gather(sources));
  }

  /**
   * Says that no more will be sent (FIN), after everything that is being written. The peer may go
   * on sending: reading is not affected.
   * @param last sent before
   */
  async end(last?: Writable): Promise<void> {
    if (last !== undefined) await this.write(last);
    await this.#end.perform("end");
  }

  /** Lets go of the connection at once; what is in flight on it is cancelled. Idempotent. */
  close(): Promise<void> {
    return this.#end.close();
  }

  /** Resets the connection: the peer sees ECONNRESET, and what was not sent is dropped. */
  async abort(): Promise<void> {
    try {
      await this.#end.perform("abort");
    } finally {
      await this.#end.close();
    }
  }

  localAddress(): Promise<SocketAddress> {
    return addressOf(this.#end, NAME_LOCAL);
  }

  peerAddress(): Promise<SocketAddress> {
    return addressOf(this.#end, NAME_PEER);
  }

  /** The connection as a pair of WHATWG streams. Use them or the methods, not both. */
  streams(): { readable: ReadableStream<Uint8Array>; writable: WritableStream<Writable> } {
    return streamsOf(this);
  }

  /** Chunks until the end of the stream. Leaving the loop does not close the connection. */
  [Symbol.asyncIterator](): AsyncIterator<Uint8Array, undefined> {
    const end = this.#end;
    return { next: () => end.receiveStep(CHUNK_BYTES) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #receive(sizeBytes: number, options: ReadOptions): Promise<Uint8Array> {
    const { signal, timeoutNs = 0 } = options;
    requireTimeout("read", timeoutNs);
    requireSignal("read", signal);
    const argument = { argument: timeoutNs };
    const all = signal === undefined ? argument : { signal, ...argument };
    return await this.#end.receive(sizeBytes, all);
  }
}
