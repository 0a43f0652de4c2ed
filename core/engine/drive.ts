/**
 * The loop that runs layers: calls `wait` or `complete` of the frame on top, does what it asked
 * for, and goes on until the operation waits for something or is over. It never nests: whatever a
 * layer wakes goes to the ready list and runs when its turn comes.
 */
import {
  BYTES_F64,
  CHILDREN,
  FLAGS,
  FLAG_ARMED,
  FLAG_CANCEL,
  FLAG_FAULT,
  FLAG_FINISHING,
  FLAG_FORK_FAILED,
  GENERATION,
  HEADER_SHIFT,
  RESULT,
  TOP,
  WAIT,
  WAIT_CHILDREN,
  WAIT_INTERRUPT,
  WAIT_LOCK,
  WAIT_QUEUE,
  WAIT_READY,
  WAIT_RING,
  WAIT_TIMER,
} from "../descriptor/layout.ts";
import { REEL_ERROR_NUMBERS, isReelError } from "../errors.ts";
import {
  MOVE_AGAIN,
  MOVE_CALL,
  MOVE_DONE,
  MOVE_FAIL,
  MOVE_JOIN,
  RESULT_BEGIN,
  TOO_DEEP,
} from "./context.ts";
import {
  CANCELLED_RESULT,
  cancelChildren,
  keepFault,
  leaveWaits,
  makeReady,
  settle,
  unwind,
} from "./settle.ts";
import { TRANSITIONS_PER_TURN, type EngineState } from "./state.ts";

/** Begins an operation whose first frame is pushed. */
export function begin(e: EngineState, slot: number): void {
  run(e, slot, true, 0);
}

/** Goes on with an operation whose wait is over. */
export function resume(e: EngineState, slot: number, result: number): void {
  if (result === RESULT_BEGIN) run(e, slot, true, 0);
  else run(e, slot, false, result);
}

function run(e: EngineState, slot: number, waiting: boolean, result: number): void {
  const header = slot << HEADER_SHIFT;
  const i32 = e.i32;
  const cx = e.context;
  let value = result;
  let wait = waiting;
  let turns = 0;
  try {
    for (;;) {
      cx.enter(slot);
      const base = i32[header + TOP]!;
      const entry = e.layers[i32[(base - 8) >> 2]!]!;
      const view = entry.view;
      view.$base = base;
      if (wait) {
        if ((i32[header + FLAGS]! & FLAG_CANCEL) !== 0) return unwind(e, slot, CANCELLED_RESULT);
        const token = entry.layer.wait(view, cx);
        if (token !== cx.token) return breach(e, slot, `${entry.layer.name}.wait`, token);
        if (token === WAIT_RING) return;
        if (token !== WAIT_READY) {
          if (token === WAIT_INTERRUPT || token === WAIT_QUEUE || token === WAIT_LOCK) return;
          if (token === WAIT_TIMER) return;
          return breach(e, slot, `${entry.layer.name}.wait`, token);
        }
        value = cx.value;
        wait = false;
      } else {
        const move = entry.layer.complete(view, cx, value);
        if (move !== cx.token) return breach(e, slot, `${entry.layer.name}.complete`, move);
        if (move === MOVE_DONE || move === MOVE_FAIL) {
          const outcome = move === MOVE_DONE ? cx.value : -cx.value;
          const busy = i32[header + CHILDREN]! > 0 || cx.prepared;
          if (busy || (i32[header + FLAGS]! & (FLAG_ARMED | FLAG_FORK_FAILED)) !== 0) {
            return finishLater(e, slot, outcome, busy);
          }
          if (e.stacks.pop(slot) === 0) return finish(e, slot, outcome);
          value = outcome;
        } else if (move === MOVE_AGAIN) {
          if ((i32[header + FLAGS]! & FLAG_ARMED) !== 0) return stayArmed(e, slot);
          wait = true;
        } else if (move === MOVE_CALL) {
          wait = true;
        } else if (move === MOVE_JOIN) {
          return joinForks(e, slot);
        } else {
          return breach(e, slot, `${entry.layer.name}.complete`, move);
        }
      }
      e.counters.transitions++;
      if (++turns > TRANSITIONS_PER_TURN) {
        // It never waits: the others get their turn before it goes on.
        i32[header + WAIT] = WAIT_READY;
        return makeReady(e, slot, wait ? RESULT_BEGIN : value);
      }
    }
  } catch (error) {
    fault(e, slot, error);
  }
}

