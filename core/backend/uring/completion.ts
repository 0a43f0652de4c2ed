/**
 * What happens at completions that are not plain: requests that name files, interrupted requests
 * that are issued again, the backend's own requests, and completions that nobody waits for.
 */
import { ERRNO } from "../../errors.ts";
import { OPCODE } from "../contract.ts";
import { CQE_BUFFER, CQE_BUFFER_SHIFT, CQE_MORE } from "./abi.ts";
import { libc } from "./libc.ts";
import { endLink } from "./limits.ts";
import {
  MARK_ATTEMPTS,
  MARK_CANCELLED,
  MARK_LIMIT,
  RECORD_FILE,
  RECORD_GROUP,
  RECORD_MARKS,
  RECORD_SHIFT,
  TRAITS,
  TRAIT_CLOSES,
  TRAIT_FILE_RESULT,
  TRAIT_LOOKUP,
  TRAIT_RETRY,
} from "./requests.ts";
import type { RingQueue } from "./ring-queue.ts";
import { letGo, reissue } from "./submission.ts";
import { OWN_CANCEL, OWN_MESSAGE, isLink } from "./user-data.ts";

/** Stands for a result that must not be delivered, because the request goes on. */
export const REISSUED = 0x80000000 | 0;

/**
 * How often a request is issued again. The first is as it was; the others go to a worker thread of
 * the kernel, which can wait, except on files opened with O_NONBLOCK: there EAGAIN is the answer.
 */
const ATTEMPTS_MAX = 4;

/**
 * Does what the end (or one result) of a slot's request asks for.
 * @returns the result to deliver, with ring files in place of descriptors, or {@link REISSUED}
 */
export function finish(
  queue: RingQueue,
  slot: number,
  generation: number,
  result: number,
  flags: number,
): number {
  const { records, opcodes } = queue.requests;
  const record = slot << RECORD_SHIFT;
  const traits = TRAITS[opcodes[slot]!]!;
  const last = (flags & CQE_MORE) === 0;
  let delivered = result;
  if ((flags & CQE_BUFFER) !== 0) {
    const group = records[record + RECORD_GROUP]!;
    const buffer = flags >>> CQE_BUFFER_SHIFT;
    // A failed request may have picked a buffer before it failed. Nobody looks into that one.
    if (result < 0) queue.groups.putBack(group, buffer);
    else queue.groups.handOut(group, buffer);
  }
  if ((traits & TRAIT_LOOKUP) !== 0) {
    delivered = queue.lookups.step(slot, generation, result) ?? REISSUED;
    if (delivered === REISSUED) return REISSUED;
  } else if (result < 0) {
    delivered = failureOf(queue, slot, result);
    if (last && goesOn(queue, slot, generation, traits, delivered)) return REISSUED;
  } else if ((traits & TRAIT_FILE_RESULT) !== 0) delivered = queue.files.add(result);
  if (last) {
    letGo(queue, slot);
    if ((traits & TRAIT_CLOSES) !== 0 && closed(result)) {
      queue.files.remove(records[record + RECORD_FILE]!);
      delivered = 0;
    }
  }
  return delivered;
}

/** A failure as the layer is told of it: who ended the request decides between some of them. */
function failureOf(queue: RingQueue, slot: number, result: number): number {
  if (result !== -ERRNO.ECANCELED && result !== -ERRNO.EINTR) return result;
  // A worker thread of the kernel learns of a cancellation by a signal: that is what it was.
  if (queue.requests.isMarked(slot, MARK_CANCELLED)) return -ERRNO.ECANCELED;
  return queue.requests.isMarked(slot, MARK_LIMIT) ? -ERRNO.ETIME : result;
}

/** Issues a request again that was interrupted or not ready. @returns whether that was so */
function goesOn(
  queue: RingQueue,
  slot: number,
  generation: number,
  traits: number,
  result: number,
): boolean {
  if (result !== -ERRNO.EINTR && result !== -ERRNO.EAGAIN) return false;
  if ((traits & TRAIT_RETRY) === 0 || !queue.requests.mayRetry(slot)) return false;
  const { records } = queue.requests;
  const at = (slot << RECORD_SHIFT) + RECORD_MARKS;
  if ((records[at]! & MARK_ATTEMPTS) >= ATTEMPTS_MAX) return false;
  const attempts = ++records[at]! & MARK_ATTEMPTS;
  reissue(queue, slot, generation, attempts > 1);
  return true;
}

/** Takes a completion whose slot does not wait for it. */
export function unexpected(
  queue: RingQueue,
  slot: number,
  generation: number,
  result: number,
  flags: number,
): void {
  const last = (flags & CQE_MORE) === 0;
  if (slot < 0) {
    if (last && slot !== OWN_MESSAGE) queue.ownInFlight--;
    if (isLink(slot)) endLink(queue, slot, generation, result);
    else if (slot !== OWN_CANCEL) queue.onOwn(slot, generation, result);
    return;
  }
  queue.counters.stale++;
  const orphan = queue.requests.findOrphan(slot, generation, last);
  if (orphan === undefined) return;
  if (orphan.opcode === OPCODE.LOOKUP) queue.lookups.forget(slot, generation);
  const traits = TRAITS[orphan.opcode]!;
  // Nobody will ever know of this descriptor.
  if (result >= 0 && (traits & TRAIT_FILE_RESULT) !== 0) libc().close(result);
  if ((flags & CQE_BUFFER) !== 0) {
    queue.groups.putBack(orphan.group, flags >>> CQE_BUFFER_SHIFT);
  }
  if (!last) return;
  queue.inFlight--;
  queue.files.letGo(orphan.file);
  queue.files.letGo(orphan.from);
  queue.groups.letGo(orphan.group);
  if ((traits & TRAIT_CLOSES) !== 0 && closed(result)) queue.files.remove(orphan.file);
}

/** An interrupted close has closed the descriptor (Linux). */
function closed(result: number): boolean {
  return result >= 0 || result === -ERRNO.EINTR;
}
