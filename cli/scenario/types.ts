/**
 * A scenario as people write it, in TypeScript or YAML, and the helper that gives a TypeScript
 * scenario its types. This file imports nothing, so that a scenario that imports it loads nothing.
 */

/** Bytes: a whole number, or text with a unit: `4096`, `"4KiB"`, `"1.5MB"`. */
export type Size = number | string;
/** Time: text with a unit (`"5ms"`); under a key that ends in `Ns` also whole nanoseconds. */
export type Duration = number | string;
/** A device, one of its ends, or a connection: `"link"`, `"link.writer"`. */
export type End = string;
/**
 * Bytes that have a name: an input, what a step kept with `as`, or everything that a task has read
 * or written: `"text"`, `"received"`, `"consumer.read"`, `"producer.written"`.
 */
export type Bytes = string;

/** Sends bytes into a device: those of a name, of a literal text, or of a generated pattern. */
export interface WriteStep {
  to: End;
  /** An input, or what a step kept with `as`. */
  from?: Bytes;
  /** The bytes themselves, as UTF-8. */
  text?: string;
  /** `counter` counts 0 to 255 over and over; `random` follows from the seed. */
  pattern?: "counter" | "zeros" | "random";
  /** How much of the pattern. */
  sizeBytes?: Size;
  /** First byte to write, on a device that has positions. Default 0. */
  at?: Size;
  /** Bytes of one operation, default 64 KiB. */
  chunkBytes?: Size;
  /** Time to wait after each operation, default none. */
  pauseNs?: Duration;
}

/** Takes bytes from a device until it ends, or until so many have come. */
export interface ReadStep {
  from: End;
  /** Stop when so many have come. Default: read to the end. */
  sizeBytes?: Size;
  /** Bytes of one operation, default 64 KiB. */
  chunkBytes?: Size;
  /** Time to wait after each operation, default none. */
  pauseNs?: Duration;
  /** Keep what came under this name. */
  as?: string;
  /** First byte to read, on a device that has positions. Default 0. */
  at?: Size;
}

/** Moves bytes from one device to another until the first ends, or until so many were moved. */
export interface CopyStep extends ReadStep {
  to: End;
  /** First byte to write, on a device that has positions. Default 0. */
  toAt?: Size;
}

/**
 * Connects to a server. The connection belongs to the task: tasks that it spawns may use it too,
 * and it is closed when the task ends, unless a step has closed it.
 */
export interface ConnectStep {
  /** A device that listens, `"host:port"`, or `"unix:/path"`. */
  to: string;
  /** What to call the connection. */
  as: string;
  /** The local address to connect from; on the emulated network, the host. */
  from?: string;
  /** The attempt fails after so long. Default: when the system gives up. */
  timeoutNs?: Duration;
}

/** Accepts a connection, or several, with a task of its own for each. */
export interface AcceptStep {
  /** A device that listens. */
  from: string;
  /** What to call the connection; with `do`, also the tasks: `"client"`, `"client#2"`. */
  as: string;
  /** How many to accept. Default: one; with `do`, until the listener is closed. */
  times?: number;
  /** What each connection's task does. The connection is closed at its end. */
  do?: readonly Step[];
}

export interface LinkChange {
  /** Two hosts. */
  between: readonly string[];
  latencyNs?: Duration;
  /** Up to so much is added to the latency. */
  jitterNs?: Duration;
  bandwidthBytesPerSecond?: Size;
  /** Rates are probabilities from 0 to 1. */
  lossRate?: number;
  reorderRate?: number;
  duplicateRate?: number;
}

/** What becomes of the emulated network between two hosts; other backends have no such step. */
export type NetworkStep =
  /** Frames between the two are dropped from now on. */
  | { partition: readonly string[] }
  /** Ends the partition of two hosts, or all of them. */
  | { heal: readonly string[] | "all" }
  /** Frames between the two are held back, and let go with `unclog`. */
  | { clog: readonly string[] }
  | { unclog: readonly string[] }
  /** Conditions that are left out stay as they are. */
  | { link: LinkChange };

