/**
 * The hot path of the ring: preparing requests and delivering completions. Everything here runs
 * once per request and allocates nothing; what happens seldom is in the files beside it.
 *
 * Used by itself this is the bare ring: no deadlines and no event loop.
 */
import { OPCODE } from "../contract.ts";
import type { Ring, Sink } from "../contract.ts";
import {
  COMPLETION_WORDS_SHIFT,
  CQE_BUFFER,
  CQE_MORE,
  CQE_NONEMPTY,
  CQE_NOTIFICATION,
  ENTRY,
  ENTRY_WORDS_SHIFT,
  SQ_CQ_OVERFLOW,
} from "./abi.ts";
import { cancelOne } from "./cancel.ts";
import { REISSUED, finish, unexpected } from "./completion.ts";
import type { Completions } from "./completions.ts";
import { limitLast } from "./limits.ts";
import type { UringFaults } from "./options.ts";
import { IDLE } from "./requests.ts";
import { RingQueue } from "./ring-queue.ts";
import type { OpenRing } from "./setup.ts";
import { admit, describe } from "./submission.ts";

const LOW_HALF = 0xffff;

/** The clock that batches are stamped with. */
export interface BatchClock {
  now(): number;
}

export class RingCore extends RingQueue implements Ring {
  readonly #generations: Int32Array;
  readonly #opcodes: Uint8Array;
  readonly #clock: BatchClock;
  /** Whether the sink was told that the present batch begins, and at what time. */
  turned = false;
  turnedNs = 0;
  /** Called after every {@link flush}, while somebody sleeps until something completes. */
  onFlush: (() => void) | undefined;

  constructor(ring: OpenRing, slots: number, faults: UringFaults, clock: BatchClock) {
    super(ring, slots, faults);
    this.#clock = clock;
    this.#generations = this.requests.generations;
    this.#opcodes = this.requests.opcodes;
  }

