/** Lanes of ends: operations that overlap on one end get tracks of their own beside each other. */
import type { End } from "./ends.ts";

/** The lanes of one end; those that are free are used again, the lowest first. */
export class Lanes {
  readonly #byEnd = new WeakMap<End, boolean[]>();

  /** @returns the number of the lowest lane that is free, which is taken then */
  take(end: End): number {
    let taken = this.#byEnd.get(end);
    if (taken === undefined) this.#byEnd.set(end, (taken = []));
    let lane = taken.indexOf(false);
    if (lane === -1) lane = taken.length;
    taken[lane] = true;
    return lane;
  }

  free(end: End, lane: number): void {
    const taken = this.#byEnd.get(end);
    if (taken !== undefined) taken[lane] = false;
  }
}
