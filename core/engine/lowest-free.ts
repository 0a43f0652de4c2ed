/**
 * Numbers to be taken, lowest first, so that the same program gets the same ones in every run. A
 * tree of bit words: taking and giving back cost a few steps, however many are taken.
 */

const WORD_SHIFT = 5;
const WORD_MASK = 31;

export class LowestFree {
  /** How many numbers there are, from 0. */
  readonly size: number;
  /** A bit for each number, set while it is free; above, a bit for each word that is not 0. */
  readonly #levels: Int32Array[] = [];

  constructor(size: number) {
    this.size = size;
    let count = size;
    do {
      count = (count + WORD_MASK) >>> WORD_SHIFT;
      this.#levels.push(new Int32Array(count));
    } while (count > 1);
    this.reset();
  }

  /** Makes all numbers free. */
  reset(): void {
    let count = this.size;
    for (const level of this.#levels) {
      level.fill(-1);
      const rest = count & WORD_MASK;
      if (rest !== 0) level[level.length - 1] = (1 << rest) - 1;
      count = level.length;
    }
  }

  /** Takes the lowest free number. @returns -1 when there is none */
  take(): number {
    if (this.#levels.at(-1)![0] === 0) return -1;
    let number = 0;
    for (let level = this.#levels.length - 1; level >= 0; level--) {
      const word = this.#levels[level]![number]!;
      number = (number << WORD_SHIFT) + WORD_MASK - Math.clz32(word & -word);
    }
    this.claim(number);
    return number;
  }

  /** The numbers that are taken, lowest first. */
  taken(): number[] {
    const taken: number[] = [];
    const words = this.#levels[0]!;
    for (let word = 0; word < words.length; word++) {
      let bits = ~words[word]!;
      while (bits !== 0) {
        const bit = WORD_MASK - Math.clz32(bits & -bits);
        const number = (word << WORD_SHIFT) + bit;
        if (number < this.size) taken.push(number);
        bits &= bits - 1;
      }
    }
    return taken;
  }

  /** Takes this number. Without effect when it is taken already. */
  claim(number: number): void {
    let at = number;
    for (const level of this.#levels) {
      const word = at >>> WORD_SHIFT;
      level[word] = level[word]! & ~(1 << (at & WORD_MASK));
      if (level[word] !== 0) return;
      at = word;
    }
  }

  /** Gives a number back. */
  give(number: number): void {
    let at = number;
    for (const level of this.#levels) {
      const word = at >>> WORD_SHIFT;
      level[word] = level[word]! | (1 << (at & WORD_MASK));
      at = word;
    }
  }
}
