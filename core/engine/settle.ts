/**
 * How an operation ends: exactly one terminal state, everything it held given back, its outcome
 * queued for delivery. Cancelling is always a request: whoever waits inside ioreel leaves its queue
 * at once, whoever has a request in the kernel waits for its completion. Outcomes are delivered after the batch, never from inside it, so a program's
 * reaction cannot re-enter the engine.
 */
import { ERRNO } from "../errors.ts";
import {
  BUFFER,
  BUFFER_AT,
  BYTES_F64,
  CHILDREN,
  END,
  FLAGS,
  FLAG_CANCEL,
  FLAG_DEADLINE,
  FLAG_DELIVERED,
  FLAG_AUTO_RELEASE,
  FLAG_FAULT,
  FLAG_FORK_FAILED,
  FLAG_READ,
  GENERATION,
  HEADER_SHIFT,
  HELD,
  IN_FLIGHT,
  LENGTH,
  LIST,
  PARENT,
  RESULT,
  STATE,
  TERMINAL,
  TOP,
  WAIT,
  WAIT_CHILDREN,
  WAIT_INTERRUPT,
  WAIT_LOCK,
  WAIT_NOTHING,
  WAIT_QUEUE,
  WAIT_READY,
  WAIT_RING,
  WAIT_TIMER,
  LIST_KIND_INTERRUPT,
} from "../descriptor/layout.ts";
import type { EngineState } from "./state.ts";

/** Puts a waiting slot on the ready list with the result that its layer will see. */
export function makeReady(e: EngineState, slot: number, result: number): void {
  const header = slot << HEADER_SHIFT;
  leaveWaits(e, slot);
  e.i32[header + RESULT] = result;
  e.i32[header + WAIT] = WAIT_READY;
  e.lists.append(e.ready, slot);
}

