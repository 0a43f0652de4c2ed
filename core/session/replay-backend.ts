/**
 * Stands in for io_uring: delivers what was recorded, in the recorded order and at the recorded
 * points of the program's progress, with no ring on the machine. Everything that the program asks
 * for is compared with the recording first.
 *
 * Progress is measured in task resumptions. A recorded batch is delivered by the first poll at the
 * very resumption count at which it was recorded: never earlier, and when the program waits at
 * another count, or for something that was not recorded, the replay has diverged.
 *
 * After a divergence the backend lets the program wind down: requests in flight end with ECANCELED,
 * the clock stands still, and host calls fail with ECANCELED.
 */
import { COMPLETE_MORE } from "../backend/contract.ts";
import type { Backend, BackendCounters, InputKind, Ring, Sink } from "../backend/contract.ts";
import { hostAfter, hostSoon } from "../clock.ts";
import { ERRNO, ReelError } from "../errors.ts";
import { corrupt } from "./cursor.ts";
import { DoorMemory } from "./door-memory.ts";
import { EVENT } from "./event.ts";
import type { EventRecord } from "./event.ts";
import { ReplayHost } from "./replay-host.ts";
import { payloadLeftOut } from "./replay-policy.ts";
import type { TapBackendOptions } from "./tap-backend.ts";
import { TapRing } from "./tap-ring.ts";
import type { StatePart } from "./tap.ts";
import type { Verifier } from "./verifier.ts";

/**
 * How long the host's event loop may take, in milliseconds, to bring the program on when the next
 * recorded event is the program's own and the program waits. Only code outside all tasks can do
 * that, which waits for something outside the session; a task never needs it.
 */
const HOST_GRACE_MS = 1000;

/** What is behind the ring of a replay: nothing waits for a kernel. */
class SilentRing implements Ring {
  readonly #counters: BackendCounters;

  constructor(counters: BackendCounters) {
    this.#counters = counters;
  }

  prepare(): void {
    this.#counters.submitted++;
  }

  /** Never asked: the number of a group is in the recording. */
  openGroup(): number {
    return 0;
  }

  limit(): void {}
  giveBuffer(): void {}
  closeGroup(): void {}
  cancel(): void {}
  flush(): void {}
}

export class ReplayBackend implements Backend {
  readonly kind = "uring";
  readonly machine = undefined;
  /** Waiting only looks at the recording. */
  readonly blocks = false;
  readonly ring: Ring;
  readonly host: ReplayHost;
  readonly counters: BackendCounters = {
    submitted: 0,
    completed: 0,
    enters: 0,
    overflows: 0,
    stale: 0,
    interrupts: 0,
  };
  readonly #verifier: Verifier;
  readonly #steps: () => number;
  readonly #state: () => readonly StatePart[];
  readonly #door: DoorMemory;
  #armed = false;
  /** The clock while the state is taken, as when it was recorded; else -1. */
  #heldNs = -1;
  #interrupted = false;
  #closed = false;
  #wake: (() => void) | undefined;
  #withdraw: () => void = () => {};

