/**
 * The normal form of a scenario: checked, every default filled in, every size and duration a
 * number, every name resolved. It is plain JSON, it is itself a valid scenario, and it is what a
 * recording holds.
 */

/** How bytes are moved, in the steps that move them. */
export interface Pace {
  chunkBytes: number;
  pauseNs: number;
}

export interface ResolvedWrite extends Pace {
  /** `device.end`. */
  to: string;
  from?: string;
  text?: string;
  pattern?: Pattern;
  sizeBytes?: number;
  /** First byte on a device that has positions; 0 if it is not said. */
  at?: number;
}
export type Pattern = "counter" | "zeros" | "random";

export interface ResolvedRead extends Pace {
  from: string;
  sizeBytes?: number;
  as?: string;
  /** First byte on a device that has positions; 0 if it is not said. */
  at?: number;
}
export interface ResolvedCopy extends ResolvedRead {
  to: string;
  /** First byte on the target; 0 if it is not said. */
  toAt?: number;
}
export interface ResolvedDiscard {
  of: string;
  at: number;
  sizeBytes: number;
}
export interface ResolvedInsert {
  into: string;
  /** Empty for a blank medium. */
  image: string;
  readOnly: boolean;
}

export interface ResolvedConnect {
  /** `device.end` of a listener, "host:port", or "unix:" and a path. */
  to: string;
  as: string;
  /** The local address, or on the emulated network the host. */
  from?: string;
  /** 0: as long as the system has patience. */
  timeoutNs: number;
}
export interface ResolvedAccept {
  /** `device.end` of a listener. */
  from: string;
  as: string;
  /** Absent with `do`: until the listener is closed. */
  times?: number;
  /** Carried out for each connection by a task of its own. */
  do?: ResolvedStep[];
}

export interface ResolvedLink {
  between: string[];
  latencyNs?: number;
  jitterNs?: number;
  bandwidthBytesPerSecond?: number;
  lossRate?: number;
  reorderRate?: number;
  duplicateRate?: number;
}
/** What becomes of the emulated network. Pairs of hosts have two names. */
export type ResolvedNetwork =
  | { partition: string[] }
  | { heal: string[] | "all" }
  | { clog: string[] }
  | { unclog: string[] }
  | { link: ResolvedLink };

export type ResolvedStep =
  | { write: ResolvedWrite }
  | { read: ResolvedRead }
  | { copy: ResolvedCopy }
  | { connect: ResolvedConnect }
  | { accept: ResolvedAccept }
  | { end: { ends: string[] } }
  | { network: ResolvedNetwork }
  | { flush: { devices: string[] } }
  | { discard: ResolvedDiscard }
  | { eject: { devices: string[] } }
  | { insert: ResolvedInsert }
  | { close: { ends: string[] } }
  | { sleep: { durationNs: number } }
  | { tick: { of: string; count: number; delayNs: number } }
  | { with: { lock: string; do: ResolvedStep[] } }
  | { checksum: { of: string; is?: string } }
  | { compare: { values: string[] } }
  | { spawn: { task: string; as?: string } }
  | { join: { tasks: string[] } }
  | { cancel: { task: string } }
  | { repeat: { times: number; do: ResolvedStep[] } }
  | { mark: { text: string } };

/** What a step does. */
export type Verb = ResolvedStep extends infer Each
  ? Each extends unknown
    ? keyof Each & string
    : never
  : never;

/** The one key of a step. */
export function verbOf(step: ResolvedStep): Verb {
  return Object.keys(step)[0] as Verb;
}

/** The steps inside a step. */
export function blockOf(step: ResolvedStep): readonly ResolvedStep[] | undefined {
  if ("with" in step) return step.with.do;
  if ("repeat" in step) return step.repeat.do;
  if ("accept" in step) return step.accept.do;
  return undefined;
}

export interface ResolvedTaskExpectation {
  outcome?: "completed" | "failed" | "cancelled";
  error?: string;
  bytesRead?: number;
  bytesWritten?: number;
}

export interface ResolvedExpectations {
  outcome: "completed" | "failed" | "deadlock";
  durationNsMin?: number;
  durationNsMax?: number;
  tasks: Record<string, ResolvedTaskExpectation>;
  sameBytes: string[][];
}

export interface ResolvedDevice {
  kind: string;
  /** The provider's own options. */
  [option: string]: unknown;
}

export interface ResolvedScenario {
  version: 1;
  name: string;
  about: string;
  seed?: number;
  backend: "auto" | "uring" | "emulated";
  clock: "virtual" | "paced";
  /** Of providers as a whole, by kind; those that are not named have their defaults. */
  settings: Record<string, Record<string, unknown>>;
  inputs: Record<string, { file: string }>;
  devices: Record<string, ResolvedDevice>;
  locks: string[];
  tasks: Record<string, ResolvedStep[]>;
  expect: ResolvedExpectations;
}

/** Tasks that some step spawns: they do not start by themselves. */
export function spawnedTasks(scenario: ResolvedScenario): Set<string> {
  const spawned = new Set<string>();
  const visit = (steps: readonly ResolvedStep[]): void => {
    for (const step of steps) {
      if ("spawn" in step) spawned.add(step.spawn.task);
      visit(blockOf(step) ?? []);
    }
  };
  for (const steps of Object.values(scenario.tasks)) visit(steps);
  return spawned;
}
