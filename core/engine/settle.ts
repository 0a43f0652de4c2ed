/**
 * How an operation ends: exactly one terminal state, everything it held given back, its outcome
 * queued for delivery. Cancelling is always a request: whoever waits inside ioreel leaves its queue
 * at once, whoever has a request in the kernel waits for its completion.
 */
import {
  BUFFER,
  BYTES_F64,
  CHILDREN,
  COUNT_FAULTS,
  DOUBLE_SHIFT,
  END,
  END_IN_FLIGHT,
  END_SHIFT,
  FLAGS,
  FLAG_BROUGHT,
  FLAG_CANCEL,
  FLAG_DISARMED,
  FLAG_ENDING,
  FLAG_FAULT,
  FLAG_FINISHING,
  FLAG_FORK_FAILED,
  FLAG_TIMED_OUT,
  GENERATION,
  HEADER_SHIFT,
  HELD,
  IN_FLIGHT,
  LAYER,
  PARENT,
  RESULT,
  STATE,
  SUM_F64,
  TERMINAL,
  TOP,
  WAIT,
  WAIT_CHILDREN,
  WAIT_INTERRUPT,
  WAIT_LOCK,
  WAIT_NOTHING,
  WAIT_QUEUE,
  WAIT_RING,
  WAIT_TIMER,
} from "../descriptor/layout.ts";
import { REEL_ERROR_NUMBERS } from "../errors.ts";
import { endsTheRun, halt } from "./halt.ts";
import { endLoan, enqueueOutcome, tellSettle } from "./outcome.ts";
import type { EngineState } from "./state.ts";
import { CANCELLED_RESULT, PHASE_END, RESULT_JOINED } from "./tokens.ts";
import { leaveWaits, makeReady, releaseLock } from "./wake.ts";

/** Flags of an operation that has asked for the end of its request already. */
const REQUEST_ENDING = FLAG_FINISHING | FLAG_ENDING | FLAG_TIMED_OUT | FLAG_DISARMED;

/** Makes an operation terminal. Its stack is empty. */
export function settle(e: EngineState, slot: number, result: number): void {
  const i32 = e.i32;
  const header = slot << HEADER_SHIFT;
  leaveWaits(e, slot);
  while (i32[header + HELD] !== -1) releaseLock(e, i32[header + HELD]!);
  i32[header + STATE] = TERMINAL;
  i32[header + WAIT] = WAIT_NOTHING;
  i32[header + RESULT] = result;
  if (i32[header + PARENT] !== -1) {
    settleChild(e, slot, result);
    return;
  }
  if (i32[header + BUFFER] !== 0 && !endLoan(e, slot) && result >= 0) {
    i32[header + RESULT] = -REEL_ERROR_NUMBERS.ERR_BUFFER_CHANGED;
  }
  const inFlight = e.endsAt + (i32[header + END]! << END_SHIFT) + END_IN_FLIGHT;
  i32[inFlight] = i32[inFlight]! - 1;
  if (e.listeners > 0) tellSettle(e, slot, result);
  enqueueOutcome(e, slot);
}

function settleChild(e: EngineState, slot: number, result: number): void {
  const i32 = e.i32;
  const parent = i32[(slot << HEADER_SHIFT) + PARENT]!;
  const header = parent << HEADER_SHIFT;
  if (e.faults.has(slot)) {
    if (!e.faults.has(parent)) e.faults.set(parent, e.faults.get(slot));
    e.faults.delete(slot);
    i32[header + FLAGS] = i32[header + FLAGS]! | FLAG_FAULT;
  }
  const sum = (parent << DOUBLE_SHIFT) + SUM_F64;
  const failed = (i32[header + FLAGS]! & FLAG_FORK_FAILED) !== 0;
  if (result >= 0) e.f64[sum] = e.f64[sum]! + e.f64[(slot << DOUBLE_SHIFT) + BYTES_F64]!;
  freeChild(e, slot);
  const left = i32[header + CHILDREN]! - 1;
  i32[header + CHILDREN] = left;
  if (result < 0 && !failed) {
    i32[header + FLAGS] = i32[header + FLAGS]! | FLAG_FORK_FAILED;
    i32[header + RESULT] = result;
    if (left > 0) cancelChildren(e, parent);
  }
  if (left === 0 && i32[header + WAIT] === WAIT_CHILDREN) childrenOver(e, parent);
}

function freeChild(e: EngineState, slot: number): void {
  const header = slot << HEADER_SHIFT;
  e.i32[header + PARENT] = -1;
  e.i32[header + BUFFER] = 0;
  e.table.release(slot);
  e.slotFreed = true;
}

/** All forks of an operation are terminal: it goes on with their sum or with the first error. */
export function childrenOver(e: EngineState, parent: number): void {
  const header = parent << HEADER_SHIFT;
  const flags = e.i32[header + FLAGS]!;
  e.i32[header + FLAGS] = flags & ~FLAG_FORK_FAILED;
  const failed = (flags & (FLAG_FORK_FAILED | FLAG_ENDING)) !== 0;
  makeReady(e, parent, failed ? e.i32[header + RESULT]! : RESULT_JOINED);
}

