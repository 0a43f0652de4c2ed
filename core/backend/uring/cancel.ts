/**
 * The forms of cancellation: one request, all of a file, all there are; by a request of its own or,
 * where the kernel can (6.0), at once. Cancelling is a request too: what it asks for may have ended
 * (-ENOENT) or may not be stoppable any more (-EALREADY), and either way the target's own
 * completion tells how it ended.
 */
import { ptr } from "bun:ffi";

import { NS_PER_SECOND } from "../../clock.ts";
import { ERRNO } from "../../errors.ts";
import { OPCODE } from "../contract.ts";
import {
  CANCEL_ALL,
  CANCEL_ANY,
  CANCEL_FD,
  ENTRY,
  REGISTER_SYNC_CANCEL,
  SYNC_CANCEL_BYTES,
} from "./abi.ts";
import type { RegisterCall } from "./registration.ts";
import { IDLE } from "./requests.ts";
import type { RequestName } from "./requests.ts";
import type { RingQueue } from "./ring-queue.ts";
import { OWN_CANCEL, OWN_PROBE } from "./user-data.ts";

/** What the running kernel can do about cancellation. */
export interface CancelFeatures {
  /** ASYNC_CANCEL by file and in bulk (5.19). */
  readonly bulk: boolean;
  /** IORING_REGISTER_SYNC_CANCEL (6.0). */
  readonly sync: boolean;
}

/** Asks for the end of one request. Nothing happens if it is not in flight or was asked before. */
export function cancelOne(queue: RingQueue, slot: number, generation: number): void {
  const { requests } = queue;
  if (!requests.holds(slot, generation) || requests.markCancelled(slot)) return;
  if (queue.lookups.cancel(slot, generation | 0)) return;
  sendCancel(queue, slot, generation);
}

/** Asks for the end of every request on a ring file. */
export function cancelFile(queue: RingQueue, features: CancelFeatures, file: number): void {
  const fd = queue.files.fdOf(file);
  const found = queue.requests.markInFlight(file);
  if (fd === -1 || found.length === 0) return;
  // A registered file's requests do not name the descriptor.
  const registered = queue.files.atHand[file]! >= 0;
  if (!features.bulk || registered) return cancelEach(queue, found);
  const at = queue.takeOwn(OWN_CANCEL, 0);
  queue.entries[at] = OPCODE.ASYNC_CANCEL;
  queue.entries[at + ENTRY.FD] = fd;
  queue.entries[at + ENTRY.OP_FLAGS] = CANCEL_FD | CANCEL_ALL;
}

/** Asks for the end of every request, the backend's own included. */
export function cancelAll(queue: RingQueue, features: CancelFeatures): void {
  const found = queue.requests.markInFlight(undefined);
  queue.lookups.cancelAll();
  if (!features.bulk) return cancelEach(queue, found);
  const at = queue.takeOwn(OWN_CANCEL, 0);
  queue.entries[at] = OPCODE.ASYNC_CANCEL;
  queue.entries[at + ENTRY.OP_FLAGS] = CANCEL_ANY | CANCEL_ALL;
}

/**
 * Ends one request at once, or tells why not. Its completion is delivered by the next poll.
 * @param timeoutNs patience for a request that is running
 * @returns 0, or a negative error number: -ENOENT, -ETIME
 */
export function cancelSync(
  queue: RingQueue,
  slot: number,
  generation: number,
  timeoutNs: number,
): number {
  if (!queue.requests.holds(slot, generation)) return -ERRNO.ENOENT;
  queue.requests.markCancelled(slot);
  if (queue.lookups.cancel(slot, generation | 0)) return 0;
  // What is prepared but not handed over could not be found.
  queue.enter(0);
  return registerSyncCancel(queue.register, slot, generation, timeoutNs);
}

/** Whether the kernel cancels at once: asked about a request that cannot exist. */
export function probeSyncCancel({ register }: RingQueue): boolean {
  return registerSyncCancel(register, IDLE, IDLE, 0) === -ERRNO.ENOENT;
}

/** Asks for the end of everything on a ring that has nothing: is that understood? */
export function sendBulkProbe(queue: RingQueue): void {
  const at = queue.takeOwn(OWN_PROBE, 0);
  queue.entries[at] = OPCODE.ASYNC_CANCEL;
  queue.entries[at + ENTRY.OP_FLAGS] = CANCEL_ANY | CANCEL_ALL;
}

function cancelEach(queue: RingQueue, requests: readonly RequestName[]): void {
  for (const { slot, generation } of requests) sendCancel(queue, slot, generation);
}

/** Asks the kernel for the end of a request, and tells nobody. */
export function sendCancel(queue: RingQueue, slot: number, generation: number): void {
  const at = queue.takeOwn(OWN_CANCEL, 0);
  queue.entries[at] = OPCODE.ASYNC_CANCEL;
  queue.entries[at + ENTRY.ADDRESS] = slot;
  queue.entries[at + ENTRY.ADDRESS + 1] = generation;
}

/** struct io_uring_sync_cancel_reg: user data, fd, flags, timespec (-1, -1 for none), padding. */
function registerSyncCancel(
  register: RegisterCall,
  slot: number,
  generation: number,
  timeoutNs: number,
): number {
  const words = new Int32Array(new ArrayBuffer(SYNC_CANCEL_BYTES));
  words[0] = slot;
  words[1] = generation;
  words[2] = -1;
  words[4] = Math.floor(timeoutNs / NS_PER_SECOND);
  words[6] = timeoutNs % NS_PER_SECOND;
  return Math.min(0, register(REGISTER_SYNC_CANCEL, ptr(words), 1));
}
