/**
 * The events of a session: everything that entered a run through its door and everything that the
 * program asked for, in one order. {@link SessionEvent} is what people and tools see; an
 * {@link EventRecord} is the one reusable slot into which the decoder writes on hot paths.
 *
 * Nothing in an event belongs to the host: no descriptor, pointer, path or wall clock time. So two
 * machines that live through the same run write the same bytes.
 */

import { OPCODE } from "../backend/contract.ts";

/** Kinds of events. The numbers never leave the process; the codec has tags of its own. */
export const EVENT = {
  TURN: 1,
  SUBMIT: 2,
  CANCEL: 3,
  COMPLETE: 4,
  INTERRUPT: 5,
  EXPIRE: 6,
  INPUT: 7,
  CLOCK: 8,
  HOST: 9,
  START: 10,
  SETTLE: 11,
  MARK: 12,
  END: 13,
  STATE: 14,
} as const;

/** Numbers of the host calls. They are part of the recording format. */
export const HOST_CALL = {
  PIPE: 1,
  CLOSE: 2,
  OPEN: 3,
  PEEK_PIPE: 4,
  WRITE: 5,
  SOCKET: 6,
  BIND: 7,
  LISTEN: 8,
  SET_SOCKET_OPTION: 9,
  SOCKET_NAME: 10,
  ADOPT: 11,
  UNLINK: 12,
  OPEN_GROUP: 13,
  OPEN_IMAGE: 14,
  READ_IMAGE: 15,
  WRITE_IMAGE: 16,
  FLUSH_IMAGE: 17,
  FILE_STATUS: 18,
  RESIZE: 19,
  LOCK_FILE: 20,
  KEEP_AT_HAND: 21,
  HOST_TIME: 22,
  HOST_RANDOM: 23,
  HOST_BYTES: 24,
} as const;

/**
 * Whether the bytes that a host call brings are content, which may be left out or written over.
 * What an opened image brings is a checksum of it, without which there is no replay.
 */
export const bringsContent = (call: number): boolean => call !== HOST_CALL.OPEN_IMAGE;
/** Names of the host calls, by number. */
export const HOST_CALL_NAMES = [
  "none",
  "pipe",
  "close",
  "open",
  "peekPipe",
  "write",
  "socket",
  "bind",
  "listen",
  "setSocketOption",
  "socketName",
  "adopt",
  "unlink",
  "openGroup",
  "openImage",
  "readImage",
  "writeImage",
  "flushImage",
  "fileStatus",
  "resize",
  "lockFile",
  "keepAtHand",
  "hostTime",
  "hostRandom",
  "hostBytes",
] as const;

/** The digest of a payload that is not there. */
export const NO_DIGEST = -1;

/**
 * One event. `slot` is a descriptor's index, times are nanoseconds of the session's clock, `digest`
 * is the CRC-32 of a payload that is not kept in full, `bytes` one that is.
 */
/** A payload of which the recording keeps this and not its bytes. */
export interface MissingPayload {
  readonly length: number;
  /** CRC-32 of the bytes. */
  readonly digest: number;
}

export type SessionEvent =
  | { kind: "turn"; steps: number; nowNs: number }
  | {
      kind: "submit";
      slot: number;
      opcode: number;
      file: number;
      length: number;
      offset: number;
      opFlags: number;
      how: number;
      digest: number | undefined;
    }
  | { kind: "cancel"; slot: number }
  | {
      kind: "complete";
      slot: number;
      result: number;
      flags: number;
      bytes: Uint8Array | undefined;
      missing?: MissingPayload;
    }
  | { kind: "interrupt"; line: number }
  | { kind: "expire"; nowNs: number }
  | { kind: "input"; input: number; value: number }
  | { kind: "clock"; nowNs: number }
  | {
      kind: "host";
      call: number;
      args: readonly number[];
      results: readonly number[];
      bytes: Uint8Array | undefined;
      missing?: MissingPayload;
    }
  | {
      kind: "start";
      slot: number;
      provider: number;
      handle: number;
      operation: number;
      offset: number;
      length: number;
      argument: number;
      digest: number | undefined;
    }
  | { kind: "settle"; slot: number; result: number; digest: number | undefined }
  | { kind: "mark"; text: string }
  /** Checksums of the engine's parts between two turns: CRC-32s, in the order of its snapshot. */
  | { kind: "state"; digests: readonly number[] }
  | { kind: "end"; outcome: string };