/** Runs the `cancel` of every frame from the top, pops them all, and settles. */
export function unwind(e: EngineState, slot: number, result: number): void {
  const i32 = e.i32;
  const header = slot << HEADER_SHIFT;
  const cx = e.context;
  cx.slot = slot;
  // What it waits for is over for it, so that `cancel` finds the lists as they will be.
  leaveWaits(e, slot);
  while (i32[header + TOP] !== 0) {
    const { layer, view } = e.layers[i32[header + LAYER]!]!;
    if (layer.cancel !== undefined) {
      view.$base = i32[header + TOP]!;
      cx.token = PHASE_END;
      try {
        layer.cancel(view, cx);
      } catch (error) {
        keepFault(e, slot, error);
      }
    }
    e.stacks.pop(slot);
  }
  settle(e, slot, result);
}

/**
 * Notes that a layer broke the rules; the first error of an operation is kept. An error that is the
 * session's own halts the run.
 */
export function keepFault(e: EngineState, slot: number, error: unknown): void {
  if (endsTheRun(error)) halt(e, error);
  const header = slot << HEADER_SHIFT;
  e.count(COUNT_FAULTS);
  if (!e.faults.has(slot)) e.faults.set(slot, error);
  e.i32[header + FLAGS] = e.i32[header + FLAGS]! | FLAG_FAULT;
}

/** Frees a terminal slot. */
export function release(e: EngineState, slot: number): void {
  const header = slot << HEADER_SHIFT;
  e.settlers[slot] = undefined;
  const flags = e.i32[header + FLAGS]!;
  if ((flags & FLAG_FAULT) !== 0) e.faults.delete(slot);
  if ((flags & FLAG_BROUGHT) !== 0) e.brought[slot] = undefined;
  e.i32[header + BUFFER] = 0;
  e.table.release(slot);
}

/**
 * Ends an operation with this result as soon as nothing uses its memory any more: not the kernel,
 * and none of its forks.
 * @param requested whether it has a request in the kernel
 */
export function endWhenQuiet(
  e: EngineState,
  slot: number,
  result: number,
  requested: boolean,
): void {
  const i32 = e.i32;
  const header = slot << HEADER_SHIFT;
  const flags = i32[header + FLAGS]!;
  leaveWaits(e, slot);
  if (!requested && i32[header + CHILDREN] === 0) {
    unwind(e, slot, result);
    return;
  }
  i32[header + FLAGS] = (i32[header + FLAGS]! & ~FLAG_FINISHING) | FLAG_ENDING | FLAG_FORK_FAILED;
  i32[header + RESULT] = result;
  if (requested) {
    i32[header + WAIT] = WAIT_RING;
    endRequest(e, slot, flags);
  } else {
    i32[header + WAIT] = WAIT_CHILDREN;
    cancelChildren(e, slot);
  }
}

export function cancelRequest(e: EngineState, slot: number): void {
  e.backend.ring!.cancel(slot, e.i32[(slot << HEADER_SHIFT) + GENERATION]!);
}

/** Asks for the end of an operation's request, unless that was asked for before. */
export function endRequest(e: EngineState, slot: number, flags: number): void {
  if ((flags & (REQUEST_ENDING | FLAG_CANCEL)) === 0) cancelRequest(e, slot);
}

/**
 * Asks for an operation's cancellation. Terminal, cancelled before or too late: no effect.
 */
export function cancel(e: EngineState, slot: number): void {
  const { cancelling } = e;
  cancelling.push(slot);
  // Cancelling one may make others fail and cancel theirs: those queue here instead of nesting, so
  // that forks of forks cannot overflow the host's stack.
  if (cancelling.length > 1) return;
  try {
    for (let i = 0; i < cancelling.length; i++) cancelOne(e, cancelling[i]!);
  } finally {
    cancelling.length = 0;
  }
}

function cancelOne(e: EngineState, slot: number): void {
  const i32 = e.i32;
  const header = slot << HEADER_SHIFT;
  const flags = i32[header + FLAGS]!;
  if (i32[header + STATE] !== IN_FLIGHT || (flags & FLAG_CANCEL) !== 0) return;
  i32[header + FLAGS] = flags | FLAG_CANCEL;
  switch (i32[header + WAIT]) {
    case WAIT_RING:
      endRequest(e, slot, flags);
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
    // Its wait is over: it sees the result, and the flag ends it before the next wait.
  }
}

/** Asks for the cancellation of all forks of an operation. */
export function cancelChildren(e: EngineState, parent: number): void {
  let left = e.i32[(parent << HEADER_SHIFT) + CHILDREN]!;
  for (let slot = 0; left > 0 && slot < e.table.highWater; slot++) {
    const header = slot << HEADER_SHIFT;
    if (e.i32[header + STATE] !== IN_FLIGHT || e.i32[header + PARENT] !== parent) continue;
    left--;
    cancel(e, slot);
  }
}
