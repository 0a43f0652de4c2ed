/**
 * The eventfd on which the ring announces completions, and the stream by which Bun's event loop
 * watches it. Bun has no public way to watch a descriptor; reading it as a file does, and the
 * start-up test in loop-wake.ts makes sure that it still does.
 *
 * While the stream is open it keeps the process alive, whether or not anybody reads it; that is why
 * it is let go of whenever nobody sleeps.
 */
import { ReelError, codeOfResult } from "../../errors.ts";
import type { Announcer } from "./announcer.ts";
import { CQ_EVENTFD_DISABLED, EFD_CLOEXEC, EFD_NONBLOCK } from "./abi.ts";
import { libc } from "./libc.ts";
import { registerEventfd, unregisterEventfd } from "./registration.ts";
import type { RingQueue } from "./ring-queue.ts";

/** The part of a stream's reader that is used. What was read does not matter. */
interface Reader {
  read(): Promise<{ done: boolean }>;
  cancel(): Promise<void>;
}

export class EventDescriptor implements Announcer {
  readonly mode = "eventfd";
  readonly #queue: RingQueue;
  readonly #fd: number;
  readonly #signalled: () => void;
  readonly #failed: () => void;
  #reader: Reader | undefined;
  #reading = false;

  /**
   * @param signalled called when the descriptor was written to; maybe once too often
   * @param failed called when Bun's stream ended by itself, which it must not
   * @throws {ReelError} the errno's code
   */
  constructor(queue: RingQueue, signalled: () => void, failed: () => void) {
    this.#queue = queue;
    this.#signalled = signalled;
    this.#failed = failed;
    // Bun reads a blocking descriptor as if it were a regular file, by position.
    this.#fd = libc().eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (this.#fd < 0) {
      const code = codeOfResult(-libc().errno());
      throw new ReelError(code, `Cannot make the ring's eventfd: eventfd gave ${code}`);
    }
    this.announce(false);
    try {
      registerEventfd(queue.fd, this.#fd);
    } catch (error) {
      libc().close(this.#fd);
      throw error;
    }
  }

  /** Turns announcements on, or off while somebody looks at the queue anyway. */
  announce(on: boolean): void {
    const { rings, completionFlagsAt } = this.#queue;
    Atomics.store(rings, completionFlagsAt, on ? 0 : CQ_EVENTFD_DISABLED);
  }

  /** Whether the stream is open. */
  get listening(): boolean {
    return this.#reader !== undefined;
  }

  /** Has the next announcement reported, also one that came before. */
  listen(): void {
    const reader: Reader = this.#reader ?? Bun.file(this.#fd).stream().getReader();
    this.#reader = reader;
    if (this.#reading) return;
    this.#reading = true;
    reader.read().then(
      ({ done }) => this.#took(reader, done),
      () => this.#took(reader, true),
    );
  }

  /** Lets go of the event loop: nothing is reported until {@link listen} is called again. */
  letGo(): void {
    const reader = this.#reader;
    if (reader === undefined) return;
    this.#reader = undefined;
    this.#reading = false;
    reader.cancel().catch(() => {});
  }

  /** Ends announcements and closes the descriptor. The ring must still be open. */
  close(): void {
    this.letGo();
    unregisterEventfd(this.#queue.fd);
    libc().close(this.#fd);
  }

  #took(reader: Reader, done: boolean): void {
    if (reader !== this.#reader) return;
    this.#reading = false;
    if (done) {
      this.letGo();
      this.#failed();
    } else this.#signalled();
  }
}
