/**
 * Linked timeouts: the kernel's own limit of one request. The timeout is an entry right behind the
 * request's, and both must be taken in one system call, or the timeout is refused for being linked
 * to nothing.
 *
 * Which of the two completes first is undefined (on 6.18 the timeout does), so its completion is
 * ignored: a request that ends cancelled although nobody asked for that was ended by its limit.
 */
import { NS_PER_SECOND } from "../../clock.ts";
import { ERRNO, ReelError } from "../../errors.ts";
import { OPCODE } from "../contract.ts";
import { ENTRY, ENTRY_LINK, ENTRY_WORDS_SHIFT } from "./abi.ts";
import { sendCancel } from "./cancel.ts";
import { MARK_LIMIT, RECORD_LIMIT, RECORD_MARKS, RECORD_SHIFT } from "./requests.ts";
import type { RingQueue } from "./ring-queue.ts";
import { LONGEST_SECONDS } from "./time-argument.ts";
import { ownLink, slotOfLink } from "./user-data.ts";
import { putWide } from "./wide-words.ts";

/**
 * Limits the request that was prepared last.
 * @throws {RangeError} for a time that is not one
 * @throws {Error} when the slot's request is not the last one, or was handed over
 * @throws {ReelError} ERR_UNSUPPORTED for a look-up, which the kernel knows nothing of
 */
export function limitLast(
  queue: RingQueue,
  slot: number,
  generation: number,
  timeoutNs: number,
): void {
  if (!(timeoutNs >= 0)) {
    throw new RangeError(`Cannot limit a request to ${timeoutNs} ns: give 0 or more`);
  }
  const { entries, requests } = queue;
  const at = ((queue.tail - 1) & queue.mask) << ENTRY_WORDS_SHIFT;
  const last = queue.tail !== queue.head && entries[at + ENTRY.USER_DATA] === slot;
  if (!last || entries[at + ENTRY.USER_DATA + 1] !== (generation | 0)) {
    throw new Error(
      `Cannot limit the request of slot ${slot}: it is not the one that was prepared last`,
    );
  }
  if (requests.opcodes[slot] === OPCODE.LOOKUP) {
    throw new ReelError("ERR_UNSUPPORTED", "Cannot limit a look-up by a timeout of the kernel's", {
      mend: "Limit it by a deadline of the session's",
    });
  }
  makeRoomBehind(queue);
  entries[at]! |= ENTRY_LINK;
  const seconds = Math.min(Math.floor(timeoutNs / NS_PER_SECOND), LONGEST_SECONDS);
  const record = slot << RECORD_SHIFT;
  requests.records[record + RECORD_MARKS]! |= MARK_LIMIT;
  requests.records[record + RECORD_LIMIT] = seconds;
  requests.records[record + RECORD_LIMIT + 1] =
    seconds === LONGEST_SECONDS ? 0 : timeoutNs - seconds * NS_PER_SECOND;
  appendTimeout(queue, slot, generation);
}

/** Limits a request anew that was just issued again, with all of its time. */
export function limitAgain(queue: RingQueue, slot: number, generation: number, at: number): void {
  makeRoomBehind(queue);
  queue.entries[at]! |= ENTRY_LINK;
  appendTimeout(queue, slot, generation);
}

/**
 * Takes the end of a timeout. One that was parted from its request, because the kernel ran out of
 * memory between the two, leaves a request without a limit: better an early end than none.
 */
export function endLink(queue: RingQueue, kind: number, generation: number, result: number): void {
  const slot = slotOfLink(kind);
  if (result === -ERRNO.EINVAL && queue.requests.holds(slot, generation)) {
    sendCancel(queue, slot, generation);
  }
}

/** Makes room for one more entry without handing over the last one: it waits for its timeout. */
function makeRoomBehind(queue: RingQueue): void {
  if (((queue.tail - queue.head) | 0) < queue.capacity) return;
  queue.tail = (queue.tail - 1) | 0;
  try {
    queue.enter(0);
  } finally {
    // The entry is where it was: places are taken by counting, and the count is as before.
    queue.tail = (queue.tail + 1) | 0;
  }
}

/** Prepares the timeout. Its time lies in memory that belongs to the entry's place. */
function appendTimeout(queue: RingQueue, slot: number, generation: number): void {
  const { entries, limitTimes } = queue;
  const place = queue.tail & queue.mask;
  const at = queue.takeOwn(ownLink(slot), generation);
  const record = (slot << RECORD_SHIFT) + RECORD_LIMIT;
  const { records } = queue.requests;
  entries[at] = OPCODE.LINK_TIMEOUT;
  entries[at + ENTRY.LENGTH] = 1;
  putWide(queue, at + ENTRY.ADDRESS, limitTimes.set(place, records[record]!, records[record + 1]!));
}
