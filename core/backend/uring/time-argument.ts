/**
 * The few words of memory through which the kernel is told how long to wait: the argument block of
 * io_uring_enter, and the two times that it and the shared timeout point at.
 */
import { ptr } from "bun:ffi";

import { NS_PER_SECOND } from "../../clock.ts";
import { putAddress } from "./setup.ts";

/** struct io_uring_getevents_arg: signal mask and its size (none), padding, address of the time. */
const ARGUMENT_TIME_WORD = 4;
/** struct __kernel_timespec: seconds and nanoseconds, 64 bits each. */
const WAIT_WORD = 8;
const TIMER_WORD = 16;
/** Where the address of the timer's time is kept, ready to be copied into a request. */
const TIMER_ADDRESS_WORD = 24;
/** A page of its own: small typed arrays may move. */
const BYTES = 4096;
const TIME_BYTES = 16;
/** The kernel takes more, but nobody waits for 31 years. */
export const LONGEST_SECONDS = 1e9;

export class TimeArgument {
  /** Address of the argument block. */
  readonly argumentAddress: number;
  readonly #words = new Uint32Array(new SharedArrayBuffer(BYTES));

  constructor() {
    const base = ptr(this.#words);
    this.argumentAddress = base;
    putAddress(this.#words, ARGUMENT_TIME_WORD, base + WAIT_WORD * 4);
    putAddress(this.#words, TIMER_ADDRESS_WORD, base + TIMER_WORD * 4);
  }

  /** How long io_uring_enter waits at most, from now. */
  setWait(ns: number): void {
    this.#put(WAIT_WORD, ns);
  }

  /** When a timeout request is due: from now, or by the kernel's monotonic clock. */
  setTimer(ns: number): void {
    this.#put(TIMER_WORD, ns);
  }

  /** Writes the address of the timer's time into a submission entry. */
  putTimerAddress(entries: Int32Array, at: number): void {
    entries[at] = this.#words[TIMER_ADDRESS_WORD]!;
    entries[at + 1] = this.#words[TIMER_ADDRESS_WORD + 1]!;
  }

  #put(word: number, ns: number): void {
    const seconds = Math.min(Math.floor(ns / NS_PER_SECOND), LONGEST_SECONDS);
    this.#words[word] = seconds;
    this.#words[word + 2] = seconds === LONGEST_SECONDS ? 0 : ns - seconds * NS_PER_SECOND;
  }
}

/** The times of linked timeouts: one for each place of the submission queue. */
export class LimitTimes {
  readonly #words: Uint32Array;
  readonly #address: number;

  constructor(places: number) {
    this.#words = new Uint32Array(new SharedArrayBuffer(Math.max(BYTES, places * TIME_BYTES)));
    this.#address = ptr(this.#words);
  }

  /** Sets a place's time. @returns its address */
  set(place: number, seconds: number, nanoseconds: number): number {
    const word = place * (TIME_BYTES / 4);
    this.#words[word] = seconds;
    this.#words[word + 2] = nanoseconds;
    return this.#address + place * TIME_BYTES;
  }
}
