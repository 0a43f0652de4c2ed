/** What a verifier compares with: checksums, numbers and bytes that are the same. */
import { OPCODE } from "../backend/contract.ts";
import { NO_DIGEST } from "./event.ts";
import type { EventRecord } from "./event.ts";

/** The checksum of a payload, NO_DIGEST for none. */
export const digestOf = (bytes: Uint8Array | undefined): number =>
  bytes === undefined ? NO_DIGEST : Bun.hash.crc32(bytes);
/** A checksum as events of people have it. */
export const optional = (digest: number): number | undefined =>
  digest === NO_DIGEST ? undefined : digest;

export function sameNumbers(left: readonly number[], right: readonly number[]): boolean {
  if (left.length !== right.length) return false;
  for (let i = 0; i < left.length; i++) if (left[i] !== right[i]) return false;
  return true;
}

export function sameBytes(left: Uint8Array | undefined, right: Uint8Array | undefined): boolean {
  if (left === undefined || right === undefined) return left === right;
  return left.length === right.length && Buffer.compare(left, right) === 0;
}

/** Whether a payload is the recorded one, or has the checksum that was recorded in its place. */
export function samePayload(recorded: EventRecord, bytes: Uint8Array | undefined): boolean {
  if (recorded.missing < 0) return sameBytes(recorded.bytes, bytes);
  return bytes?.length === recorded.missing && digestOf(bytes) === recorded.digest;
}

/** Whether what goes out is as recorded. Recordings of format 1 kept no length of a discard. */
export function sameDigest(recorded: EventRecord, digest: number): boolean {
  const isOldDiscard = recorded.opcode === OPCODE.FALLOCATE && recorded.digest === NO_DIGEST;
  return recorded.digest === digest || isOldDiscard;
}
