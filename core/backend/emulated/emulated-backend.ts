/**
 * The door to the emulated machine: it moves virtual time from event to event and hands what the
 * devices raise to the engine.
 *
 * One poll looks at one moment. At that moment all machine events run first, in the order in which
 * they were scheduled; then outside input is delivered, then interrupts in the order of raising,
 * then the deadline. So the hardware wins a tie: a result that arrives at the very moment of its
 * timeout counts. Interrupts raised while the engine is being called stay pending for a later poll,
 * as on a processor that runs with interrupts disabled; no delivery begins inside another.
 *
 * Paced time differs from virtual time only in that the thread waits before the clock moves: the
 * events, their times and their order are the same, so a paced session replays at full speed.
 */
import { hostAfter, hostSoon, NS_PER_MS } from "../../clock.ts";
import { ReelError } from "../../errors.ts";
import type { Backend, BackendCounters, InputKind, Sink } from "../contract.ts";
import { HostImages } from "./host-images.ts";
import type { Machine } from "./machine.ts";
import { Pacer } from "./pacer.ts";

/**
 * Moments that one waiting poll passes while devices are busy with themselves and nothing reaches
 * the engine. A bound, because a device that ticks for ever on a masked line must not keep the
 * engine from looking after its host.
 */
const QUIET_MOMENTS_MAX = 4096;
/** The longest host timer: it takes 31 bits of milliseconds, and an early one only looks again. */
const HOST_DELAY_MS_MAX = 3_600_000;

export class EmulatedBackend implements Backend {
  readonly kind = "emulated";
  readonly ring = undefined;
  readonly host = undefined;
  readonly machine: Machine;
  readonly images = new HostImages();
  /** Only paced time holds the thread. */
  readonly blocks: boolean;
  readonly counters: BackendCounters = {
    submitted: 0,
    completed: 0,
    enters: 0,
    overflows: 0,
    stale: 0,
    interrupts: 0,
  };

  readonly #pacer: Pacer | undefined;
  readonly #inputs: { kind: InputKind; value: number }[] = [];
  #deadlineNs = Infinity;
  #polling = false;
  /** Whether a wake has just said that the next moment of paced time has come. */
  #ripe = false;
  #closed = false;
  #wake: (() => void) | undefined = undefined;
  /** Whether the host was asked to call back on its next turn; that cannot be withdrawn. */
  #soon = false;
  #withdrawTimer: (() => void) | undefined = undefined;

  /**
   * @param machine a machine that no other backend drives
   * @throws {ReelError} ERR_OPERATION_BUSY when one does
   */
  constructor(machine: Machine) {
    if (machine.onWork !== undefined) {
      throw new ReelError("ERR_OPERATION_BUSY", "Cannot drive the machine: a backend drives it", {
        mend: "Close the other backend, or build a machine for each",
      });
    }
    this.machine = machine;
    this.blocks = machine.clock === "paced";
    this.#pacer = this.blocks ? new Pacer(machine) : undefined;
    machine.onWork = () => this.#scheduleWake();
  }

  /** The machine's virtual time. In paced mode too: it moves from event to event. */
  now(): number {
    return this.machine.now();
  }

  /**
   * Arms the one deadline. A fraction of a nanosecond is rounded up, a past moment is due at the
   * next poll. An expiry disarms it.
   * @throws {RangeError} for NaN
   */
  arm(deadlineNs: number): void {
    if (Number.isNaN(deadlineNs)) {
      throw new RangeError(
        "Cannot arm the deadline: it must be a number of nanoseconds: found NaN",
      );
    }
    this.#deadlineNs = Math.ceil(deadlineNs);
    this.#scheduleWake();
  }