  /** @param verifier compares with the recording; it must also be the runtime's tap */
  constructor(verifier: Verifier, options: TapBackendOptions) {
    this.#verifier = verifier;
    this.#door = new DoorMemory(options.memory, corrupt);
    this.#steps = options.steps;
    this.#state = options.state ?? (() => []);
    this.host = new ReplayHost(verifier);
    const silent = new SilentRing(this.counters);
    this.ring = new TapRing(silent, verifier, this.#door, this.host.openGroup);
  }

  /**
   * The recorded time of this read.
   * @throws {DivergenceError} when the program read no clock here
   */
  now(): number {
    if (this.#heldNs >= 0) return this.#heldNs;
    return this.#verifier.answerClock();
  }

  arm(deadlineNs: number): void {
    this.#armed = deadlineNs !== Infinity;
  }

  /**
   * Delivers the next recorded batch, if it was recorded at this point of the program's progress.
   * @throws {DivergenceError} when the program waits for what the recording does not bring
   * @throws {ReelError} ERR_CORRUPT_RECORDING when a completion fits no request,
   *   ERR_INTERRUPTED after {@link inject}
   */
  poll(sink: Sink, wait: boolean): number {
    if (this.#closed) return 0;
    if (this.#interrupted) this.#interrupt();
    if (this.#verifier.stopped) return this.#windDown(sink);
    const turn = this.#due();
    if (turn !== undefined) return this.#deliver(sink, turn.nowNs);
    // With nothing to wait for, the backend that recorded had nothing to deliver either.
    if (wait && this.pending()) this.#verifier.idle(this.#steps());
    return 0;
  }

  pending(): boolean {
    if (this.#closed) return false;
    if (this.#door.slots.count > 0 || this.#armed) return true;
    // An open difference is judged by the poll that waits; so that poll must come.
    if (!this.#verifier.stopped && !this.#verifier.agreeing) return true;
    return this.#verifier.peek()?.kind === EVENT.TURN;
  }

  armWake(wake: () => void): void {
    this.disarmWake();
    if (this.#closed) return;
    this.#wake = wake;
    if (this.#due() !== undefined || !this.#verifier.agreeing) hostSoon(this.#onWake);
    else this.#withdraw = hostAfter(HOST_GRACE_MS, this.#onWake);
  }

  disarmWake(): void {
    this.#wake = undefined;
    this.#withdraw();
    this.#withdraw = () => {};
  }

  /**
   * What comes from outside is what was recorded; a new input ends the replay instead, with
   * ERR_INTERRUPTED at the next poll.
   */
  inject(_kind: InputKind, _value: number): void {
    this.#interrupted = true;
    if (this.#wake !== undefined) hostSoon(this.#onWake);
  }

  close(): void {
    this.disarmWake();
    this.#closed = true;
  }

  readonly #onWake = (): void => {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  };

  /** The recorded turn whose time has come. */
  #due(): EventRecord | undefined {
    const next = this.#verifier.peek();
    if (next?.kind !== EVENT.TURN) return undefined;
    return this.#verifier.steps + next.steps === this.#steps() ? next : undefined;
  }

  #deliver(sink: Sink, turnNs: number): number {
    const verifier = this.#verifier;
    verifier.accept();
    if (verifier.wantsState) this.#compareState(turnNs);
    sink.turn(turnNs);
    let count = 0;
    for (;;) {
      const event = verifier.peek();
      if (event === undefined) return count;
      switch (event.kind) {
        case EVENT.COMPLETE:
          this.#complete(sink, event);
          break;
        case EVENT.INTERRUPT: {
          const line = event.code;
          verifier.accept();
          this.counters.interrupts++;
          sink.interrupt(line);
          break;
        }
        case EVENT.EXPIRE: {
          const nowNs = event.nowNs;
          verifier.accept();
          this.#armed = false;
          sink.expire(nowNs);
          break;
        }
        case EVENT.INPUT: {
          const { code, value } = event;
          verifier.accept();
          sink.input(code as InputKind, value);
          break;
        }
        default:
          return count;
      }
      count++;
    }
  }

  #compareState(turnNs: number): void {
    this.#heldNs = turnNs;
    try {
      this.#verifier.state(this.#state());
    } finally {
      this.#heldNs = -1;
    }
  }

  #complete(sink: Sink, event: EventRecord): void {
    const { slots } = this.#door;
    const { slot, result, flags, bytes } = event;
    if (slots.inFlight[slot] !== 1) corrupt(`a completion names slot ${slot}, which is idle`);
    if (event.missing >= 0) {
      const at = this.#verifier.events;
      this.#verifier.stop();
      throw payloadLeftOut(at);
    }
    const room = this.#door.arrival(slot, result, flags);
    if (room?.length !== bytes?.length) {
      corrupt(
        `a completion brings ${bytes?.length ?? "no"} bytes to slot ${slot}, ` +
          `where its result ${result} wants ${room?.length ?? "none"}`,
      );
    }
    if (bytes !== undefined) room!.set(bytes);
    this.#verifier.accept();
    this.counters.completed++;
    const generation = slots.generation[slot]!;
    if ((flags & COMPLETE_MORE) === 0) slots.finish(slot);
    sink.complete(slot, generation, result, flags);
  }

  #interrupt(): never {
    this.#interrupted = false;
    const at = this.#verifier.events;
    this.#verifier.stop();
    throw new ReelError("ERR_INTERRUPTED", `The replay was interrupted before event ${at}`);
  }

  /** Ends what is in flight, so that the program can clean up. */
  #windDown(sink: Sink): number {
    const { slots } = this.#door;
    const ended = slots.count;
    if (ended === 0) {
      this.#armed = false;
      return 0;
    }
    sink.turn(this.#verifier.timeNs);
    for (let slot = 0; slot < slots.inFlight.length && slots.count > 0; slot++) {
      if (slots.inFlight[slot] === 0) continue;
      slots.finish(slot);
      sink.complete(slot, slots.generation[slot]!, -ERRNO.ECANCELED, 0);
    }
    return ended;
  }
}
