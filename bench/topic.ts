/** What a benchmark topic is made of: samplers that measure, and rows that compare. */
import { join } from "node:path";

/** A subject in a process of its own, which stays for the whole run. */
export interface SubjectPlan {
  readonly from: "subject";
  /** Path of its module. */
  readonly module: string;
  readonly argument: string;
  readonly unit: string;
  /** Operations of each sample; by default as many as take the time of a sample. */
  readonly operations?: number;
  /** Whether each sample has a new process: for what can be measured only once. */
  readonly fresh?: boolean;
}

/** A C program of peers/, built in this run, which answers like a subject. */
export interface PeerPlan {
  readonly from: "peer";
  readonly source: string;
  readonly argument: string;
  readonly unit: string;
}

/** A whole process, from start to end. */
export interface ProgramPlan {
  readonly from: "program";
  /** Path of a script, and its arguments, for the Bun that runs. */
  readonly script: readonly string[];
  readonly unit: "ms";
}

export type Plan = SubjectPlan | PeerPlan | ProgramPlan;

/** Medians of the samplers by name; `otherwise` stands for one that cannot be measured here. */
export type Medians = (sampler: string, otherwise?: number) => number;

/** One target of the speed section of an issue. */
export interface Row {
  readonly name: string;
  readonly better: "higher" | "lower";
  readonly target: number;
  /**
   * Whether the target is a rate, meant for the reference machine: it is then scaled by this
   * machine's calibration loop.
   */
  readonly isRate?: boolean;
  /** Digits after the point, for people. */
  readonly digits: number;
  /** The samplers that it compares: without one of them there is no value. */
  readonly needs: readonly string[];
  /** Samplers that it takes into account where they can be measured. */
  readonly also?: readonly string[];
  readonly value: (median: Medians) => number;
}

export interface Topic {
  readonly name: string;
  /** In the order in which a round takes its samples: what is compared stands side by side. */
  readonly samplers: Readonly<Record<string, Plan>>;
  readonly rows: readonly Row[];
}

/** The sampler that every topic has and every run takes. */
export const CALIBRATION = "calibration loop";
/** What the calibration loop takes on the machine that targets in absolute rates are meant for. */
export const CALIBRATION_REFERENCE_NS = 220;

export const calibrationPlan: SubjectPlan = {
  from: "subject",
  module: join(import.meta.dir, "./subjects/calibration.ts"),
  argument: "",
  unit: "ns/op",
};