  /**
   * See {@link Ring.prepare}. NOP is written in line and everything else by one more call, because
   * beyond some size the compiler no longer places a function inside its caller.
   */
  prepare(
    opcode: number,
    slot: number,
    generation: number,
    file: number,
    address: number,
    length: number,
    offset: number,
    opFlags: number,
    how = 0,
  ): void {
    if (((this.tail - this.head) | 0) >= this.capacity) this.makeRoom();
    if (this.#generations[slot] !== IDLE) admit(this, slot, generation);
    const words = this.entries;
    const at = (this.tail & this.mask) << ENTRY_WORDS_SHIFT;
    if (opcode === OPCODE.NOP) {
      words[at] = OPCODE.NOP;
      words[at + ENTRY.FD] = -1;
      words[at + 2] = 0;
      words[at + 3] = 0;
      words[at + 4] = 0;
      words[at + 5] = 0;
      words[at + ENTRY.LENGTH] = 0;
      words[at + ENTRY.OP_FLAGS] = 0;
    } else describe(this, at, opcode, slot, file, address, length, offset, opFlags, how);
    words[at + ENTRY.USER_DATA] = slot;
    words[at + ENTRY.USER_DATA + 1] = generation;
    this.#opcodes[slot] = opcode;
    this.#generations[slot] = generation;
    this.tail = (this.tail + 1) | 0;
    this.inFlight++;
    this.counters.submitted++;
  }

  limit(slot: number, generation: number, timeoutNs: number): void {
    limitLast(this, slot, generation, timeoutNs);
  }

  openGroup(address: number, bufferBytes: number, count: number): number {
    return this.groups.open(address, bufferBytes, count);
  }

  giveBuffer(group: number, buffer: number): void {
    this.groups.give(group, buffer);
  }

  closeGroup(group: number): void {
    this.groups.close(group);
  }

  cancel(slot: number, generation: number): void {
    cancelOne(this, slot, generation);
  }

  flush(): void {
    if (this.tail !== this.head) this.enter(0);
    if (this.onFlush !== undefined) this.onFlush();
  }

  /**
   * Begins a batch: the clock is read once, only when there is something to deliver, and only for
   * those who want to know. Reading it costs a third of what a request of its own batch does.
   */
  turn(sink: Sink): void {
    this.turned = true;
    this.turnedNs = sink.ignoresTime === true ? Number.NaN : this.#clock.now();
    sink.turn(this.turnedNs);
  }

  /**
   * Takes the completions of our own requests from the queue's front, so that {@link ready} tells
   * whether there is anything for the sink.
   */
  skipOwn(): void {
    const queue = this.completions;
    const tail = this.completionTail();
    const first = queue.head;
    while (queue.head !== tail) {
      const at = queue.base + ((queue.head & queue.mask) << COMPLETION_WORDS_SHIFT);
      const userData = queue.words[at]!;
      if (userData >= 0) break;
      queue.head = (queue.head + 1) | 0;
      unexpected(this, userData, queue.words[at + 1]!, queue.words[at + 2]!, queue.words[at + 3]!);
    }
    if (queue.head !== first) this.publishHead();
  }

  /**
   * Delivers completions, oldest first. Set {@link turned} to false before.
   * @param limit most events to deliver; the rest stay for the next call
   * @returns how many were delivered
   */
  reap(sink: Sink, limit: number): number {
    let delivered = 0;
    for (;;) {
      const { backlog } = this;
      if (backlog.count > 0) {
        delivered += this.#deliver(backlog, backlog.tail, sink, limit - delivered);
      } else {
        const tail = Atomics.load(this.rings, this.completionTailAt);
        delivered += this.#deliver(this.completions, tail, sink, limit - delivered);
        this.publishHead();
      }
      if (delivered >= limit) break;
      if ((this.rings[this.flagsAt]! & SQ_CQ_OVERFLOW) !== 0) {
        // Completions that found the queue full wait in the kernel until we ask for them.
        this.counters.overflows++;
        this.enter(0);
        if (this.ready()) continue;
      }
      if (backlog.count === 0) break;
    }
    return delivered;
  }

  /**
   * Delivers what a queue holds up to a place. One function from end to end, because split up it is
   * a tenth slower: the compiler no longer sees the loop as a whole.
   */
  #deliver(queue: Completions, tail: number, sink: Sink, limit: number): number {
    const { words, base, mask } = queue;
    const generations = this.#generations;
    const opcodes = this.#opcodes;
    let delivered = 0;
    // A callback whose request found no room may have moved the ring's rest into the backlog: then
    // the head has passed this tail. The head moves before the callback, which may throw.
    while (((tail - queue.head) | 0) > 0 && delivered < limit) {
      const at = base + ((queue.head & mask) << COMPLETION_WORDS_SHIFT);
      queue.head = (queue.head + 1) | 0;
      const slot = words[at]!;
      const generation = words[at + 1]!;
      const flags = words[at + 3]!;
      let result = words[at + 2]!;
      if (slot < 0 || generations[slot] !== generation) {
        unexpected(this, slot, generation, result, flags);
        continue;
      }
      if (opcodes[slot] !== OPCODE.NOP) {
        result = finish(this, slot, generation, result, flags);
        if (result === REISSUED) continue;
      }
      if ((flags & CQE_MORE) === 0) {
        generations[slot] = IDLE;
        this.inFlight--;
      }
      if (!this.turned) this.turn(sink);
      this.counters.completed++;
      delivered++;
      sink.complete(slot, generation >>> 0, result, flags === 0 ? 0 : translate(flags, result));
    }
    return delivered;
  }
}

/**
 * The kernel's completion flags in the door's numbers: in each pair of bits the two change places.
 * The buffer of a failed request has been given back by then.
 */
function translate(flags: number, result: number): number {
  const told = result < 0 ? flags & LOW_HALF & ~CQE_BUFFER : flags;
  return (
    (told & ~LOW_HALF) |
    ((told & (CQE_MORE | CQE_NOTIFICATION)) >> 1) |
    ((told & (CQE_BUFFER | CQE_NONEMPTY)) << 1)
  );
}
