/**
 * Interleaved repeats: every round takes one sample of each sampler, and every other round goes the
 * other way round. So whatever the machine does meanwhile (another program, a warmer processor)
 * meets all of them alike, and none always runs in the wake of the same other.
 */
import type { Sample } from "./subject.ts";

export interface Sampled {
  readonly name: string;
  /** Samples that are enough, where that is fewer than the rounds. */
  readonly rounds?: number;
  sample(): Promise<Sample>;
}

/**
 * @param rounds samples of each
 * @param onRound called after each, for progress
 * @returns the samples by name, in the order in which they were taken
 */
export async function interleave(
  samplers: readonly Sampled[],
  rounds: number,
  onRound: (done: number) => void = () => {},
): Promise<Map<string, Sample[]>> {
  const samples = new Map<string, Sample[]>(samplers.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    const order = round % 2 === 0 ? samplers : samplers.toReversed();
    for (const sampler of order) {
      if (round >= (sampler.rounds ?? rounds)) continue;
      samples.get(sampler.name)!.push(await sampler.sample());
    }
    onRound(round + 1);
  }
  return samples;
}
