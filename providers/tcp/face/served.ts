/**
 * One connection of a server by handlers (`io.serve`). Bytes come as calls, without a promise for
 * each chunk, and what is sent goes out in order. Backpressure needs nobody's attention: while a
 * handler's promise is open, or more is to be sent than the peer takes, nothing more is read.
 */
import { ReelError, type FaceDirect, type FaceEnd } from "../../../core/provider/index.ts";
import { unwritable } from "./checks.ts";
import { CHUNK_BYTES } from "./connection.ts";

/** Bytes that wait to be sent, after which reading rests until they are gone. */
const SENDING_REST_BYTES = 1 << 18;
/** What waits is gathered into one send up to this size. */
const GATHER_BYTES_MAX = 1 << 14;
/** Bytes that may wait to be sent at all. */
export const SENDING_BYTES_MAX = 1 << 24;

/** What a server does with its connections. Handlers run to their end before the next is called. */
export interface ServeHandlers {
  open?(connection: ServedConnection): void;
  /**
   * Bytes came.
   * @param chunk the program's to keep
   * @returns a promise, to be given nothing more before it is settled
   */
  data(connection: ServedConnection, chunk: Uint8Array): unknown;
  /** The peer sends no more. Without this handler the connection answers with the same. */
  end?(connection: ServedConnection): void;
  /**
   * The connection is over.
   * @param error why, unless both sides ended it or the program closed it: ECONNRESET, or what a
   *   handler threw. Without this handler, what a handler threw ends the run
   */
  close?(connection: ServedConnection, error: unknown): void;
}

const NO_BUFFER = "Cannot send: found an IoBuffer, wanted a Uint8Array or a string";

const encoder = new TextEncoder();

/** Whether a handler's answer is to be awaited: a promise of any maker. */
function isPromise(answer: unknown): answer is PromiseLike<unknown> {
  return typeof (answer as { then?: unknown } | null | undefined)?.then === "function";
}

export class ServedConnection {
  /** For the program's own use. */
  state: unknown = undefined;
  readonly #end: FaceEnd;
  readonly #handlers: ServeHandlers;
  readonly #reader: FaceDirect;
  readonly #sender: FaceDirect;
  readonly #onClose: (connection: ServedConnection) => void;
  /** Copies of what waits for the send before it. */
  #queue: Uint8Array[] = [];
  #queuedBytes = 0;
  #sendingBytes = 0;
  /** The handler's promise is open. */
  #busy = false;
  #peerEnded = false;
  #ending = false;
  #ended = false;
  #closed = false;

