/** What a benchmark topic is made of: samplers that measure, and rows that compare. */
import { join } from "node:path";
import type { Effort } from "./samplers.ts";

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

/** A server: a C program of peers/, or a script for Bun or Node, and its arguments. */
export interface ServerPlan {
  readonly from: "c" | "bun" | "node";
  /** The name of the C file, or the path of the script. */
  readonly file: string;
  readonly words: readonly string[];
  /** For Bun itself, before the script. */
  readonly flags?: readonly string[];
}

/** A server that a client loads, on a processor each. */
export interface LoadPlan {
  readonly from: "load";
  readonly server: ServerPlan;
  /** The C file of peers/ whose program is the client, and its arguments after port and process. */
  readonly client: string;
  readonly words: readonly string[];
  /** What the client is asked to open: connections, or bytes to be echoed and compared. */
  readonly open: number;
  readonly unit: string;
}

/** A server with connections that do nothing: the heap that each takes. */
export interface IdlePlan {
  readonly from: "idle";
  readonly server: ServerPlan;
  readonly client: string;
  readonly words: readonly string[];
  readonly connections: number;
  /** Samples; they are long and vary little. */
  readonly rounds: number;
  readonly unit: string;
}

export type Plan = SubjectPlan | PeerPlan | ProgramPlan | LoadPlan | IdlePlan;

/**
 * Medians of the samplers by name; `otherwise` stands for one that cannot be measured here. What a
 * sampler measures besides is named after it: "echo: CPU ns".
 */
export type Medians = (sampler: string, otherwise?: number) => number;

/** One target of the speed section of an issue. */
export interface Row {
  readonly name: string;
  readonly better: "higher" | "lower";
  /** Absent where the value is only reported. */
  readonly target?: number;
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
  /** Where its samples need another effort than those of other topics. */
  readonly effort?: { readonly full: Partial<Effort>; readonly quick: Partial<Effort> };
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
