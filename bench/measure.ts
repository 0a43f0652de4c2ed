/** Runs a topic: opens what its rows need, takes interleaved samples, and works out the rows. */
import { comparable, lacking, type Taken } from "./comparable.ts";
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
    const { rounds } = effort;
    const onRound = (done: number): void => progress(`round ${done} of ${rounds}`);
    const taken = await interleave(samplers, rounds, onRound, lacking);
    const { kept, leftOut, states } = comparable(taken);
    const series = seriesOf(kept);
    const distributions = new Map<string, Distribution>();
    for (const sampler of samplers) {
      progress(`distribution of ${sampler.name}`);
      const found = await sampler.distribution();
      if (found !== undefined) distributions.set(sampler.name, found);
    }
    for (const sampler of samplers) await sampler.close();
    const machine = { ...withLoadAfter(before), ...calibrated(series) };
    const work = { series, missing, calibrationNs: machine.calibrationNs };
    const elsewhere = leftOut && { ...work, series: seriesOf(leftOut) };
    return {
      topic: topic.name,
      machine,
      ratios: rows.map((row) => ({
        ...workOut(row, work),
        ...(elsewhere === undefined ? {} : { leftOut: workOut(row, elsewhere).value }),
      })),
      raw: {
        rounds: effort.rounds,
        ...(states === undefined ? {} : { states }),
        samplers: samplers.map((sampler) =>
          describe(sampler, taken.get(sampler.name)!, kept, distributions.get(sampler.name)),
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

/** Values by sampler, and what was measured besides by "sampler: metric". */
type Series = ReadonlyMap<string, readonly number[]>;

/** A series of each metric that the samples have. */
function metricsOf(samples: readonly Sample[]): [metric: string, values: number[]][] {
  return Object.keys(samples[0]?.metrics ?? {}).map((metric) => [
    metric,
    samples.map(({ metrics }) => metrics![metric]!),
  ]);
}

function seriesOf(taken: Taken): Series {
  const series = new Map<string, number[]>();
  for (const [name, samples] of taken) {
    series.set(name, samples.map(valueOf));
    for (const [metric, values] of metricsOf(samples)) series.set(`${name}: ${metric}`, values);
  }
  return series;
}

function calibrated(series: Series) {
  const calibrationNs = median(series.get(CALIBRATION)!);
  return { calibrationNs, calibrationReferenceNs: CALIBRATION_REFERENCE_NS };
}

/** What rows are worked out from. */
interface Work {
  readonly series: Series;
  readonly missing: readonly Unavailable[];
  readonly calibrationNs: number;
}

/** The target on this machine: a slower one takes more time for an operation and does fewer. */
function targetOf({ target, isRate, better }: Row, calibrationNs: number): number | null {
  if (target === undefined) return null;
  if (isRate !== true) return target;
  const slowness = calibrationNs / CALIBRATION_REFERENCE_NS;
  return better === "lower" ? target * slowness : target / slowness;
}

function workOut(row: Row, { series, missing, calibrationNs }: Work): RatioRow {
  const { name, better } = row;
  const target = targetOf(row, calibrationNs);
  const reasons = missing.filter((each) => row.needs.includes(each.name));
  if (reasons.length > 0) {
    const reason = [...new Set(reasons.map((each) => each.unavailable))].join("; ");
    return { name, value: null, target, better, holds: false, reason };
  }
  const medians: Medians = (sampler, otherwise) => {
    const found = series.get(sampler);
    if (found !== undefined) return median(found);
    if (otherwise !== undefined) return otherwise;
    throw new Error(`Cannot work out "${name}": it does not name "${sampler}" in its needs`);
  };
  const value = row.value(medians);
  const holds = target === null || (better === "higher" ? value >= target : value <= target);
  return { name, value, target, better, holds };
}

const valueOf = (sample: Sample): number => sample.value;

function describe(
  sampler: Sampler,
  taken: readonly Sample[],
  comparables: Taken,
  distribution: Distribution | undefined,
): RawSampler {
  const { name, unit, operations, builtWith } = sampler;
  const kept = comparables.get(name)!;
  const values = kept.map(valueOf);
  const metrics = metricsOf(kept).map(([metric, each]) => [metric, median(each)]);
  return {
    name,
    unit,
    median: median(values),
    spread: spread(values),
    samples: taken.map(valueOf),
    waited: taken.map(({ waited }) => waited),
    ...(metrics.length === 0 ? {} : { metrics: Object.fromEntries(metrics), taken }),
    ...(operations === undefined ? {} : { operations }),
    ...(distribution === undefined ? {} : { distribution }),
    ...(builtWith === undefined ? {} : { builtWith }),
  };
}