/** Unlinks a slot from the list and the deadline that it waits on, and masks a line nobody wants. */
export function leaveWaits(e: EngineState, slot: number): void {
  const header = slot << HEADER_SHIFT;
  if ((e.i32[header + FLAGS]! & FLAG_DEADLINE) !== 0) {
    e.deadlines.remove(slot);
    e.i32[header + FLAGS] = e.i32[header + FLAGS]! & ~FLAG_DEADLINE;
  }
  if (e.i32[header + LIST] !== -1) {
    const list = e.lists.unlink(slot);
    if (e.lists.kind(list) === LIST_KIND_INTERRUPT && e.lists.count(list) === 0) {
      e.backend.machine?.interrupts.disable(list);
    }
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

/** Runs the `cancel` of every frame from the top, pops them all, and settles. */
export function unwind(e: EngineState, slot: number, result: number): void {
  const header = slot << HEADER_SHIFT;
  const cx = e.context;
  cx.enter(slot);
  while (e.i32[header + TOP] !== 0) {
    const base = e.i32[header + TOP]!;
    const entry = e.layers[e.stacks.layerOf(base)]!;
    if (entry.layer.cancel !== undefined) {
      entry.view.$base = base;
      try {
        entry.layer.cancel(entry.view, cx);
      } catch (error) {
        keepFault(e, slot, error);
      }
    }
    e.stacks.pop(slot);
  }
  settle(e, slot, result);
}

/** Notes that a layer broke the rules; the first error of an operation is kept. */
export function keepFault(e: EngineState, slot: number, error: unknown): void {
  const header = slot << HEADER_SHIFT;
  e.counters.faults++;
  if (!e.faults.has(slot)) e.faults.set(slot, error);
  e.i32[header + FLAGS] = e.i32[header + FLAGS]! | FLAG_FAULT;
}

/** Makes an operation terminal. Its stack is empty. */
export function settle(e: EngineState, slot: number, result: number): void {
  const i32 = e.i32;
  const header = slot << HEADER_SHIFT;
  leaveWaits(e, slot);
  while (i32[header + HELD] !== -1) releaseLock(e, i32[header + HELD]!);
  i32[header + STATE] = TERMINAL;
  i32[header + WAIT] = WAIT_NOTHING;
  i32[header + RESULT] = result;
  e.counters.settled++;
  if (i32[header + PARENT] !== -1) {
    settleChild(e, slot, result);
    return;
  }
  const buffer = i32[header + BUFFER]!;
  const bytes = e.f64[(slot << (HEADER_SHIFT - 1)) + BYTES_F64]!;
  if (buffer !== 0) {
    const write = (i32[header + FLAGS]! & FLAG_READ) !== 0;
    e.pool.get(buffer).settle(write, i32[header + BUFFER_AT]!, bytes);
  }
  e.ends.addInFlight(i32[header + END]!, -1);
  if (e.tap !== undefined) tapSettle(e, slot, result, bytes);
  e.settledQueue[e.settledTail] = slot;
  e.settledTail = (e.settledTail + 1) & (e.settledQueue.length - 1);
}

function tapSettle(e: EngineState, slot: number, result: number, bytes: number): void {
  const header = slot << HEADER_SHIFT;
  const reads = (e.i32[header + FLAGS]! & FLAG_READ) !== 0;
  const buffer = e.i32[header + BUFFER]!;
  const at = e.i32[header + BUFFER_AT]!;
  const brought =
    reads && buffer !== 0
      ? e.pool.get(buffer).block.bytes.subarray(at, at + Math.min(bytes, e.i32[header + LENGTH]!))
      : undefined;
  e.tap!.settle(slot, result < 0 ? result : bytes, brought);
}

function settleChild(e: EngineState, slot: number, result: number): void {
  const i32 = e.i32;
  const parent = i32[(slot << HEADER_SHIFT) + PARENT]!;
  const header = parent << HEADER_SHIFT;
  const bytes = e.f64[(slot << (HEADER_SHIFT - 1)) + BYTES_F64]!;
  if (e.faults.has(slot)) {
    keepFault(e, parent, e.faults.get(slot));
    e.faults.delete(slot);
  }
  e.table.release(slot);
  const left = i32[header + CHILDREN]! - 1;
  i32[header + CHILDREN] = left;
  const failed = (i32[header + FLAGS]! & FLAG_FORK_FAILED) !== 0;
  if (result < 0 && !failed) {
    i32[header + FLAGS] = i32[header + FLAGS]! | FLAG_FORK_FAILED;
    i32[header + RESULT] = result;
    cancelChildren(e, parent);
  } else if (result >= 0 && !failed) {
    i32[header + RESULT] = i32[header + RESULT]! + bytes;
  }
  if (left === 0 && i32[header + WAIT] === WAIT_CHILDREN) {
    i32[header + FLAGS] = i32[header + FLAGS]! & ~FLAG_FORK_FAILED;
    makeReady(e, parent, i32[header + RESULT]!);
  }
}

/**
 * Hands out the outcomes of the batch, in the order in which operations became terminal.
 * @returns how many
 */
export function deliver(e: EngineState): number {
  const queue = e.settledQueue;
  const mask = queue.length - 1;
  let count = 0;
  while (e.settledHead !== e.settledTail) {
    const slot = queue[e.settledHead]!;
    e.settledHead = (e.settledHead + 1) & mask;
    const header = slot << HEADER_SHIFT;
    const flags = e.i32[header + FLAGS]! | FLAG_DELIVERED;
    e.i32[header + FLAGS] = flags;
    const settler = e.settlers[slot];
    const handle = e.table.handleOf(slot);
    const result = e.i32[header + RESULT]!;
    const bytes = e.f64[(slot << (HEADER_SHIFT - 1)) + BYTES_F64]!;
    e.deliveredFault = (flags & FLAG_FAULT) !== 0 ? e.faults.get(slot) : undefined;
    if ((flags & FLAG_AUTO_RELEASE) !== 0) release(e, slot);
    if (settler !== undefined) settler.settled(handle, result, bytes);
    count++;
  }
  return count;
}

/** Frees a terminal slot. */
export function release(e: EngineState, slot: number): void {
  e.settlers[slot] = undefined;
  if ((e.i32[(slot << HEADER_SHIFT) + FLAGS]! & FLAG_FAULT) !== 0) e.faults.delete(slot);
  e.table.release(slot);
}

/** The result of an operation whose cancellation succeeded. */
export const CANCELLED_RESULT = -ERRNO.ECANCELED;

/**
 * Asks for an operation's cancellation. Terminal, cancelled before or too late: no effect.
 */
export function cancel(e: EngineState, slot: number): void {
  const header = slot << HEADER_SHIFT;
  if (e.i32[header + STATE] !== IN_FLIGHT) return;
  if ((e.i32[header + FLAGS]! & FLAG_CANCEL) !== 0) return;
  e.i32[header + FLAGS] = e.i32[header + FLAGS]! | FLAG_CANCEL;
  switch (e.i32[header + WAIT]) {
    case WAIT_RING:
      e.backend.ring!.cancel(slot, e.i32[header + GENERATION]!);
      break;
    case WAIT_INTERRUPT:
    case WAIT_LOCK:
    case WAIT_QUEUE:
    case WAIT_TIMER:
      unwind(e, slot, CANCELLED_RESULT);
      break;
    case WAIT_CHILDREN:
      cancelChildren(e, slot);
      break;
    default:
    // It is about to run: the engine looks at the flag before its next wait.
  }
}

/** Asks for the cancellation of all forks of an operation. */
export function cancelChildren(e: EngineState, parent: number): void {
  for (let slot = 0; slot < e.table.slots; slot++) {
    const header = slot << HEADER_SHIFT;
    if (e.i32[header + STATE] === IN_FLIGHT && e.i32[header + PARENT] === parent) cancel(e, slot);
  }
}
