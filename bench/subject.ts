/**
 * What a benchmark measures: a subject. Each lives in a process of its own, so that no subject is
 * compiled, collected or cached in the light of another, and is asked for one sample at a time.
 */
import { readFileSync } from "node:fs";
import { hostMonotonicNs } from "../core/clock.ts";

export interface Subject {
  /** Operations that belong together: a sample covers a multiple of them. */
  readonly batch: number;
  /** Does so many operations (a multiple of the batch). */
  sample(operations: number): Sample | Promise<Sample>;
  /** One batch, for the distribution of its duration. Absent where that says nothing. */
  readonly step?: () => unknown;
  close(): void | Promise<void>;
}

export interface Sample {
  value: number;
  /**
   * Time in which the subject was ready to run but other programs had the processors, as a share of
   * the sample's duration. It is not part of the value.
   */
  waited: number;
  /** What was measured besides, by its name. */
  metrics?: Record<string, number>;
  /**
   * How far apart the processors were that it used, in nanoseconds, before it and after it. Samples
   * are compared only with those of like distance.
   */
  distances?: readonly [before: number, after: number];
}

/** A subject's module: its default export opens it. */
export interface SubjectModule {
  default: (argument: string) => Subject | Promise<Subject>;
}

/** How a subject's process came up: the first line that it prints. */
export interface Opened {
  batch: number;
  /** Whether it has a step. */
  steps: boolean;
}

/** What a subject's process answers with, one line of JSON each. */
export type Answer = Sample | Opened | Distribution | { unavailable: string } | { error: string };

/** How long single batches took. */
export interface Distribution {
  p50Ns: number;
  p99Ns: number;
  p999Ns: number;
  /** Operations of a batch, and batches that were measured. */
  operations: number;
  count: number;
}

/**
 * The share of a sample's operations that is done before it and not measured: while the other
 * subjects had their turns, the caches went cold and the collector took memory back.
 */
const WARM_UP_SHARE = 0.25;

/** What a subject that is measured by time has to offer. */
export interface Timed {
  readonly batch: number;
  /** Does so many operations: a multiple of the batch. */
  run(operations: number): void | Promise<void>;
  close(): void | Promise<void>;
}

/**
 * Nanoseconds for which the main thread has waited for a processor so far (the second number of
 * schedstat: Linux, Documentation/scheduler/sched-stats.rst). 0 where the kernel does not tell.
 */
export function waitedNs(): number {
  try {
    return Number(readFileSync("/proc/self/schedstat", "latin1").split(" ")[1]);
  } catch {
    return 0;
  }
}

export interface TimedOptions {
  /** Whether a batch alone is worth a distribution. Default true. */
  steps?: boolean;
  /**
   * Whether waiting for a processor counts. It has to where a subject has several threads, because
   * then it is its own threads that the main one waits for. Default false.
   */
  countsWaiting?: boolean;
}

/** A subject whose samples are nanoseconds per operation. */
export function timed(work: Timed, options: TimedOptions = {}): Subject {
  const { batch } = work;
  const { steps = true, countsWaiting = false } = options;
  return {
    batch,
    async sample(operations) {
      const warmUp = Math.ceil((operations * WARM_UP_SHARE) / batch) * batch;
      await work.run(warmUp);
      const waitedBefore = waitedNs();
      const start = hostMonotonicNs();
      const running = work.run(operations);
      if (running !== undefined) await running;
      const tookNs = hostMonotonicNs() - start;
      const waited = countsWaiting ? 0 : Math.min(waitedNs() - waitedBefore, tookNs);
      return { value: (tookNs - waited) / operations, waited: waited / tookNs };
    },
    ...(steps ? { step: () => work.run(batch) } : {}),
    close: () => work.close(),
  };
}