  /**
   * Delivers what is due at the current moment. When that is nothing and `wait` is true, moves on
   * from moment to moment until something is delivered, nothing is left, or thousands of moments
   * passed in which devices were busy with themselves alone: then 0, and another poll goes on.
   * With `wait` false the clock stands still, in paced mode too, so that what a run does depends on
   * its seed and not on the speed of the host; but the poll that answers a paced wake goes to the
   * moment for which it was woken.
   * @returns how many events were delivered, {@link Sink.turn} not counted
   * @throws {ReelError} ERR_OPERATION_BUSY when called from inside a poll, ERR_CLOSED after close,
   *   ERR_LIMIT when a device reschedules itself without delay for ever. An error of a device or of
   *   the sink passes through; what was not delivered yet stays for the next poll.
   */
  poll(sink: Sink, wait: boolean): number {
    if (this.#polling || this.#closed) this.#refuseToPoll();
    const moves = wait || this.#ripe;
    this.#ripe = false;
    this.#polling = true;
    try {
      let delivered = this.#deliver(sink);
      if (!moves) return delivered;
      for (let moments = 0; delivered === 0 && moments < QUIET_MOMENTS_MAX; moments++) {
        const next = this.#nextMomentNs();
        if (next === Infinity || !this.#comes(next, wait)) break;
        this.machine.advanceTo(next);
        delivered = this.#deliver(sink);
      }
      return delivered;
    } finally {
      this.#polling = false;
      this.#scheduleWake();
    }
  }

  /** A masked line that is pending does not count: it waits for somebody to enable it. */
  pending(): boolean {
    if (this.#closed) return false;
    return this.#dueNow() || this.#nextMomentNs() < Infinity;
  }

  /**
   * Delivers something from outside the program with the next poll, at the machine's moment then.
   * @param value the kind's own number: for an interrupt, the signal
   */
  inject(kind: InputKind, value: number): void {
    if (this.#closed) return;
    this.#inputs.push({ kind, value });
    this.#scheduleWake();
  }

  /**
   * Calls back once on the host's event loop: with virtual time on its next turn, with paced time
   * when the next event is due. While nothing is pending it keeps the call until something is.
   */
  armWake(wake: () => void): void {
    if (this.#closed) return;
    this.#wake = wake;
    this.#scheduleWake();
  }

  disarmWake(): void {
    this.#wake = undefined;
    this.#withdrawTimer?.();
    this.#withdrawTimer = undefined;
  }

  /** Lets go of the machine, which keeps its state and may be looked at or driven by another. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.disarmWake();
    this.#deadlineNs = Infinity;
    this.#inputs.length = 0;
    this.machine.onWork = undefined;
  }

  /** Everything of the current moment, each kind bounded by what is there when its turn comes. */
  #deliver(sink: Sink): number {
    const machine = this.machine;
    machine.runDue();
    const nowNs = machine.now();
    let delivered = 0;
    for (let left = this.#inputs.length; left > 0; left--) {
      const input = this.#inputs.shift()!;
      if (delivered++ === 0) sink.turn(nowNs);
      sink.input(input.kind, input.value);
    }
    const interrupts = machine.interrupts;
    const passEnd = interrupts.nextOrder;
    let line = interrupts.takeNext(passEnd);
    while (line >= 0) {
      this.counters.interrupts += 1;
      if (delivered++ === 0) sink.turn(nowNs);
      sink.interrupt(line);
      line = interrupts.takeNext(passEnd);
    }
    // Read only now: an interrupt may have ended the very wait that the deadline was for.
    if (this.#deadlineNs <= nowNs) {
      this.#deadlineNs = Infinity;
      if (delivered++ === 0) sink.turn(nowNs);
      sink.expire(nowNs);
    }
    return delivered;
  }

  /** Lets real time come to a moment, if it must. @returns whether it has */
  #comes(timeNs: number, wait: boolean): boolean {
    if (this.#pacer === undefined) return true;
    if (wait) this.#pacer.waitUntil(timeNs);
    return wait || this.#pacer.remainingNs(timeNs) <= 0;
  }

  #nextMomentNs(): number {
    const eventNs = this.machine.nextEventNs;
    return this.#deadlineNs < eventNs ? this.#deadlineNs : eventNs;
  }

  #dueNow(): boolean {
    if (this.#inputs.length > 0 || this.machine.interrupts.deliverable) return true;
    return this.#nextMomentNs() <= this.machine.now();
  }

  /** Host nanoseconds until a poll would find something; Infinity when nothing is pending. */
  #untilWorkNs(): number {
    if (this.#dueNow()) return 0;
    const next = this.#nextMomentNs();
    if (next === Infinity) return Infinity;
    return this.#pacer === undefined ? 0 : this.#pacer.remainingNs(next);
  }

  /** Asks the host for the callback that suits what is pending now. */
  #scheduleWake(): void {
    if (this.#wake === undefined || this.#polling) return;
    this.#withdrawTimer?.();
    this.#withdrawTimer = undefined;
    const remainingNs = this.#untilWorkNs();
    if (remainingNs === Infinity) return;
    if (remainingNs > 0) {
      const delayMs = Math.min(Math.ceil(remainingNs / NS_PER_MS), HOST_DELAY_MS_MAX);
      this.#withdrawTimer = hostAfter(delayMs, this.#look);
    } else if (!this.#soon) {
      this.#soon = true;
      hostSoon(this.#lookSoon);
    }
  }

  readonly #lookSoon = (): void => {
    this.#soon = false;
    this.#look();
  };

  /** The host called: wakes the engine if there is work by now, asks again if there is not. */
  readonly #look = (): void => {
    const wake = this.#wake;
    if (wake === undefined) return;
    if (this.#untilWorkNs() > 0) {
      this.#scheduleWake();
      return;
    }
    this.disarmWake();
    this.#ripe = this.blocks;
    wake();
  };

  #refuseToPoll(): never {
    if (this.#closed) throw new ReelError("ERR_CLOSED", "Cannot poll: the backend is closed");
    throw new ReelError("ERR_OPERATION_BUSY", "Cannot poll: a poll is running", {
      mend: "Poll after the sink's call returned; what it raised stays pending",
    });
  }
}