  /** Made by `io.serve`. */
  constructor(
    end: FaceEnd,
    handlers: ServeHandlers,
    onClose: (connection: ServedConnection) => void,
  ) {
    this.#end = end;
    this.#handlers = handlers;
    this.#onClose = onClose;
    this.#reader = end.direct("read", {
      done: (_count, bytes) => this.#received(bytes),
      failed: (error) => this.#fail(error),
    });
    this.#sender = end.direct("write", {
      done: () => this.#sent(),
      failed: (error) => this.#fail(error),
    });
  }

  get handle(): number {
    return this.#end.handle;
  }

  /** Bytes that were given to {@link send} and not yet taken by the system. */
  get pendingBytes(): number {
    return this.#sendingBytes + this.#queuedBytes;
  }

  /**
   * Sends bytes behind those before. They are copied; nothing is to be awaited.
   * @throws {ReelError} EPIPE after {@link end} or when the connection is over; ERR_LIMIT when
   *   16 MiB wait already
   */
  send(source: Uint8Array | string): void {
    const bytes = typeof source === "string" ? encoder.encode(source) : source;
    if (!(bytes instanceof Uint8Array))
      throw unwritable("send", source) ?? new TypeError(NO_BUFFER);
    if (this.#ending || this.#closed) {
      throw new ReelError("EPIPE", "Cannot send: the connection was ended");
    }
    if (bytes.length === 0) return;
    if (!this.#sender.busy) {
      this.#sendingBytes = bytes.length;
      this.#sender.startWith(bytes);
      return;
    }
    if (this.#queuedBytes + bytes.length > SENDING_BYTES_MAX) {
      throw new ReelError("ERR_LIMIT", `Cannot send: ${this.pendingBytes} bytes wait already`, {
        mend: "Look at pendingBytes, or return a promise from data() and use it to wait",
      });
    }
    this.#queue.push(bytes.slice());
    this.#queuedBytes += bytes.length;
  }

  /** Sends what waits, then says that no more will come. */
  end(): void {
    if (this.#ending || this.#closed) return;
    this.#ending = true;
    if (!this.#sender.busy) this.#finish();
  }

  /** Lets go of the connection at once. Idempotent. */
  close(): void {
    this.#over(undefined);
  }

  /** Begins to read. Called once, by the server. */
  begin(): void {
    if (this.#guarded(() => this.#handlers.open?.(this))) this.#readOn();
  }

  #received(bytes: Uint8Array | undefined): void {
    if (this.#closed) return;
    if (bytes === undefined) {
      this.#peerEnded = true;
      const { end } = this.#handlers;
      if (!this.#guarded(() => (end === undefined ? this.end() : end(this)))) return;
      if (this.#ended) this.#over(undefined);
      return;
    }
    let answer: unknown;
    try {
      answer = this.#handlers.data(this, bytes);
    } catch (error) {
      this.#broken(error);
      return;
    }
    if (isPromise(answer)) this.#awaits(answer);
    else this.#readOn();
  }

  #awaits(answer: PromiseLike<unknown>): void {
    this.#busy = true;
    answer.then(
      () => {
        this.#busy = false;
        this.#readOn();
      },
      (error: unknown) => {
        if (this.#handlers.close === undefined) this.#brokenLater(error);
        else this.#broken(error);
      },
    );
  }

  /** {@link #broken} outside of the run: what ends that has to be thrown in a sink. */
  #brokenLater(error: unknown): void {
    if (this.#closed) return;
    const rethrow = (): never => {
      throw error;
    };
    try {
      this.#end.direct("abort", { done: rethrow, failed: rethrow }).start(0);
    } catch {
      // The runtime is being closed: there is no run that could end.
    }
    this.#over(error);
  }

  #readOn(): void {
    const rests = this.#busy || this.pendingBytes > SENDING_REST_BYTES;
    if (rests || this.#closed || this.#peerEnded || this.#reader.busy) return;
    this.#reader.start(CHUNK_BYTES);
  }

  #sent(): void {
    this.#sendingBytes = 0;
    if (this.#closed) return;
    if (this.#queuedBytes > 0) {
      const next = this.#next();
      this.#queuedBytes -= next.length;
      this.#sendingBytes = next.length;
      this.#sender.startWith(next);
    } else if (this.#ending) {
      this.#finish();
    }
    if (!this.#reader.busy) this.#readOn();
  }

  /** What is to be sent next: small pieces together, large ones as they are. */
  #next(): Uint8Array {
    if (this.#queuedBytes > GATHER_BYTES_MAX) return this.#queue.shift()!;
    const next = this.#queue.length === 1 ? this.#queue[0]! : Buffer.concat(this.#queue);
    this.#queue = [];
    return next;
  }

  #finish(): void {
    this.#end.perform("end").then(
      () => {
        this.#ended = true;
        if (this.#peerEnded) this.#over(undefined);
      },
      (error: unknown) => this.#fail(error),
    );
  }

  #fail(error: unknown): void {
    if (!this.#closed) this.#over(error);
  }

  /** A handler threw: the peer is told by a reset. */
  #broken(error: unknown): void {
    if (this.#closed) return;
    this.#end.perform("abort").catch(() => {});
    this.#over(error);
    if (this.#handlers.close === undefined) throw error;
  }

  #over(error: unknown): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#queue = [];
    this.#queuedBytes = 0;
    this.#end.close().then(
      () => this.#onClose(this),
      () => this.#onClose(this),
    );
    this.#handlers.close?.(this, error);
  }

  /** @returns whether the handler came to its end and the connection still stands */
  #guarded(handler: () => void): boolean {
    try {
      handler();
    } catch (error) {
      this.#broken(error);
    }
    return !this.#closed;
  }
}
