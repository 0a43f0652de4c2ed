/**
 * A kernel for tests that need results which the real one gives too seldom: it takes submissions
 * from the ring's memory and completes them as the test says, in the order that the test says.
 */
import { ERRNO } from "../../errors.ts";
import type { Sink } from "../contract.ts";
import { ENTRY_WORDS_SHIFT, PARAMS, PARAMS_WORDS, SETUP_FLAG } from "./abi.ts";
import type { EnterCall } from "./libc.ts";
import { RingCore } from "./ring-core.ts";
import type { OpenRing } from "./setup.ts";

/** Word numbers in the toy's rings. */
const AT = { sqHead: 0, sqTail: 1, cqHead: 2, cqTail: 3, flags: 9, cqes: 16 } as const;
const CQ_OVERFLOW = 2;

/** A submission that the toy has taken: the entry's sixteen words. */
export type Taken = readonly number[];

export class ToyKernel {
  readonly core: RingCore;
  /** Submissions taken and not completed yet, oldest first. */
  readonly taken: Taken[] = [];
  /** Answers of the next system calls: an error number, or how many to take at most. */
  readonly answers: ({ errno: number } | { take: number })[] = [];
  /** Whether it takes no submissions until all completions were taken from their queue. */
  wantsRoom = false;
  /** Called for each submission when it is taken. */
  onTaken: (entry: Taken) => void = () => {};
  readonly #rings: Int32Array;
  readonly #entries: Int32Array;
  readonly #entryCount: number;
  readonly #completionCount: number;
  readonly #overflown: number[][] = [];
  #errno = 0;

  constructor(entryCount: number, completionCount: number, slots: number) {
    this.#entryCount = entryCount;
    this.#completionCount = completionCount;
    const buffer = new SharedArrayBuffer(65536);
    this.#rings = new Int32Array(buffer, 0, AT.cqes + completionCount * 4);
    this.#entries = new Int32Array(buffer, 32768, entryCount * 16);
    const params = new Uint32Array(PARAMS_WORDS);
    params[PARAMS.SQ_HEAD] = AT.sqHead * 4;
    params[PARAMS.SQ_TAIL] = AT.sqTail * 4;
    params[PARAMS.CQ_HEAD] = AT.cqHead * 4;
    params[PARAMS.CQ_TAIL] = AT.cqTail * 4;
    params[PARAMS.SQ_FLAGS] = AT.flags * 4;
    params[PARAMS.CQ_CQES] = AT.cqes * 4;
    const ring: OpenRing = {
      fd: -1,
      flags: SETUP_FLAG.SUBMIT_ALL | SETUP_FLAG.DEFER_TASKRUN | SETUP_FLAG.TASKRUN_FLAG,
      features: 0,
      entries: entryCount,
      completionEntries: completionCount,
      params,
      refused: [],
      memory: {
        kind: "shared",
        rings: this.#rings,
        entries: this.#entries,
        entryDoubles: new Float64Array(buffer, 32768, entryCount * 8),
        release() {},
      },
    };
    this.core = new RingCore(ring, slots, {}, { now: () => 0 });
    Object.assign(this.core, { enterCall: this.#enter, enterErrno: () => this.#errno });
  }

  /** Completes the submission with this user data, or any user data at all. */
  complete(slot: number, generation: number, result: number, flags = 0): void {
    const completion = [slot, generation, result, flags];
    if (this.#used() === this.#completionCount || this.#overflown.length > 0) {
      this.#overflown.push(completion);
      this.#rings[AT.flags]! |= CQ_OVERFLOW;
    } else this.#post(completion);
  }

  /** Completes a taken submission and forgets it. */
  completeTaken(entry: Taken, result: number, flags = 0): void {
    this.taken.splice(this.taken.indexOf(entry), 1);
    this.complete(entry[8]!, entry[9]!, result, flags);
  }

  /** Completes everything that was taken so far. */
  completeAll(result: number): void {
    for (const entry of this.taken.slice()) this.completeTaken(entry, result);
  }

  /** Delivers everything to a sink. */
  deliver(sink: Sink): number {
    this.core.turned = false;
    return this.core.reap(sink, Infinity);
  }

  readonly #enter: EnterCall = (_number, _fd, submit) => {
    const answer = this.answers.shift();
    if (answer !== undefined && "errno" in answer) {
      this.#errno = answer.errno;
      return -1;
    }
    if (this.wantsRoom && submit > 0 && this.#used() > 0) {
      this.#errno = ERRNO.EBUSY;
      return -1;
    }
    const count = Math.min(submit, answer?.take ?? submit);
    for (let i = 0; i < count; i++) {
      const place = this.#rings[AT.sqHead]! & (this.#entryCount - 1);
      const at = place << ENTRY_WORDS_SHIFT;
      const entry: Taken = [...this.#entries.subarray(at, at + 16)];
      this.#rings[AT.sqHead]!++;
      this.taken.push(entry);
      this.onTaken(entry);
    }
    this.#flushOverflown();
    if (submit === 0 && this.taken.length === 0) {
      this.#errno = ERRNO.ETIME;
      return -1;
    }
    return count;
  };

  #used(): number {
    return this.#rings[AT.cqTail]! - this.#rings[AT.cqHead]!;
  }

  #flushOverflown(): void {
    while (this.#used() < this.#completionCount) {
      const next = this.#overflown.shift();
      if (next === undefined) break;
      this.#post(next);
    }
    if (this.#overflown.length === 0) this.#rings[AT.flags]! &= ~CQ_OVERFLOW;
  }

  #post(completion: number[]): void {
    const tail = this.#rings[AT.cqTail]!;
    this.#rings.set(completion, AT.cqes + (tail & (this.#completionCount - 1)) * 4);
    Atomics.store(this.#rings, AT.cqTail, tail + 1);
  }
}