export type EventKind = SessionEvent["kind"];

/** The fields of one event, flat, so that decoding a million of them makes no object. */
export class EventRecord {
  kind = 0;
  slot = 0;
  opcode = 0;
  file = 0;
  length = 0;
  offset = 0;
  opFlags = 0;
  how = 0;
  digest = NO_DIGEST;
  result = 0;
  flags = 0;
  /** Resumptions since the turn before (turn). */
  steps = 0;
  nowNs = 0;
  /** Interrupt line (interrupt), kind of input (input), number of the host call (host). */
  code = 0;
  value = 0;
  provider = 0;
  handle = 0;
  operation = 0;
  argument = 0;
  /** A view into the decoded segment, valid until the next event is read. */
  bytes: Uint8Array | undefined = undefined;
  /** Length of the payload that the event has, -1 without one: whether or not there is a view. */
  brought = -1;
  args: readonly number[] = [];
  results: readonly number[] = [];
  /** Length of a payload that is not kept (complete, host), whose checksum is `digest`; else -1. */
  missing = -1;
  digests: readonly number[] = [];
  text = "";
}

const digestOf = (record: EventRecord): number | undefined =>
  record.digest === NO_DIGEST ? undefined : record.digest;

const missingOf = ({ digest, missing }: EventRecord): { missing?: MissingPayload } =>
  missing < 0 ? {} : { missing: { length: missing, digest } };

/** Copies a record into an event that stays as it is. */
export function toSessionEvent(record: EventRecord): SessionEvent {
  const { slot, length, offset, result, nowNs } = record;
  switch (record.kind) {
    case EVENT.TURN:
      return { kind: "turn", steps: record.steps, nowNs };
    case EVENT.SUBMIT: {
      const { opcode, file, opFlags, how } = record;
      const digest = digestOf(record);
      return { kind: "submit", slot, opcode, file, length, offset, opFlags, how, digest };
    }
    case EVENT.CANCEL:
      return { kind: "cancel", slot };
    case EVENT.COMPLETE:
      return {
        kind: "complete",
        slot,
        result,
        flags: record.flags,
        bytes: record.bytes?.slice(),
        ...missingOf(record),
      };
    case EVENT.INTERRUPT:
      return { kind: "interrupt", line: record.code };
    case EVENT.EXPIRE:
      return { kind: "expire", nowNs };
    case EVENT.INPUT:
      return { kind: "input", input: record.code, value: record.value };
    case EVENT.CLOCK:
      return { kind: "clock", nowNs };
    case EVENT.HOST: {
      const { args, results } = record;
      const bytes = record.bytes?.slice();
      return { kind: "host", call: record.code, args, results, bytes, ...missingOf(record) };
    }
    case EVENT.START: {
      const { provider, handle, operation, argument } = record;
      const digest = digestOf(record);
      const range = { offset, length, argument, digest };
      return { kind: "start", slot, provider, handle, operation, ...range };
    }
    case EVENT.SETTLE:
      return { kind: "settle", slot, result, digest: digestOf(record) };
    case EVENT.MARK:
      return { kind: "mark", text: record.text };
    case EVENT.END:
      return { kind: "end", outcome: record.text };
    case EVENT.STATE:
      return { kind: "state", digests: record.digests };
    default:
      throw new RangeError(`Cannot read an event record: kind ${record.kind} is none`);
  }
}

/** Whether an event of this kind begins an operation: a limit belongs to one that has begun. */
export function beginsOperation(kind: number, opcode: number): boolean {
  return kind === EVENT.START || (kind === EVENT.SUBMIT && opcode !== OPCODE.LINK_TIMEOUT);
}

/** Whether the program caused it, as against the world outside its door. */
export function isProgramEvent(kind: EventKind): boolean {
  return (
    kind === "submit" ||
    kind === "cancel" ||
    kind === "start" ||
    kind === "settle" ||
    kind === "mark" ||
    kind === "host" ||
    kind === "clock"
  );
}
