/**
 * The door on io_uring: collects what has arrived, waits if it may, and delivers it in one batch:
 * inputs from outside first, then completions, then the deadline if it is reached by then.
 */
import type { InputKind, Sink } from "../contract.ts";
import type { RingCore } from "./ring-core.ts";
import type { SessionClock } from "./session-clock.ts";

/** A look that finds nothing although the kernel keeps saying that something is due gives up. */
const LOOKS_MAX = 16;

export class Door {
  readonly #core: RingCore;
  readonly #clock: SessionClock;
  readonly #reapLimit: number;
  /** What came from outside the program since the last poll. */
  readonly inputs: { kind: InputKind; value: number }[] = [];
  /** The armed deadline by the session's clock, or Infinity. */
  deadlineNs = Infinity;
  /** Whether other threads may send messages. */
  listening = false;
  /** Whether a poll is delivering: its callbacks may prepare requests but not poll. */
  polling = false;

  constructor(core: RingCore, clock: SessionClock, reapLimit: number) {
    this.#core = core;
    this.#clock = clock;
    this.#reapLimit = reapLimit;
  }

  /** See {@link Backend.pending}. */
  pending(): boolean {
    const awaited = this.#core.inFlight > 0 || this.deadlineNs !== Infinity || this.listening;
    return awaited || this.inputs.length > 0;
  }

  /** See {@link Backend.poll}. With `wait`, returns 0 only when nothing can arrive any more. */
  poll(sink: Sink, wait: boolean): number {
    if (this.polling) throw new Error("Cannot poll the io_uring backend: a poll is delivering");
    this.polling = true;
    try {
      for (;;) {
        const delivered = this.#collect(sink, wait);
        if (delivered > 0 || !wait || !this.pending()) return delivered;
      }
    } finally {
      this.polling = false;
    }
  }

  /** Whether a poll would deliver something. Hands over what is prepared. */
  look(): boolean {
    const core = this.#core;
    if (core.tail !== core.head || core.due()) core.enter(0);
    core.skipOwn();
    // The kernel runs a bounded number of completions in one call and says if more are due.
    for (let i = 0; i < LOOKS_MAX && !core.ready() && core.tellsWhenDue && core.due(); i++) {
      core.enter(0);
      core.skipOwn();
    }
    return core.ready() || this.inputs.length > 0 || this.deadlineNs <= this.#clock.now();
  }

  #collect(sink: Sink, wait: boolean): number {
    const core = this.#core;
    const here = this.inputs.length > 0 || core.backlog.count > 0;
    if (wait && !here) this.#block();
    else if (core.tail !== core.head || core.due()) core.enter(0);
    core.turned = false;
    let delivered = this.inputs.length > 0 ? this.#deliverInputs(sink) : 0;
    delivered += core.reap(sink, this.#reapLimit);
    if (this.deadlineNs !== Infinity) delivered += this.#expire(sink);
    return delivered;
  }

  /** Hands over, and waits for a completion or the deadline if anything can come. */
  #block(): void {
    const core = this.#core;
    if (core.lookups.unanswered) return this.#resolve();
    if (this.deadlineNs === Infinity) {
      if (core.inFlight > 0 || this.listening) core.enter(1);
      else if (core.tail !== core.head) core.enter(0);
      return;
    }
    const leftNs = this.deadlineNs - this.#clock.now();
    if (leftNs > 0) core.enterFor(leftNs);
    else if (core.tail !== core.head || core.due()) core.enter(0);
  }

  /**
   * Answers a look-up on this thread, unless something is there already. Nobody else could answer
   * meanwhile: the event loop, which the resolver's threads report to, stands still.
   */
  #resolve(): void {
    const core = this.#core;
    core.enter(0);
    core.skipOwn();
    if (!core.ready() && this.deadlineNs > this.#clock.now()) core.lookups.answerNow();
  }

  #deliverInputs(sink: Sink): number {
    const inputs = this.inputs.splice(0);
    this.#core.turn(sink);
    for (const { kind, value } of inputs) sink.input(kind, value);
    return inputs.length;
  }

  /** Reports the deadline if it is reached, never before. @returns events delivered */
  #expire(sink: Sink): number {
    const core = this.#core;
    const known = core.turned && !Number.isNaN(core.turnedNs);
    const nowNs = known ? core.turnedNs : this.#clock.now();
    if (nowNs < this.deadlineNs) return 0;
    this.deadlineNs = Infinity;
    if (!core.turned) core.turn(sink);
    sink.expire(Number.isNaN(core.turnedNs) ? nowNs : core.turnedNs);
    return 1;
  }
}
