/**
 * Writes requests that name something (files, memory, positions) into submission entries, and keeps
 * what is needed to issue them again. NOP, which names nothing, does not come here.
 */
import { HOW, OPCODE, groupOf } from "../contract.ts";
import {
  AT_FDCWD,
  ENTRY,
  ENTRY_ASYNC,
  ENTRY_BUFFER_SELECT,
  ENTRY_PRIORITY_SHIFT,
  O_CLOEXEC,
  SOCK_CLOEXEC,
  TRANSFER_MAX_BYTES,
} from "./abi.ts";
import { putAtHand } from "./at-hand.ts";
import { limitAgain } from "./limits.ts";
import { passAsNop } from "./lookups.ts";
import {
  MARK_FROM,
  MARK_GROUP,
  MARK_LIMIT,
  MARK_REGION,
  RECORD_FILE,
  RECORD_FROM,
  RECORD_GROUP,
  RECORD_MARKS,
  RECORD_SHIFT,
  TRAITS,
  TRAIT_AT_HAND,
  TRAIT_CLOSES,
  TRAIT_DIRECTORY,
  TRAIT_LOOKUP,
  TRAIT_SPECIAL,
  TRAIT_TRANSFER,
} from "./requests.ts";
import type { RingQueue } from "./ring-queue.ts";
import { putWide } from "./wide-words.ts";

/** Words that an entry and its record have in common. */
const COMMON_WORDS = 8;

/**
 * Lets a request into a slot that does not look free.
 * @throws {RangeError} for a slot outside the table
 * @throws {Error} when the slot's request of the same generation is in flight
 */
export function admit(queue: RingQueue, slot: number, generation: number): void {
  const { requests } = queue;
  if (!(Number.isInteger(slot) && slot >= 0 && slot < requests.slots)) {
    throw new RangeError(
      `Cannot prepare a request: slot must be from 0 to ${requests.slots - 1}: found ${slot}`,
    );
  }
  if (requests.holds(slot, generation)) {
    throw new Error(
      `Cannot prepare a request for slot ${slot}: its request of generation ${generation} is in ` +
        "flight, and a slot has one request at a time",
    );
  }
  requests.orphan(slot);
}

/**
 * Fills a submission entry except for its user data, and the slot's record. The words behind the
 * user data are filled by everybody but NOP, which has no use for them, so that nothing of an
 * entry's former life is left.
 * @throws {RangeError} for a position beyond 2^52, or a group that is not open
 */
export function describe(
  queue: RingQueue,
  at: number,
  opcode: number,
  slot: number,
  file: number,
  address: number,
  length: number,
  offset: number,
  opFlags: number,
  how: number,
): void {
  const traits = TRAITS[opcode]!;
  const { entries, files, requests } = queue;
  if ((traits & TRAIT_CLOSES) !== 0) files.assertClosable(file);
  const group = (how & HOW.BUFFER_SELECT) === 0 ? -1 : queue.groups.require(groupOf(how));
  const record = slot << RECORD_SHIFT;
  const { records } = requests;
  entries[at] = opcode | (how << ENTRY_PRIORITY_SHIFT);
  entries[at + ENTRY.FD] =
    file < 0 && (traits & TRAIT_DIRECTORY) !== 0 ? AT_FDCWD : files.fdOf(file);
  putWide(queue, at + ENTRY.OFFSET, offset);
  putWide(queue, at + ENTRY.ADDRESS, address);
  entries[at + ENTRY.LENGTH] =
    length > TRANSFER_MAX_BYTES && (traits & TRAIT_TRANSFER) !== 0 ? TRANSFER_MAX_BYTES : length;
  entries[at + ENTRY.OP_FLAGS] = opFlags;
  entries[at + ENTRY.BUFFER] = 0;
  entries[at + ENTRY.FILE_INDEX] = 0;
  records[record + RECORD_FILE] = files.hold(file);
  records[record + RECORD_MARKS] = 0;
  if (group !== -1) {
    entries[at]! |= ENTRY_BUFFER_SELECT;
    entries[at + ENTRY.BUFFER] = group;
    records[record + RECORD_GROUP] = queue.groups.hold(group);
    records[record + RECORD_MARKS] = MARK_GROUP;
  }
  if ((traits & TRAIT_AT_HAND) !== 0 && group === -1 && file >= 0) {
    const registered = files.atHand[file]!;
    if (registered >= 0) {
      const region = putAtHand(queue.atHand, entries, at, opcode, registered, address);
      records[record + RECORD_GROUP] = region;
      if (region >= 0) records[record + RECORD_MARKS] = MARK_REGION;
    }
  }
  if ((traits & TRAIT_SPECIAL) !== 0) {
    describeSpecial(queue, at, opcode, record, address, offset, opFlags);
  }
  for (let word = 0; word < COMMON_WORDS; word++) records[record + word] = entries[at + word]!;
  if ((traits & TRAIT_LOOKUP) !== 0) passAsNop(entries, at);
}

