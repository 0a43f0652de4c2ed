/**
 * A queue of completions to be read: the ring's own, which the kernel fills, or the backlog, which
 * takes what must leave the ring before anybody can be told of it. Both have the same shape, so
 * that one loop delivers from either.
 */
import { COMPLETION_WORDS_SHIFT } from "./abi.ts";

const FIRST_CAPACITY = 64;

export class Completions {
  /** Four words each, user data low and high, result, flags; the first completion's at `base`. */
  words: Int32Array;
  readonly base: number;
  /** Places less one: a power of two less one. */
  mask: number;
  /** Read up to here: a 32-bit number that wraps around. */
  head = 0;

  constructor(words: Int32Array, base: number, mask: number) {
    this.words = words;
    this.base = base;
    this.mask = mask;
  }
}

/**
 * Completions in memory of our own: those that the kernel wants collected before it takes any more
 * submissions, which may happen in the middle of a delivery, and those that are not the kernel's.
 */
export class Backlog extends Completions {
  /** Filled up to here. */
  tail = 0;

  constructor() {
    super(new Int32Array(FIRST_CAPACITY << COMPLETION_WORDS_SHIFT), 0, FIRST_CAPACITY - 1);
  }

  get count(): number {
    return (this.tail - this.head) | 0;
  }

  /** Adds a completion that no kernel made. */
  add(userData: number, userDataHigh: number, result: number, flags: number): void {
    if (this.count > this.mask) this.#grow();
    const at = (this.tail & this.mask) << COMPLETION_WORDS_SHIFT;
    this.words[at] = userData;
    this.words[at + 1] = userDataHigh;
    this.words[at + 2] = result;
    this.words[at + 3] = flags;
    this.tail = (this.tail + 1) | 0;
  }

  /** Moves everything out of a queue that is filled up to `tail`. */
  takeAll(source: Completions, tail: number): void {
    while (source.head !== tail) {
      if (this.count > this.mask) this.#grow();
      const from = source.base + ((source.head & source.mask) << COMPLETION_WORDS_SHIFT);
      const to = (this.tail & this.mask) << COMPLETION_WORDS_SHIFT;
      this.words.set(source.words.subarray(from, from + 4), to);
      source.head = (source.head + 1) | 0;
      this.tail = (this.tail + 1) | 0;
    }
  }

  /** Doubles the places. The head keeps its number, so a delivery that is going on goes on. */
  #grow(): void {
    const mask = this.mask * 2 + 1;
    const words = new Int32Array((mask + 1) << COMPLETION_WORDS_SHIFT);
    for (let place = this.head; place !== this.tail; place = (place + 1) | 0) {
      const from = (place & this.mask) << COMPLETION_WORDS_SHIFT;
      words.set(this.words.subarray(from, from + 4), (place & mask) << COMPLETION_WORDS_SHIFT);
    }
    this.words = words;
    this.mask = mask;
  }
}
