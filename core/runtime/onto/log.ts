/**
 * What a session's program did, as a list that can be done again elsewhere: what it opened, each
 * operation with the bytes that it sent and a checksum of those that it was brought, what it
 * cancelled and closed, in this order, and how many of them were over when each began.
 */

/** An end, for the time in which it was open. */
export interface LoggedEnd {
  /** What people call it: `sata#1`, `pipe#2.reader`. Numbers count what was opened. */
  readonly label: string;
  readonly kind: string;
  /** What brought it: what was opened, or the operation whose result it was. */
  readonly from: LoggedOpen | LoggedOperation;
}

interface Logged {
  /** How many of those that came to an end had done so when it began. */
  readonly after: number;
  /** The session's clock then, in nanoseconds. */
  readonly startNs: number;
}

interface Ending extends Logged {
  /** Its place among those that came to an end, from 0; -1 when it did not before the session. */
  ended: number;
  endNs: number;
}

export interface LoggedOpen extends Ending {
  readonly what: "open";
  readonly kind: string;
  readonly label: string;
  readonly options: Readonly<Record<string, unknown>>;
  ends: LoggedEnd[];
  /** Why it failed, if it did. */
  code: string | undefined;
}

export interface LoggedClose extends Ending {
  readonly what: "close";
  readonly end: LoggedEnd;
}

/**
 * What an operation's outcome is compared by. `place`: a transfer at a position, result and bytes.
 * `stream`: the bytes in their order. `outcome`: the result, as nothing is brought. `success`: only
 * whether it succeeded, as what it brings is told of the device, a handle, or counted time.
 */
export type Comparison = "place" | "stream" | "outcome" | "success";

export interface LoggedOperation extends Ending {
  readonly what: "operation";
  /** Number of the operation in the session, from 1. */
  readonly number: number;
  readonly end: LoggedEnd;
  readonly name: string;
  readonly direction: "read" | "write" | "none";
  comparison: Comparison;
  /** Whether its offset is a position. */
  readonly positioned: boolean;
  readonly offset: number;
  readonly length: number;
  readonly argument: number;
  /** What it sent. */
  readonly payload: Uint8Array | undefined;
  /** Bytes that it moved, or a negative result word. */
  result: number;
  /** CRC-32 of what it brought; undefined where that is not known. */
  checksum: number | undefined;
  /** What it brought as text, where a device tells of itself. */
  told: string | undefined;
  /** Whether it was cancelled before its end was closed. */
  cancelled: boolean;
}

export interface LoggedCancel extends Logged {
  readonly what: "cancel";
  readonly operation: LoggedOperation;
}

/**
 * Whether what is done on other ends need not wait for its end: the write to a stream, and closing,
 * which waits for those. When a write is over depends on how much the stream holds, which is not
 * the same on each backend: reads that waited for it could be those that make room for it.
 */
export function isSoft(entry: LoggedOpen | LoggedOperation | LoggedClose): boolean {
  if (entry.what === "close") return true;
  return entry.what === "operation" && entry.direction === "write" && !entry.positioned;
}

export type LogEntry = LoggedOpen | LoggedOperation | LoggedCancel | LoggedClose;

export interface OperationLog {
  /** In the order in which they began. */
  readonly entries: readonly LogEntry[];
  readonly operations: readonly LoggedOperation[];
  /** The ends that operations' results name: connections that were accepted. */
  readonly accepted: ReadonlyMap<LoggedOperation, LoggedEnd>;
  /** How many came to an end. */
  readonly ended: number;
  /** Bytes that were sent: all of them are kept. */
  readonly payloadBytes: number;
}
