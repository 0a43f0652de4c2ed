/** Completions of ring requests. */
import { COMPLETE_MORE } from "../backend/contract.ts";
import {
  COUNT_STALE,
  COUNT_TRANSITIONS,
  DOUBLE_SHIFT,
  FLAGS,
  FLAGS_AT_START,
  FLAGS_OF_REQUEST,
  FLAG_ARMED,
  FLAG_CANCEL,
  FLAG_DEADLINE,
  FLAG_DISARMED,
  FLAG_ENDING,
  FLAG_FINISHING,
  FLAG_TIMED_OUT,
  GENERATION,
  HEADER_SHIFT,
  LAYER,
  PAGE_BYTES,
  RESULT,
  SUM_F64,
  TOP,
  WAIT,
  WAIT_ON,
  WAIT_RING,
} from "../descriptor/layout.ts";
import { FIRST_FRAME } from "../descriptor/stack.ts";
import { afterComplete, afterWait, run } from "./drive.ts";
import { fault } from "./faults.ts";
import { finish } from "./finish.ts";
import { keepFault, unwind } from "./settle.ts";
import type { EngineState } from "./state.ts";
import {
  CANCELLED_RESULT,
  MOVE_AGAIN,
  MOVE_DONE,
  PHASE_COMPLETE,
  PHASE_END,
  PHASE_WAIT,
  TIMED_OUT_RESULT,
} from "./tokens.ts";

/**
 * A ring request completed.
 *
 * This is the path that nearly every operation takes, so it makes the two usual moves itself, the
 * end of an operation of one layer and another request, and leaves the rest to `drive.ts`.
 */
export function completeRequest(
  e: EngineState,
  slot: number,
  generation: number,
  result: number,
  flags: number,
): void {
  const i32 = e.i32;
  const header = slot << HEADER_SHIFT;
  if (i32[header + GENERATION] !== generation || i32[header + WAIT] !== WAIT_RING) {
    e.count(COUNT_STALE);
    return;
  }
  const cx = e.context;
  const more = (flags & COMPLETE_MORE) !== 0;
  cx.flags = flags;
  cx.more = more;
  if (more || result === CANCELLED_RESULT || (i32[header + FLAGS]! & ~FLAGS_AT_START) !== 0) {
    completeFlagged(e, slot, result, more);
    return;
  }
  const top = i32[header + TOP]!;
  const entry = e.layers[i32[header + LAYER]!]!;
  cx.slot = slot;
  cx.generation = generation;
  cx.token = PHASE_COMPLETE;
  let move: number;
  try {
    move = entry.complete(top, cx, result);
  } catch (error) {
    fault(e, slot, error);
    return;
  }
  const { f64 } = e;
  const transitions = e.countersAt + COUNT_TRANSITIONS;
  f64[transitions] = f64[transitions]! + 1;
  const quiet = move === cx.token && (i32[header + FLAGS]! & ~FLAGS_AT_START) === 0;
  if (quiet && move === MOVE_DONE && top === e.pagesAt + slot * PAGE_BYTES + FIRST_FRAME) {
    i32[header + TOP] = 0;
    finish(e, slot, cx.value);
  } else if (quiet && move === MOVE_AGAIN) {
    f64[transitions] = f64[transitions]! + 1;
    cx.token = PHASE_WAIT;
    let token: number;
    try {
      token = entry.wait(top, cx, 0);
    } catch (error) {
      fault(e, slot, error);
      return;
    }
    if (token === WAIT_RING && cx.token === WAIT_RING) i32[header + WAIT_ON] = cx.value;
    else afterWait(e, slot, token);
  } else {
    afterComplete(e, slot, move);
  }
}

/**
 * A request completed that is armed, or whose operation was cancelled, timed out or is ending.
 * @param more whether the request stays armed
 */
function completeFlagged(e: EngineState, slot: number, result: number, more: boolean): void {
  const { i32 } = e;
  const header = slot << HEADER_SHIFT;
  const flags = i32[header + FLAGS]!;
  if ((flags & (FLAG_FINISHING | FLAG_ENDING)) !== 0) {
    if (result >= 0) giveBack(e, slot, result);
    if (more) return;
    if ((flags & FLAG_ENDING) !== 0) unwind(e, slot, i32[header + RESULT]!);
    else finishLayer(e, slot);
    return;
  }
  if ((flags & FLAG_DEADLINE) !== 0) e.deadlines.remove(slot);
  const kept = flags & ~(FLAG_DEADLINE | FLAG_ARMED);
  // The request's end answers the deadline, not the results that were on their way before it.
  i32[header + FLAGS] = more ? kept | FLAG_ARMED : kept & ~(FLAG_TIMED_OUT | FLAG_DISARMED);
  if (more || result !== CANCELLED_RESULT) run(e, slot, false, result);
  else if ((flags & (FLAG_CANCEL | FLAG_TIMED_OUT)) === FLAG_TIMED_OUT) {
    run(e, slot, false, TIMED_OUT_RESULT);
  } else if ((flags & (FLAG_CANCEL | FLAG_DISARMED)) === FLAG_DISARMED) {
    run(e, slot, false, CANCELLED_RESULT);
  } else unwind(e, slot, CANCELLED_RESULT);
}

/** Shows a result that nobody asked for any more to the layer, which gives back what it brought. */
function giveBack(e: EngineState, slot: number, result: number): void {
  const header = slot << HEADER_SHIFT;
  const { layer, view } = e.layers[e.i32[header + LAYER]!]!;
  if (layer.late === undefined) return;
  const cx = e.context;
  cx.slot = slot;
  cx.token = PHASE_END;
  view.$base = e.i32[header + TOP]!;
  try {
    layer.late(view, cx, result);
  } catch (error) {
    keepFault(e, slot, error);
  }
}

/** The armed request of a layer that is done has ended: its caller goes on with its outcome. */
export function finishLayer(e: EngineState, slot: number): void {
  const header = slot << HEADER_SHIFT;
  const outcome = e.f64[(slot << DOUBLE_SHIFT) + SUM_F64]!;
  e.i32[header + FLAGS] = e.i32[header + FLAGS]! & ~FLAGS_OF_REQUEST;
  if (e.stacks.pop(slot) === 0) finish(e, slot, outcome);
  else run(e, slot, false, outcome);
}
