/**
 * A completion thread as its ring's owner sees it, for programs that keep their own event loop out
 * of the kernel: how it is called and ended. How it is started is in completion-thread-open.ts.
 */
import type { Worker } from "node:worker_threads";

import { ReelError } from "../../errors.ts";
import { CALL, STATE, WORD } from "./completion-thread-words.ts";
import { RingMessenger } from "./ring-message.ts";

/** Patience for one system call of the thread's. One that takes this long never ends. */
const ANSWER_MS_MAX = 30_000;

/** What is said when nobody enters the kernel any more, although somebody should. */
export function threadGone(): ReelError {
  return new ReelError("ERR_CLOSED", "Cannot reach the completion thread: it has ended", {
    mend: "Close the runtime and start another",
  });
}

export class CompletionThread {
  readonly words: Int32Array;
  /** Whoever keeps the process alive for the sake of completions holds it. */
  readonly worker: Worker;
  /** Settles when the thread is gone, a while after it has closed the ring. */
  readonly exited: Promise<void>;
  readonly #messenger: RingMessenger;

  constructor(words: Int32Array, worker: Worker, exited: Promise<void>, fd: number) {
    this.words = words;
    this.worker = worker;
    this.exited = exited;
    this.#messenger = new RingMessenger(fd);
  }

  /** Whether it has left the ring for good. */
  get ended(): boolean {
    return Atomics.load(this.words, WORD.STATE) === STATE.ENDED;
  }

  /** Has it look for work, which was left before. */
  want(): void {
    const { words } = this;
    Atomics.add(words, WORD.WANTED, 1);
    const state = Atomics.compareExchange(words, WORD.STATE, STATE.ENTERED, STATE.CALLED_BACK);
    if (state === STATE.ENTERED) this.#messenger.send();
    else if (state === STATE.PARKED) Atomics.notify(words, WORD.WANTED);
  }

  /** Tells it how far completions have been read. */
  reaped(head: number): void {
    const { words } = this;
    Atomics.store(words, WORD.REAPED, head);
    if (Atomics.load(words, WORD.STATE) !== STATE.PARKED) return;
    Atomics.add(words, WORD.WANTED, 1);
    Atomics.notify(words, WORD.WANTED);
  }

  /**
   * Has it make a call that only the ring's thread may make, and waits for the answer.
   * @param operation of io_uring_register, or CALL_PASS
   * @returns the result, or a negative error number
   * @throws {ReelError} ERR_CLOSED when the thread has ended
   */
  call(operation: number, address: number, count: number): number {
    const { words } = this;
    Atomics.store(words, WORD.CALL_OPERATION, operation);
    Atomics.store(words, WORD.CALL_ADDRESS, address % 4294967296);
    Atomics.store(words, WORD.CALL_ADDRESS + 1, Math.floor(address / 4294967296));
    Atomics.store(words, WORD.CALL_COUNT, count);
    Atomics.store(words, WORD.CALL, CALL.ASKED);
    this.want();
    while (Atomics.load(words, WORD.CALL) !== CALL.ANSWERED) {
      if (this.ended || Atomics.wait(words, WORD.CALL, CALL.ASKED, ANSWER_MS_MAX) === "timed-out") {
        throw threadGone();
      }
    }
    Atomics.store(words, WORD.CALL, CALL.NONE);
    return Atomics.load(words, WORD.CALL_RESULT);
  }

  /**
   * Has it close the ring and end, and waits until the ring is closed. Nothing may be in flight.
   */
  stop(): void {
    const { words } = this;
    this.worker.unref();
    Atomics.store(words, WORD.STOP, 1);
    this.want();
    for (;;) {
      const state = Atomics.load(words, WORD.STATE);
      if (state === STATE.ENDED) return;
      if (Atomics.wait(words, WORD.STATE, state, ANSWER_MS_MAX) === "timed-out") return;
    }
  }
}
