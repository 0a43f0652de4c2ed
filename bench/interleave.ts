/**
 * Interleaved repeats: every round takes one sample of each sampler, and every other round goes the
 * other way round. So whatever the machine does meanwhile (another program, a warmer processor)
 * meets all of them alike, and none always runs in the wake of the same other. Samplers whose
 * samples turn out to be of little use get half as many rounds again, at most.
 */
import type { Sample } from "./subject.ts";

const MORE_ROUNDS = 1.5;

export interface Sampled {
  readonly name: string;
  /** Samples that are enough, where that is fewer than the rounds. */
  readonly rounds?: number;
  sample(): Promise<Sample>;
}

/**
 * @param rounds samples of each
 * @param onRound called after each, for progress
 * @param lacking names samplers that need more samples than they have
 * @returns the samples by name, in the order in which they were taken
 */
export async function interleave(
  samplers: readonly Sampled[],
  rounds: number,
  onRound: (done: number) => void = () => {},
  lacking: (samples: ReadonlyMap<string, readonly Sample[]>) => readonly string[] = () => [],
): Promise<Map<string, Sample[]>> {
  const samples = new Map<string, Sample[]>(samplers.map(({ name }) => [name, []]));
  async function take(round: number, some: readonly Sampled[]): Promise<void> {
    const order = round % 2 === 0 ? some : some.toReversed();
    for (const sampler of order) samples.get(sampler.name)!.push(await sampler.sample());
    onRound(round + 1);
  }
  for (let round = 0; round < rounds; round++) {
    await take(
      round,
      samplers.filter((sampler) => round < (sampler.rounds ?? rounds)),
    );
  }
  for (let round = rounds; round < rounds * MORE_ROUNDS; round++) {
    const names = lacking(samples);
    if (names.length === 0) break;
    await take(
      round,
      samplers.filter(({ name }) => names.includes(name)),
    );
  }
  return samples;
}
