/** A listener, for people: connections come out of it with `for await`. */
import type { FaceEnd, FaceHost } from "../../../core/provider/index.ts";
import type { SocketAddress } from "./address.ts";
import { requireSignal } from "./checks.ts";
import { Connection } from "./connection.ts";

export class Listener implements AsyncIterable<Connection>, AsyncDisposable {
  /** Where it listens; the port is the one that was given, if any was asked for. */
  readonly address: SocketAddress;
  readonly #io: FaceHost;
  readonly #end: FaceEnd;
  #closed = false;

  /** Made by `io.listen`. */
  constructor(io: FaceHost, end: FaceEnd, address: SocketAddress) {
    this.#io = io;
    this.#end = end;
    this.address = address;
  }

  get handle(): number {
    return this.#end.handle;
  }

  get port(): number {
    return this.address.port;
  }

  /**
   * Waits for the next connection. Connections are accepted before somebody asks; those that wait
   * here are closed with the listener.
   * @throws {ReelError} (as a rejection) ECANCELED, ERR_CLOSED when the listener is closed
   */
  async accept(options: { signal?: AbortSignal } = {}): Promise<Connection> {
    requireSignal("accept", options?.signal);
    const handle = await this.#end.perform("accept", undefined, options ?? {});
    return new Connection(this.#io.end(handle));
  }

  /** Connections until the listener is closed. */
  [Symbol.asyncIterator](): AsyncIterator<Connection, undefined> {
    return {
      next: async () => {
        try {
          return { done: false, value: await this.accept() };
        } catch (error) {
          if (this.#closed) return { done: true, value: undefined };
          throw error;
        }
      },
    };
  }

  /** Stops listening; connections that were handed out go on. Idempotent. */
  close(): Promise<void> {
    this.#closed = true;
    return this.#end.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
