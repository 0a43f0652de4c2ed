/**
 * The loop that runs layers: calls `wait` or `complete` of the frame on top, does what it asked
 * for, and goes on until the operation waits for something or is over. It never nests: whatever a
 * layer wakes goes to the ready list and runs when its turn comes.
 */
import {
  COUNT_TRANSITIONS,
  DOUBLE_SHIFT,
  FLAGS,
  FLAG_ARMED,
  FLAG_CANCEL,
  FLAG_DISARMED,
  FLAG_ENDING,
  FLAG_FORKED,
  GENERATION,
  HEADER_SHIFT,
  LAYER,
  RESULT,
  SUM_F64,
  TOP,
  WAIT,
  WAIT_ON,
  WAIT_READY,
  WAIT_RING,
} from "../descriptor/layout.ts";
import { breach, fault, neverWaits } from "./faults.ts";
import { finish, moveWhileBusy } from "./finish.ts";
import { unwind } from "./settle.ts";
import { TRANSITIONS_PER_TURN, type EngineState } from "./state.ts";
import {
  CANCELLED_RESULT,
  MOVE_AGAIN,
  MOVE_DONE,
  MOVE_FAIL,
  PHASE_COMPLETE,
  PHASE_WAIT,
  RESULT_BEGIN,
  RESULT_JOINED,
} from "./tokens.ts";
import { makeReady } from "./wake.ts";

/** Runs what is on the ready list, also what gets there meanwhile. @returns how many ran */
export function runReady(e: EngineState, budget: number): number {
  const { i32, lists, ready } = e;
  let count = 0;
  // What a completion said about itself is not to be seen by others.
  e.context.flags = 0;
  e.context.more = false;
  while (count < budget) {
    const slot = lists.shift(ready);
    if (slot === -1) break;
    count++;
    const header = slot << HEADER_SHIFT;
    const result = i32[header + RESULT]!;
    if ((i32[header + FLAGS]! & FLAG_ENDING) !== 0) unwind(e, slot, result);
    else if (result === RESULT_BEGIN) run(e, slot, true, 0);
    else if (result === RESULT_JOINED)
      run(e, slot, false, e.f64[(slot << DOUBLE_SHIFT) + SUM_F64]!);
    else if (result === CANCELLED_RESULT) cancelledWhileReady(e, slot);
    else run(e, slot, false, result);
  }
  return count;
}

/** A restored operation whose request was being ended, by its layer or by the program. */
function cancelledWhileReady(e: EngineState, slot: number): void {
  const header = slot << HEADER_SHIFT;
  const flags = e.i32[header + FLAGS]!;
  e.i32[header + FLAGS] = flags & ~FLAG_DISARMED;
  if ((flags & (FLAG_CANCEL | FLAG_DISARMED)) === FLAG_DISARMED) {
    run(e, slot, false, CANCELLED_RESULT);
  } else unwind(e, slot, CANCELLED_RESULT);
}

/**
 * Runs an operation until it waits or is over.
 * @param waiting whether its layer is to begin a wait; else one is over, with this result
 */
export function run(e: EngineState, slot: number, waiting: boolean, result: number): void {
  const cx = e.context;
  cx.slot = slot;
  cx.generation = e.i32[(slot << HEADER_SHIFT) + GENERATION]!;
  let wait = waiting;
  let value = result;
  for (let turns = 0; ; turns++) {
    // One that never waits lets the others have their turn before it goes on.
    if (turns > TRANSITIONS_PER_TURN && (wait || (value | 0) === value)) {
      if (e.spinning.usedUp(slot)) return neverWaits(e, slot);
      makeReady(e, slot, wait ? RESULT_BEGIN : value);
      return;
    }
    e.count(COUNT_TRANSITIONS);
    if (wait) {
      if (!beginWait(e, slot)) break;
      wait = false;
    } else {
      const move = callComplete(e, slot, value);
      if (move === 0) break;
      wait = move !== MOVE_DONE;
    }
    value = cx.value;
  }
  if (slot === e.spinning.suspect) e.spinning.suspect = -1;
}

/** Calls `wait` of the running layer. @returns whether it is over already, with `cx.value` */
function beginWait(e: EngineState, slot: number): boolean {
  const { context: cx, i32 } = e;
  const header = slot << HEADER_SHIFT;
  if ((i32[header + FLAGS]! & FLAG_CANCEL) !== 0) {
    unwind(e, slot, CANCELLED_RESULT);
    return false;
  }
  const entry = e.layers[i32[header + LAYER]!]!;
  cx.token = PHASE_WAIT;
  let token: number;
  try {
    token = entry.wait(i32[header + TOP]!, cx, 0);
  } catch (error) {
    fault(e, slot, error);
    return false;
  }
  if (token === WAIT_RING && cx.token === WAIT_RING) {
    i32[header + WAIT] = WAIT_RING;
    i32[header + WAIT_ON] = cx.value;
    return false;
  }
  return waitIsOver(e, slot, token);
}

/**
 * Looks at what a layer's `wait` returned, when that is no ring request.
 * @returns whether the wait is over already, with `cx.value`
 */
function waitIsOver(e: EngineState, slot: number, token: number): boolean {
  const cx = e.context;
  if (token !== cx.token || token <= PHASE_WAIT) {
    breach(e, slot, "wait", token);
    return false;
  }
  if (token !== WAIT_READY) return false;
  cx.flags = 0;
  cx.more = false;
  return true;
}

/** Goes on after a layer's `wait` that is no ring request. */
export function afterWait(e: EngineState, slot: number, token: number): void {
  if (waitIsOver(e, slot, token)) run(e, slot, false, e.context.value);
}

/**
 * Calls `complete` of the running layer.
 * @returns MOVE_DONE when the layer below is to see `cx.value`, MOVE_AGAIN when the running layer
 *   is to wait, 0 when the operation does not go on
 */
function callComplete(e: EngineState, slot: number, value: number): number {
  const { context: cx, i32 } = e;
  const header = slot << HEADER_SHIFT;
  const entry = e.layers[i32[header + LAYER]!]!;
  cx.token = PHASE_COMPLETE;
  let move: number;
  try {
    move = entry.complete(i32[header + TOP]!, cx, value);
  } catch (error) {
    fault(e, slot, error);
    return 0;
  }
  return nextMove(e, slot, move);
}

/** What a layer's `complete` returned, reduced to what {@link callComplete} answers. */
function nextMove(e: EngineState, slot: number, move: number): number {
  const cx = e.context;
  if (move !== cx.token || move < MOVE_AGAIN) {
    breach(e, slot, "complete", move);
    return 0;
  }
  if ((e.i32[(slot << HEADER_SHIFT) + FLAGS]! & (FLAG_ARMED | FLAG_FORKED)) !== 0) {
    moveWhileBusy(e, slot, move, cx.value);
    return 0;
  }
  if (move !== MOVE_DONE && move !== MOVE_FAIL) return MOVE_AGAIN;
  if (e.stacks.pop(slot) !== 0) return MOVE_DONE;
  finish(e, slot, cx.value);
  return 0;
}

/** Goes on after a layer's `complete`. */
export function afterComplete(e: EngineState, slot: number, move: number): void {
  const next = nextMove(e, slot, move);
  if (next !== 0) run(e, slot, next !== MOVE_DONE, e.context.value);
}
