/** The report of a run: its shape as JSON, and its form for people. */
import type { MachineFacts } from "./machine.ts";
import type { States } from "./comparable.ts";
import type { Distribution, Sample } from "./subject.ts";
import type { Row } from "./topic.ts";

/** One target and how it came out. */
export interface RatioRow {
  name: string;
  /** Null when it cannot be measured here; `reason` says why and what to do. */
  value: number | null;
  /** Null when the value is only reported. */
  target: number | null;
  better: "higher" | "lower";
  /** Whether the target, if any, is met; false also without a value. */
  holds: boolean;
  /** The value in the samples that are left out of it, where there are enough of them. */
  leftOut?: number | null;
  reason?: string;
}

/** All that one sampler brought. */
export interface RawSampler {
  name: string;
  unit: string;
  median: number;
  /** Interquartile range over median. */
  spread: number;
  /** In the order in which they were taken: the same place is the same round everywhere. */
  samples: readonly number[];
  /** The share of each sample in which others had the processors; not part of the samples. */
  waited: readonly number[];
  /** Operations of each sample. */
  operations?: number;
  distribution?: Distribution;
  /** Medians of what was measured besides the value. */
  metrics?: Record<string, number>;
  /** The samples as they were taken, where they have more than a value. */
  taken?: readonly Sample[];
  builtWith?: string;
}

export interface Report {
  topic: string;
  machine: MachineFacts & { calibrationNs: number; calibrationReferenceNs: number };
  ratios: RatioRow[];
  raw: {
    rounds: number;
    /** Where the processors were now near and now far apart: see comparable.ts. */
    states?: States;
    samplers: RawSampler[];
    missing: { name: string; reason: string }[];
  };
}

/** Pads columns to their width; numbers stand to the right. */
function table(lines: readonly (readonly string[])[], rightFrom: number): string {
  const widths = lines[0]!.map((_, column) =>
    Math.max(...lines.map((line) => Bun.stringWidth(line[column]!))),
  );
  return lines
    .map((line) =>
      line
        .map((cell, column) =>
          column < rightFrom ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!),
        )
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

/** The widest spread among what a row compares: how far its value is to be trusted. */
function spreadOf(row: Row, samplers: readonly RawSampler[]): string {
  const names = new Set([...row.needs, ...(row.also ?? [])]);
  const spreads = samplers.filter(({ name }) => names.has(name)).map(({ spread }) => spread);
  return spreads.length === 0 ? "-" : percent(Math.max(...spreads));
}

const percent = (share: number): string => `${(share * 100).toFixed(0)} %`;

function ratioLine(row: RatioRow, digits: number): string[] {
  const sign = row.better === "higher" ? "≥" : "≤";
  const value = row.value === null ? "-" : row.value.toFixed(digits);
  const wanted = row.target === null ? "-" : `${sign} ${row.target.toFixed(digits)}`;
  return [row.name, value, wanted, verdictOf(row)];
}

function verdictOf({ value, target, holds }: RatioRow): string {
  if (value === null) return "not measured";
  if (target === null) return "reported";
  return holds ? "yes" : "NO";
}

/** What the samplers measured besides their values: a table for each set of metrics. */
function metricTables(samplers: readonly RawSampler[]): string[] {
  const groups = Map.groupBy(
    samplers.filter(({ metrics }) => metrics !== undefined),
    ({ metrics }) => Object.keys(metrics!).join("\n"),
  );
  return Array.from(groups, ([names, group]) =>
    table(
      [
        ["measured besides", ...names.split("\n")],
        ...group.map(({ name, metrics }) => [name, ...Object.values(metrics!).map(metricText)]),
      ],
      1,
    ),
  ).flatMap((text) => ["", text]);
}

/** Whole numbers from 1000 on, three places below 1. */
function metricText(value: number): string {
  const size = Math.abs(value);
  return value.toFixed(Number.isInteger(value) || size >= 1000 ? 0 : size < 1 ? 3 : 1);
}

/** In which state of the machine the medians were taken, if it has two. */
function statesText(states: States | undefined): string[] {
  if (states === undefined) return [];
  const { keptNs, leftOutNs, keptShare } = states;
  return [
    `processors ${keptNs.toFixed(0)} ns apart in ${percent(keptShare)} of the samples; what the ` +
      `others (about ${leftOutNs.toFixed(0)} ns) come to is in the column "left out"`,
  ];
}

function samplerLine(sampler: RawSampler): string[] {
  const { name, unit, distribution } = sampler;
  const ofBatch = (ns: number | undefined): string =>
    ns === undefined ? "-" : `${(ns / 1000).toFixed(2)} µs`;
  const batch = distribution === undefined ? "-" : `${distribution.operations}`;
  return [
    name,
    `${sampler.median.toFixed(sampler.median < 1000 ? 1 : 0)} ${unit}`,
    percent(sampler.spread),
    percent(Math.max(...sampler.waited)),
    batch,
    ofBatch(distribution?.p50Ns),
    ofBatch(distribution?.p99Ns),
  ];
}

/** The report as text. @param rows the rows it is of, for their digits */
export function formatReport(report: Report, rows: readonly Row[]): string {
  const { machine, ratios, raw } = report;
  const { calibrationNs, calibrationReferenceNs } = machine;
  const hasLeftOut = ratios.some(({ leftOut }) => leftOut !== undefined);
  const ratioLines = ratios.map((ratio, i) => {
    const row = rows[i]!;
    const cells = [...ratioLine(ratio, row.digits), spreadOf(row, raw.samplers)];
    return hasLeftOut ? [...cells, ratio.leftOut?.toFixed(row.digits) ?? "-"] : cells;
  });
  const head = ["target", "value", "wanted", "holds", "spread"];
  const reasons = ratios.flatMap(({ name, reason }) =>
    reason === undefined ? [] : [`not measured: ${name}: ${reason}`],
  );
  const built = new Set(raw.samplers.flatMap(({ builtWith }) => builtWith ?? []));
  const parts = [
    `ioreel bench ${report.topic}`,
    `${machine.cpu}, ${machine.cores} cores, ${machine.memoryMiB} MiB; ${machine.platform} ` +
      `${machine.kernel} ${machine.arch}; bun ${machine.bun}; load ${machine.load.join(" to ")}`,
    `calibration loop ${calibrationNs.toFixed(0)} ns (targets in rates are meant for ` +
      `${calibrationReferenceNs} ns and scaled)`,
    ...[...built].map((text) => `peers built with ${text}`),
    ...statesText(raw.states),
    "",
    table([hasLeftOut ? [...head, "left out"] : head, ...ratioLines], 1),
    "",
    ...(reasons.length > 0 ? [...reasons, ""] : []),
    `Medians of ${raw.rounds} interleaved samples. Spread: interquartile range over median. ` +
      "Waited: most of a sample's time in which others had the processors; it is not counted, " +
      "and under load such samples are left out. p50 and p99: of single batches.",
    table(
      [
        ["measured", "median", "spread", "waited", "batch", "p50", "p99"],
        ...raw.samplers.map((sampler) => samplerLine(sampler)),
      ],
      1,
    ),
    ...metricTables(raw.samplers),
  ];
  return parts.join("\n");
}
