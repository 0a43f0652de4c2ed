/** How waits end: leaving the list and the deadline, and getting onto the ready list. */
import {
  FLAGS,
  FLAG_DEADLINE,
  HEADER_SHIFT,
  LIST,
  LIST_KIND_INTERRUPT,
  LIST_KIND_QUEUE,
  RESULT,
  WAIT,
  WAIT_READY,
} from "../descriptor/layout.ts";
import type { WaitQueue } from "../provider/layer.ts";
import type { EngineState } from "./state.ts";

/** Puts a waiting slot on the ready list with the result that its layer will see. */
export function makeReady(e: EngineState, slot: number, result: number): void {
  const header = slot << HEADER_SHIFT;
  leaveWaits(e, slot);
  e.i32[header + RESULT] = result;
  e.i32[header + WAIT] = WAIT_READY;
  e.lists.append(e.ready, slot);
}

/** Takes a slot out of the list and the deadline that it waits on; masks a line nobody wants. */
export function leaveWaits(e: EngineState, slot: number): void {
  const i32 = e.i32;
  const header = slot << HEADER_SHIFT;
  if ((i32[header + FLAGS]! & FLAG_DEADLINE) !== 0) {
    e.deadlines.remove(slot);
    i32[header + FLAGS] = i32[header + FLAGS]! & ~FLAG_DEADLINE;
  }
  if (i32[header + LIST] === -1) return;
  const list = e.lists.unlink(slot);
  if (e.lists.kind(list) !== LIST_KIND_INTERRUPT || e.lists.count(list) > 0) return;
  // A line that a driver serves stays enabled, whether somebody waits for it or not.
  if (e.interruptServices[list] === undefined) {
    e.backend.machine?.interrupts.disable(list);
  }
}

/** Gives a lock back: the first in its queue owns it from this moment. */
export function releaseLock(e: EngineState, lock: number): void {
  e.lists.disown(lock);
  const next = e.lists.first(lock);
  if (next === -1) return;
  makeReady(e, next, 0);
  e.lists.own(lock, next);
}

/** Wakes the first that waits in a queue. @returns whether there was one */
export function wakeFirst(e: EngineState, queue: WaitQueue, result: number): boolean {
  requireQueue(e, queue, result);
  const slot = e.lists.first(queue);
  if (slot === -1) return false;
  makeReady(e, slot, result);
  return true;
}

/** Wakes all that wait in a queue at this moment. @returns how many */
export function wakeAll(e: EngineState, queue: WaitQueue, result: number): number {
  requireQueue(e, queue, result);
  const count = e.lists.count(queue);
  for (let i = 0; i < count; i++) makeReady(e, e.lists.first(queue), result);
  return count;
}

function requireQueue(e: EngineState, queue: WaitQueue, result: number): void {
  requireList(e, queue, LIST_KIND_QUEUE, "queue");
  // The numbers at the very bottom are the engine's own: see RESULT_BEGIN.
  if ((result | 0) !== result || result < -0x7ffffff0) {
    throw new RangeError(`Cannot wake with ${result}: give a whole number of 32 bits`);
  }
}

/** @throws {RangeError} when there is no such list of this kind */
export function requireList(e: EngineState, list: number, kind: number, word: string): void {
  if (e.lists.is(list, kind)) return;
  throw new RangeError(`Cannot use ${word} ${list}: the driver has no such ${word}`);
}
