/** A server by handlers: accepts on its own and hands every connection to the same handlers. */
import type { FaceDirect, FaceEnd, FaceHost } from "../../../core/provider/index.ts";
import type { SocketAddress } from "./address.ts";
import { ServedConnection, type ServeHandlers } from "./served.ts";

export class Server implements AsyncDisposable {
  readonly address: SocketAddress;
  /** Settled when the server is closed; rejected with what ended it otherwise. */
  readonly closed: Promise<void>;
  readonly #io: FaceHost;
  readonly #end: FaceEnd;
  readonly #handlers: ServeHandlers;
  readonly #connections = new Set<ServedConnection>();
  readonly #acceptor: FaceDirect;
  readonly #resolve: () => void;
  readonly #reject: (error: unknown) => void;
  #closing: Promise<void> | undefined;

  /** Made by `io.serve`. */
  constructor(io: FaceHost, end: FaceEnd, address: SocketAddress, handlers: ServeHandlers) {
    const { promise, reject, resolve } = Promise.withResolvers<void>();
    // Whoever does not look at it learns of a failure from the connections that do not come.
    promise.catch(() => {});
    this.closed = promise;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#io = io;
    this.#end = end;
    this.#handlers = handlers;
    this.address = address;
    this.#acceptor = end.direct("accept", {
      done: (handle) => this.#accepted(handle),
      failed: (error) => this.#failed(error),
    });
    this.#acceptor.start(0);
  }

  get port(): number {
    return this.address.port;
  }

  /** Connections that are open. */
  get connections(): number {
    return this.#connections.size;
  }

  /** Stops listening and lets go of all connections. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #accepted(handle: number): void {
    const forget = (connection: ServedConnection): void => {
      this.#connections.delete(connection);
    };
    const connection = new ServedConnection(this.#io.end(handle), this.#handlers, forget);
    this.#connections.add(connection);
    if (this.#closing === undefined) this.#acceptor.start(0);
    connection.begin();
  }

  #failed(error: unknown): void {
    if (this.#closing === undefined) this.#reject(error);
  }

  async #close(): Promise<void> {
    try {
      await this.#end.close();
    } finally {
      for (const connection of this.#connections) connection.close();
      this.#resolve();
    }
  }
}
