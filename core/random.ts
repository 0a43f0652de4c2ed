/**
 * The seeded random source. One generator belongs to a runtime; whoever needs randomness takes a
 * fork of it, so that adding a draw in one place does not shift the draws of another.
 *
 * The generator is sfc32 (Chris Doty-Humphrey, PractRand): 128 bits of state, 32-bit arithmetic
 * only, so that every machine draws the same numbers. It is not for secrets.
 */

const STATE_WORDS = 4;
/** Draws thrown away after seeding, as the author of sfc32 advises for short seeds. */
const WARM_UP_DRAWS = 15;

export class Random {
  readonly #state = new Uint32Array(STATE_WORDS);
  readonly #seed: number;

  /** @param seed any safe integer; the same seed draws the same numbers for ever */
  constructor(seed: number) {
    if (!Number.isSafeInteger(seed)) {
      throw new RangeError(`Cannot seed the random source: seed must be a safe integer: ${seed}`);
    }
    this.#seed = seed;
    this.#state[0] = seed >>> 0;
    this.#state[1] = Math.floor(seed / 4294967296) >>> 0;
    this.#state[2] = 0x9e3779b9;
    this.#state[3] = 1;
    for (let i = 0; i < WARM_UP_DRAWS; i++) this.uint32();
  }

  /** A whole number from 0 to 2³² − 1, each as likely. */
  uint32(): number {
    const s = this.#state;
    const sum = (s[0]! + s[1]! + s[3]!) >>> 0;
    s[3] = s[3]! + 1;
    s[0] = s[1]! ^ (s[1]! >>> 9);
    s[1] = s[2]! + (s[2]! << 3);
    s[2] = ((s[2]! << 21) | (s[2]! >>> 11)) + sum;
    return sum;
  }

  /** A number from 0 up to but not including 1, with 32 bits of resolution. */
  unit(): number {
    return this.uint32() / 4294967296;
  }

  /**
   * A whole number below a bound.
   * @param bound 1 to 2³²
   * @throws {RangeError} for any other bound
   */
  below(bound: number): number {
    if (!Number.isInteger(bound) || bound < 1 || bound > 4294967296) {
      throw new RangeError(`Cannot draw below ${bound}: the bound must be from 1 to 2^32`);
    }
    return Math.floor(this.unit() * bound);
  }

  /** True with the given probability. */
  chance(probability: number): boolean {
    return this.unit() < probability;
  }

  /** Fills bytes. */
  fill(bytes: Uint8Array): void {
    for (let i = 0; i < bytes.length; i++) bytes[i] = this.uint32() & 0xff;
  }

  /** A generator of its own whose draws depend on this one's seed and on the label only. */
  fork(label: string): Random {
    let hash = (2166136261 ^ this.#seed) >>> 0;
    for (let i = 0; i < label.length; i++) {
      hash = Math.imul(hash ^ label.charCodeAt(i), 16777619) >>> 0;
    }
    const high = Math.floor(this.#seed / 4294967296) & 0x1fffff;
    return new Random(hash + high * 4294967296);
  }

  /** The four state words, for a snapshot. */
  snapshot(): Uint32Array {
    return this.#state.slice();
  }

  /** Puts a snapshot's words back. */
  restore(words: Uint32Array): void {
    this.#state.set(words.subarray(0, STATE_WORDS));
  }
}

/** A seed that nobody chose, from the host's entropy. It is recorded with the session. */
export function hostSeed(): number {
  const words = crypto.getRandomValues(new Uint32Array(2));
  return words[0]! * 1024 + (words[1]! & 1023);
}
