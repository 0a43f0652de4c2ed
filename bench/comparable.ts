/**
 * Which samples may be compared. On a virtual machine two processors are now near each other and
 * now far apart, as its host moves them about; what a message between them costs changes several
 * times over. Samples taken in the rarer of the two states are left out of the medians and reported
 * beside them. So are samples of servers under load in which other programs had a processor: unlike
 * the time of a single process, the time lost there cannot be subtracted.
 */
import { median, quantile } from "./statistics.ts";
import type { Sample } from "./subject.ts";

/** Below this there is one state: distances vary by so much on a machine that does not move. */
const APART = 2;
/** What few samples found is an accident and no state. */
const ACCIDENTS = 0.05;
/** A state counts when each sampler has so many samples in it. */
const SAMPLES_MIN = 3;
/** With fewer samples in the state that counts, a sampler should take more. */
const SAMPLES_WANTED = 5;
/** Above this share of waiting, a sample under load says more about others than of its server. */
export const WAITED_MAX = 0.1;

export type Taken = ReadonlyMap<string, readonly Sample[]>;

/** The two states, and how many of the samples are in the one that is kept. */
export interface States {
  keptNs: number;
  leftOutNs: number;
  keptShare: number;
}

export interface Comparable {
  readonly kept: Taken;
  /** Samples of the other state, where there are enough of them to say something. */
  readonly leftOut?: Taken;
  readonly states?: States;
}

function allDistances(taken: Taken): number[] {
  return Array.from(taken.values()).flatMap((samples) =>
    samples.flatMap(({ distances }) => distances ?? []),
  );
}

/** The distance that parts near from far, or undefined where there is only one state. */
function limitOf(distances: readonly number[]): number | undefined {
  if (distances.length === 0) return undefined;
  const near = quantile(distances, ACCIDENTS);
  const far = quantile(distances, 1 - ACCIDENTS);
  return far < near * APART ? undefined : Math.sqrt(near * far);
}

function select(taken: Taken, isIn: (distance: number) => boolean): Taken {
  return new Map(
    Array.from(taken, ([name, samples]) => [
      name,
      samples.filter(({ distances }) => distances?.every(isIn) ?? true),
    ]),
  );
}

/** The least number of samples that a sampler has. */
function least(taken: Taken): number {
  return Math.min(...Array.from(taken.values(), ({ length }) => length));
}

function count(taken: Taken): number {
  return Array.from(taken.values())
    .flat()
    .filter(({ distances }) => distances).length;
}

const isQuiet = ({ distances, waited }: Sample): boolean =>
  distances === undefined || waited <= WAITED_MAX;

/** Leaves disturbed samples out where enough others remain. */
function quiet(samples: readonly Sample[]): readonly Sample[] {
  const left = samples.filter(isQuiet);
  return left.length >= SAMPLES_MIN ? left : samples;
}

/** The samples by state, the one with more of them first; no second where there is one state. */
function byState(taken: Taken): [Taken, Taken?] {
  const limit = limitOf(allDistances(taken));
  if (limit === undefined) return [taken];
  const near = select(taken, (distance) => distance < limit);
  const far = select(taken, (distance) => distance >= limit);
  return count(near) >= count(far) ? [near, far] : [far, near];
}

/** Parts the samples into those to be compared and the others. */
export function comparable(all: Taken): Comparable {
  const taken = new Map(Array.from(all, ([name, samples]) => [name, quiet(samples)]));
  const [kept, other] = byState(taken);
  // Better all than a few: the report's spread tells how far they are to be trusted.
  if (other === undefined || least(kept) < SAMPLES_MIN) return { kept: taken };
  const states = {
    keptNs: median(allDistances(kept)),
    leftOutNs: median(allDistances(other)),
    keptShare: count(kept) / count(taken),
  };
  return { kept, states, ...(least(other) >= SAMPLES_MIN ? { leftOut: other } : {}) };
}

/** Which samplers have too few samples that nobody disturbed, in the state that will count. */
export function lacking(taken: Taken): string[] {
  const [leading] = byState(taken);
  return Array.from(leading, ([name, samples]) => ({ name, samples }))
    .filter(({ name }) => taken.get(name)!.some(({ distances }) => distances !== undefined))
    .filter(({ samples }) => samples.filter(isQuiet).length < SAMPLES_WANTED)
    .map(({ name }) => name);
}
