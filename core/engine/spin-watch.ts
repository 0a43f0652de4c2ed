/**
 * Notices what would go on for ever: an operation that never waits, and layers that keep asking to
 * be woken at a moment that is there already, so that virtual time stands still. It counts, and
 * asks no clock, so that the same program comes to the same end.
 *
 * One suspect is watched at a time. It is one no longer as soon as it waits or is over.
 */

/** Turns that an operation may use up without waiting: 67 million transitions. */
export const SPINS_MAX = 65_536;
/** Turns of others after which a suspect that was not heard of is forgotten. */
const OTHERS_MAX = 1_048_576;
/** Operations that are woken at one moment, while none of them settles, before that is an error. */
export const WAKES_PER_INSTANT_MAX = 4_194_304;

export class SpinWatch {
  /** The slot that is watched, or -1. */
  suspect = -1;
  #spins = 0;
  #others = 0;
  #instantNs = Number.NaN;
  #settled = 0;
  #wakes = 0;

  /** An operation has used up its turn. @returns whether it is at fault */
  usedUp(slot: number): boolean {
    if (slot === this.suspect) return ++this.#spins >= SPINS_MAX;
    if (this.suspect !== -1 && ++this.#others < OTHERS_MAX) return false;
    this.suspect = slot;
    this.#spins = 0;
    this.#others = 0;
    return false;
  }

  /**
   * An operation is woken because its time has come.
   * @param settled how many operations have settled so far
   * @returns whether time stands still
   */
  woken(nowNs: number, settled: number): boolean {
    if (nowNs === this.#instantNs && settled === this.#settled) {
      return ++this.#wakes >= WAKES_PER_INSTANT_MAX;
    }
    this.#instantNs = nowNs;
    this.#settled = settled;
    this.#wakes = 0;
    return false;
  }
}
