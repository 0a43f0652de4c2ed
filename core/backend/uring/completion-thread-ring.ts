/**
 * A ring that a completion thread enters the kernel for: requests are prepared and completions read
 * here, in the memory that both threads and the kernel share, and no call of this thread's waits
 * for another's system call, unless it asks to wait.
 *
 * What the kernel has taken is not known at once, so `head` is what was handed over, and `capacity`
 * is adjusted to the places that are free beyond it.
 */
import { NS_PER_MS } from "../../clock.ts";
import { SQ_CQ_OVERFLOW } from "./abi.ts";
import { CALL_PASS, WORD } from "./completion-thread-words.ts";
import { threadGone, type CompletionThread } from "./completion-thread.ts";
import { enterError } from "./enter-error.ts";
import type { UringFaults } from "./options.ts";
import { RingCore, type BatchClock } from "./ring-core.ts";
import type { OpenRing } from "./setup.ts";

/** A request and its timeout are handed over together, so room is for two. */
const ROOM = 2;

export class ThreadedRing extends RingCore {
  readonly #thread: CompletionThread;
  readonly #words: Int32Array;

  constructor(
    ring: OpenRing,
    slots: number,
    faults: UringFaults,
    clock: BatchClock,
    thread: CompletionThread,
  ) {
    super(ring, slots, faults, clock);
    this.#thread = thread;
    this.#words = thread.words;
    // The start-up tests have used the queues.
    this.tail = Atomics.load(this.rings, this.submissionTailAt);
    this.head = this.tail;
    this.completions.head = Atomics.load(this.#words, WORD.REAPED);
  }

  /**
   * Hands over what is prepared, and waits for a completion if asked to.
   * @throws {ReelError} when the kernel refuses the thread for good
   */
  override enter(wait: number): void {
    this.#handOver();
    if (wait > 0) this.#sleep(Infinity);
  }

  override enterFor(timeoutNs: number): void {
    this.#handOver();
    this.#sleep(timeoutNs / NS_PER_MS);
  }

  override makeRoom(): void {
    if (this.capacity === 0) super.makeRoom();
    this.#handOver();
  }

  /** Completions appear by themselves; only those in the kernel's backlog have to be asked for. */
  override due(): boolean {
    if (Atomics.load(this.#words, WORD.FAULT) !== 0 || this.#thread.ended) return true;
    return (this.rings[this.flagsAt]! & SQ_CQ_OVERFLOW) !== 0;
  }

  override publishHead(): void {
    this.#thread.reaped(this.completions.head);
  }

  /** @throws {ReelError} when nobody enters the kernel any more */
  #requireThread(): void {
    const errno = Atomics.load(this.#words, WORD.FAULT);
    if (errno !== 0) throw enterError(errno);
    if (this.#thread.ended) throw threadGone();
  }

  #handOver(): void {
    this.#requireThread();
    this.counters.enters++;
    const more = this.tail !== this.head;
    Atomics.store(this.rings, this.submissionTailAt, this.tail);
    this.head = this.tail;
    if ((this.rings[this.flagsAt]! & SQ_CQ_OVERFLOW) !== 0) this.#thread.call(CALL_PASS, 0, 0);
    else if (more) this.#thread.want();
    this.#findRoom();
  }

  /** Learns how far the kernel has come, and waits until there is room. */
  #findRoom(): void {
    for (;;) {
      const taken = Atomics.load(this.rings, this.submissionHeadAt);
      this.capacity = (this.mask + 1 - ((this.head - taken) | 0)) | 0;
      if (this.capacity >= ROOM) return;
      // The kernel takes nothing while it lacks room for completions.
      this.putAside();
      this.#requireThread();
      this.#thread.call(CALL_PASS, 0, 0);
    }
  }

  /** Sleeps until there is a completion, for so long at most. */
  #sleep(timeoutMs: number): void {
    const sequence = Atomics.load(this.#words, WORD.SEQUENCE);
    if (this.ready() || this.#thread.ended) return;
    Atomics.wait(this.#words, WORD.SEQUENCE, sequence, timeoutMs);
  }
}