export type Step =
  | { write: WriteStep }
  | { read: End | ReadStep }
  | { copy: CopyStep }
  | { connect: ConnectStep }
  | { accept: AcceptStep }
  /** Half-close: says that no more will be written, and leaves reading as it is. */
  | { end: End | readonly End[] | { ends: End | readonly End[] } }
  /** Changes the emulated network. */
  | { network: NetworkStep }
  /** Makes what was written to disks durable. */
  | { flush: string | readonly string[] | { devices: string | readonly string[] } }
  /** Tells a disk that bytes are of no more use. */
  | { discard: { of: string; at?: Size; sizeBytes: Size } }
  /** Takes media out of drives by hand. */
  | { eject: string | readonly string[] | { devices: string | readonly string[] } }
  /** Pushes a medium into a drive: an image, or a blank one. */
  | { insert: string | { into: string; image?: string; readOnly?: boolean } }
  /** Closes ends; a device stands for all of its ends. */
  | { close: End | readonly End[] | { ends: End | readonly End[] } }
  /** Waits so long. */
  | { sleep: Duration | { durationNs: Duration } }
  /** Waits for ticks of a timer, or for a delay on a timer that has no interval. */
  | { tick: string | { of: string; count?: number; delayNs?: Duration } }
  /** Holds a lock while the steps are carried out. */
  | { with: { lock: string; do: readonly Step[] } }
  /** Computes the SHA-256 of bytes, and compares it with other bytes' or a given one. */
  | { checksum: Bytes | { of: Bytes; is?: Bytes | string } }
  /** Fails unless all are the same bytes. */
  | { compare: readonly Bytes[] | { values: readonly Bytes[] } }
  /** Starts a task. Tasks that some step spawns do not start by themselves. */
  | { spawn: string | { task: string; as?: string } }
  /** Waits until tasks are over. */
  | { join: string | readonly string[] | { tasks: string | readonly string[] } }
  /** Cancels a task and waits until it has cleaned up. */
  | { cancel: string | { task: string } }
  | { repeat: { times: number; do: readonly Step[] } }
  /** Writes a line into the timeline and the recording. */
  | { mark: string | { text: string } };

export interface TaskExpectation {
  outcome?: "completed" | "failed" | "cancelled";
  /** The code with which a failed task failed: `EPIPE`. */
  error?: string;
  bytesRead?: Size;
  bytesWritten?: Size;
}

export interface Expectations {
  /** How the run ends, default `completed`. */
  outcome?: "completed" | "failed" | "deadlock";
  /** By the session's clock: virtual time on the emulated backend. */
  durationNsMin?: Duration;
  durationNsMax?: Duration;
  tasks?: Readonly<Record<string, TaskExpectation>>;
  /** Names of bytes that have to be the same; several groups as a list of lists. */
  sameBytes?: readonly Bytes[] | readonly (readonly Bytes[])[];
}

export interface Scenario {
  version: 1;
  /** Default: the file's name. */
  name?: string;
  /** What it shows, for people. */
  about?: string;
  /** Where all randomness begins; by default another one every time. */
  seed?: number;
  backend?: "auto" | "uring" | "emulated";
  /** Emulated backend only: `virtual` skips idle time, `paced` waits for it. */
  clock?: "virtual" | "paced";
  /** What providers as a whole are started with, by kind. */
  settings?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** Values for `$name` elsewhere; `--set name=value` replaces them. */
  vars?: Readonly<Record<string, string | number | boolean>>;
  /** Files that exist before the run; `--input name=path` replaces them. */
  inputs?: Readonly<Record<string, string | { file: string }>>;
  /** What is opened before the tasks start: a provider's kind, and its options. */
  devices?: Readonly<Record<string, string | { kind: string; [option: string]: unknown }>>;
  locks?: readonly string[];
  /** All start at once, in this order, except those that some step spawns. */
  tasks: Readonly<Record<string, readonly Step[]>>;
  expect?: Expectations;
}

/**
 * Gives a TypeScript scenario its types: `export default scenario({ version: 1, ... })`.
 * @returns its argument; checking happens when ioreel loads the file
 */
export function scenario(definition: Scenario): Scenario {
  return definition;
}