/** The bottom frame is done: its value is what the operation moved, or why it failed. */
function finish(e: EngineState, slot: number, outcome: number): void {
  if (outcome < 0) return settle(e, slot, outcome);
  const at = (slot << (HEADER_SHIFT - 1)) + BYTES_F64;
  e.f64[at] = e.f64[at]! + outcome;
  settle(e, slot, 0);
}

/** A layer is done while its armed request is in the kernel: that must end first. */
function finishLater(e: EngineState, slot: number, outcome: number, busy: boolean): void {
  const header = slot << HEADER_SHIFT;
  if (busy || (e.i32[header + FLAGS]! & FLAG_FORK_FAILED) !== 0) {
    const text = "A layer ended although it had prepared a request or made forks";
    return fault(e, slot, new RangeError(text));
  }
  e.i32[header + FLAGS] = e.i32[header + FLAGS]! | FLAG_FINISHING;
  e.i32[header + RESULT] = outcome < 0 ? outcome : 0;
  if (outcome > 0) {
    const at = (slot << (HEADER_SHIFT - 1)) + BYTES_F64;
    e.f64[at] = e.f64[at]! + outcome;
  }
  stayArmed(e, slot);
  e.backend.ring!.cancel(slot, e.i32[header + GENERATION]!);
}

function stayArmed(e: EngineState, slot: number): void {
  e.i32[(slot << HEADER_SHIFT) + WAIT] = WAIT_RING;
}

function joinForks(e: EngineState, slot: number): void {
  const header = slot << HEADER_SHIFT;
  const failed = (e.i32[header + FLAGS]! & FLAG_FORK_FAILED) !== 0;
  if (!failed) e.i32[header + RESULT] = 0;
  e.i32[header + WAIT] = WAIT_CHILDREN;
  if (failed) cancelChildren(e, slot);
  if (e.i32[header + CHILDREN] === 0 && e.i32[header + WAIT] === WAIT_CHILDREN) {
    e.i32[header + FLAGS] = e.i32[header + FLAGS]! & ~FLAG_FORK_FAILED;
    makeReady(e, slot, e.i32[header + RESULT]!);
  }
}

function breach(e: EngineState, slot: number, where: string, found: unknown): void {
  const text = `${where} must return what its context's last call returned: found ${String(found)}`;
  fault(e, slot, new TypeError(text));
}

/**
 * A layer threw or broke the contract. The operation ends with ERR_PROVIDER_FAULT, but not before
 * the kernel is done with its memory; the others go on.
 */
export function fault(e: EngineState, slot: number, error: unknown): void {
  if (isReelError(error, "ERR_DIVERGED")) throw error;
  const header = slot << HEADER_SHIFT;
  const deep = error === TOO_DEEP;
  if (!deep) keepFault(e, slot, error);
  leaveWaits(e, slot);
  const result = deep ? -REEL_ERROR_NUMBERS.ERR_STACK_TOO_DEEP : FAULT_RESULT;
  const armed = e.context.prepared || (e.i32[header + FLAGS]! & FLAG_ARMED) !== 0;
  if (armed) {
    e.i32[header + FLAGS] = e.i32[header + FLAGS]! | FLAG_FINISHING;
    e.i32[header + RESULT] = result;
    stayArmed(e, slot);
    e.backend.ring!.cancel(slot, e.i32[header + GENERATION]!);
    return;
  }
  if (e.i32[header + CHILDREN]! > 0) {
    // Its forks use the same memory: they end first, then the flag ends the operation.
    e.i32[header + FLAGS] = e.i32[header + FLAGS]! | FLAG_CANCEL | FLAG_FORK_FAILED;
    e.i32[header + RESULT] = result;
    e.i32[header + WAIT] = WAIT_CHILDREN;
    cancelChildren(e, slot);
    return;
  }
  unwind(e, slot, result);
}

const FAULT_RESULT = -REEL_ERROR_NUMBERS.ERR_PROVIDER_FAULT;

/** Runs everything on the ready list, also what gets there meanwhile. @returns how many ran */
export function runReady(e: EngineState, budget: number): number {
  let count = 0;
  while (count < budget) {
    const slot = e.lists.shift(e.ready);
    if (slot === -1) break;
    count++;
    const header = slot << HEADER_SHIFT;
    const result = e.i32[header + RESULT]!;
    if ((e.i32[header + FLAGS]! & FLAG_CANCEL) !== 0 && result < 0 && result !== RESULT_BEGIN) {
      const faulty = (e.i32[header + FLAGS]! & FLAG_FAULT) !== 0;
      unwind(e, slot, faulty ? FAULT_RESULT : CANCELLED_RESULT);
    } else {
      resume(e, slot, result);
    }
  }
  return count;
}
