/** Runs a topic: opens what its rows need, takes interleaved samples, and works out the rows. */
import { interleave } from "./interleave.ts";
import { readMachine, withLoadAfter } from "./machine.ts";
import type { RatioRow, RawSampler, Report } from "./report.ts";
import { openSampler, type Effort, type Sampler, type Unavailable } from "./samplers.ts";
import { median, spread } from "./statistics.ts";
import type { Distribution, Sample } from "./subject.ts";
import { CALIBRATION, CALIBRATION_REFERENCE_NS } from "./topic.ts";
import type { Medians, Row, Topic } from "./topic.ts";

/** Called with what is being done, for people who wait. */
export type Progress = (text: string) => void;

/**
 * Measures the rows of a topic.
 * @param rows those wanted
 * @returns the report; targets that are missed are in it, not thrown
 * @throws {Error} when something that can be measured here fails
 */
export async function measureTopic(
  topic: Topic,
  rows: readonly Row[],
  effort: Effort,
  progress: Progress,
): Promise<Report> {
  const before = readMachine();
  const samplers: Sampler[] = [];
  const missing: Unavailable[] = [];
  try {
    for (const [name, plan] of Object.entries(topic.samplers)) {
      if (name !== CALIBRATION && !rows.some((row) => isPartOf(row, name))) continue;
      progress(`opening ${name}`);
      const opened = await openSampler(name, plan, effort);
      if ("unavailable" in opened) missing.push(opened);
      else samplers.push(opened);
    }
    const taken = await interleave(samplers, effort.rounds, (done) =>
      progress(`round ${done} of ${effort.rounds}`),
    );
    const samples = new Map(Array.from(taken, ([name, each]) => [name, each.map(valueOf)]));
    const distributions = new Map<string, Distribution>();
    for (const sampler of samplers) {
      progress(`distribution of ${sampler.name}`);
      const found = await sampler.distribution();
      if (found !== undefined) distributions.set(sampler.name, found);
    }
    for (const sampler of samplers) await sampler.close();
    const machine = { ...withLoadAfter(before), ...calibrated(samples) };
    return {
      topic: topic.name,
      machine,
      ratios: rows.map((row) => workOut(row, samples, missing, machine.calibrationNs)),
      raw: {
        rounds: effort.rounds,
        samplers: samplers.map((sampler) =>
          describe(sampler, taken.get(sampler.name)!, distributions.get(sampler.name)),
        ),
        missing: missing.map(({ name, unavailable }) => ({ name, reason: unavailable })),
      },
    };
  } catch (error) {
    for (const sampler of samplers) sampler.kill();
    throw error;
  }
}

const isPartOf = (row: Row, sampler: string): boolean =>
  row.needs.includes(sampler) || row.also?.includes(sampler) === true;

function calibrated(samples: ReadonlyMap<string, readonly number[]>) {
  const calibrationNs = median(samples.get(CALIBRATION)!);
  return { calibrationNs, calibrationReferenceNs: CALIBRATION_REFERENCE_NS };
}

function workOut(
  row: Row,
  samples: ReadonlyMap<string, readonly number[]>,
  missing: readonly Unavailable[],
  calibrationNs: number,
): RatioRow {
  const { name, better } = row;
  const scale = row.isRate === true ? calibrationNs / CALIBRATION_REFERENCE_NS : 1;
  const target = row.target * scale;
  const reasons = missing.filter((each) => row.needs.includes(each.name));
  if (reasons.length > 0) {
    const reason = [...new Set(reasons.map((each) => each.unavailable))].join("; ");
    return { name, value: null, target, better, holds: false, reason };
  }
  const medians: Medians = (sampler, otherwise) => {
    const found = samples.get(sampler);
    if (found !== undefined) return median(found);
    if (otherwise !== undefined) return otherwise;
    throw new Error(`Cannot work out "${name}": it does not name "${sampler}" in its needs`);
  };
  const value = row.value(medians);
  const holds = better === "higher" ? value >= target : value <= target;
  return { name, value, target, better, holds };
}

const valueOf = (sample: Sample): number => sample.value;

function describe(
  sampler: Sampler,
  taken: readonly Sample[],
  distribution: Distribution | undefined,
): RawSampler {
  const { name, unit, operations, builtWith } = sampler;
  const values = taken.map(valueOf);
  return {
    name,
    unit,
    median: median(values),
    spread: spread(values),
    samples: values,
    waited: taken.map(({ waited }) => waited),
    ...(operations === undefined ? {} : { operations }),
    ...(distribution === undefined ? {} : { distribution }),
    ...(builtWith === undefined ? {} : { builtWith }),
  };
}