/**
 * Opcodes whose words differ. New descriptors never survive exec(2).
 *
 * - SOCKET: `address` is the domain, `offset` the type, `length` the protocol.
 * - SPLICE, TEE: `file` is the output and `opFlags` the ring file of the input; `offset` and
 *   `address` are the positions in them, -1 for a pipe. TEE has no positions.
 */
function describeSpecial(
  queue: RingQueue,
  at: number,
  opcode: number,
  record: number,
  address: number,
  offset: number,
  from: number,
): void {
  const { entries, files } = queue;
  switch (opcode) {
    case OPCODE.OPENAT:
      entries[at + ENTRY.OP_FLAGS]! |= O_CLOEXEC;
      return;
    case OPCODE.ACCEPT:
      entries[at + ENTRY.OP_FLAGS]! |= SOCK_CLOEXEC;
      return;
    case OPCODE.SOCKET:
      entries[at + ENTRY.FD] = address;
      putWide(queue, at + ENTRY.OFFSET, offset | SOCK_CLOEXEC);
      putWide(queue, at + ENTRY.ADDRESS, 0);
      return;
    default:
      if (opcode === OPCODE.TEE) {
        putWide(queue, at + ENTRY.OFFSET, 0);
        putWide(queue, at + ENTRY.ADDRESS, 0);
      }
      entries[at + ENTRY.OP_FLAGS] = 0;
      entries[at + ENTRY.FILE_INDEX] = files.fdOf(from);
      queue.requests.records[record + RECORD_FROM] = files.hold(from);
      queue.requests.records[record + RECORD_MARKS]! |= MARK_FROM;
  }
}

/**
 * Issues a slot's request once more, exactly as it was.
 * @param later leave it to a worker thread of the kernel, which may wait where we may not
 */
export function reissue(queue: RingQueue, slot: number, generation: number, later: boolean): void {
  const at = queue.take(slot, generation);
  const record = slot << RECORD_SHIFT;
  const { records } = queue.requests;
  const { entries, files } = queue;
  for (let word = 0; word < COMMON_WORDS; word++) entries[at + word] = records[record + word]!;
  // What has a priority word may complete several times, which workers cannot.
  if (later && entries[at]! >>> ENTRY_PRIORITY_SHIFT === 0) entries[at]! |= ENTRY_ASYNC;
  const marks = records[record + RECORD_MARKS]!;
  const from = (marks & MARK_FROM) === 0 ? 0 : files.fdOf(records[record + RECORD_FROM]!);
  entries[at + ENTRY.FILE_INDEX] = from;
  entries[at + ENTRY.BUFFER] =
    (marks & (MARK_GROUP | MARK_REGION)) === 0 ? 0 : records[record + RECORD_GROUP]!;
  if ((marks & MARK_LIMIT) !== 0) limitAgain(queue, slot, generation, at);
}

/** Ends what {@link describe} noted about the files and the group of a slot's request. */
export function letGo({ requests, files, groups }: RingQueue, slot: number): void {
  const { records } = requests;
  const record = slot << RECORD_SHIFT;
  files.letGo(records[record + RECORD_FILE]!);
  const marks = records[record + RECORD_MARKS]!;
  if ((marks & MARK_FROM) !== 0) files.letGo(records[record + RECORD_FROM]!);
  if ((marks & MARK_GROUP) !== 0) groups.letGo(records[record + RECORD_GROUP]!);
}
