/**
 * Tells Bun's event loop of what a completion thread has announced: a word of shared memory is
 * watched by Atomics.waitAsync. Such a wait does not keep the process alive, so the thread is held
 * for as long as somebody sleeps.
 */
import type { Announcer } from "./announcer.ts";
import { WORD } from "./completion-thread-words.ts";
import type { CompletionThread } from "./completion-thread.ts";

export class ThreadAnnouncer implements Announcer {
  readonly mode = "thread";
  readonly #thread: CompletionThread;
  readonly #signalled: () => void;
  #listening = false;
  #waiting = false;

  /** @param signalled called when completions were announced; maybe once too often */
  constructor(thread: CompletionThread, signalled: () => void) {
    this.#thread = thread;
    this.#signalled = signalled;
  }

  /** The thread announces always: it cannot know who sleeps. */
  announce(): void {}

  get listening(): boolean {
    return this.#listening;
  }

  /** Has the next announcement reported. One that came before is found by looking at the ring. */
  listen(): void {
    if (!this.#listening) this.#thread.worker.ref();
    this.#listening = true;
    if (this.#waiting) return;
    const { words } = this.#thread;
    const seen = Atomics.load(words, WORD.SEQUENCE);
    const wait = Atomics.waitAsync(words, WORD.SEQUENCE, seen);
    this.#waiting = true;
    if (wait.async) void wait.value.then(this.#took);
    else queueMicrotask(this.#took);
  }

  letGo(): void {
    if (this.#listening) this.#thread.worker.unref();
    this.#listening = false;
  }

  close(): void {
    this.letGo();
  }

  readonly #took = (): void => {
    this.#waiting = false;
    if (this.#listening) this.#signalled();
  };
}
