/** One operation of a recording, as exports see it, whichever backend recorded it. */
import { OPCODE } from "../../backend/contract.ts";
import { nameOpcode } from "../describe.ts";
import type { EventRecord } from "../event.ts";
import { NO_DIGEST } from "../event.ts";
import type { End } from "./ends.ts";

/** Names of what ring requests do, as providers name their operations. */
const ACTIONS = new Map<number, string>([
  [OPCODE.READ, "read"],
  [OPCODE.READ_FIXED, "read"],
  [OPCODE.RECV, "read"],
  [OPCODE.WRITE, "write"],
  [OPCODE.WRITE_FIXED, "write"],
  [OPCODE.SEND, "write"],
  [OPCODE.SEND_ZC, "write"],
  [OPCODE.FSYNC, "flush"],
  [OPCODE.FALLOCATE, "discard"],
  [OPCODE.ACCEPT, "accept"],
  [OPCODE.CONNECT, "connect"],
  [OPCODE.SHUTDOWN, "end"],
  [OPCODE.TIMEOUT, "read"],
]);

/** What a ring request does: `read`, or its opcode's name in small letters. */
export function actionOf(opcode: number): string {
  return ACTIONS.get(opcode) ?? nameOpcode(opcode).toLowerCase();
}

/** The slot of an operation: filled anew for each that begins in it. */
export class Operation {
  /** From 1, in the order of beginnings: the recording's own count. */
  number = 0;
  slot = 0;
  end!: End;
  /** Whether it is a request to a ring, as against an operation of a provider. */
  isRing = false;
  action = "";
  /** Number of the event with which it began, and when. */
  sequence = 0;
  beginNs = 0;
  /** Number of the event with its latest result. */
  resultSequence = 0;
  /** Bytes asked for, 0 where the other side decides. */
  length = 0;
  offset = 0;
  /** Flags of a ring request, the operation's own number of a provider's operation. */
  argument = 0;
  /** CRC-32 of what it writes, or NO_DIGEST. */
  digest = NO_DIGEST;
  /** Bytes that its results brought so far. */
  movedBytes = 0;
  inFlight = false;
  /** Whether it is one of those that the export wants. */
  wanted = false;

  /** Takes over what an event says of the operation that it begins. */
  begin(record: EventRecord, end: End, action: string): void {
    this.slot = record.slot;
    this.end = end;
    this.action = action;
    this.length = record.length;
    this.offset = record.offset;
    this.digest = record.digest;
    this.movedBytes = 0;
    this.inFlight = true;
  }

  /** Whether its results count bytes. */
  get moves(): boolean {
    return this.action === "read" || this.action === "write";
  }
}
