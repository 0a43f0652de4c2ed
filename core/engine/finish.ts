/** How a layer's last word takes effect: at once, or when its request or its forks are over. */
import {
  BUFFER,
  BYTES_F64,
  CHILDREN,
  DOUBLE_SHIFT,
  FLAGS,
  FLAG_ARMED,
  FLAG_FINISHING,
  FLAG_FORKED,
  FLAG_CANCEL,
  FLAG_FORK_FAILED,
  HEADER_SHIFT,
  LAYER,
  LENGTH,
  SUM_F64,
  WAIT,
  WAIT_CHILDREN,
  WAIT_RING,
} from "../descriptor/layout.ts";
import { fault } from "./faults.ts";
import { cancelChildren, childrenOver, endRequest, keepFault, settle } from "./settle.ts";
import type { EngineState } from "./state.ts";
import { FAULT_RESULT, MOVE_AGAIN, MOVE_DONE, MOVE_FAIL, MOVE_JOIN } from "./tokens.ts";

/** The bottom frame is done: its value is what the operation moved, or why it failed. */
export function finish(e: EngineState, slot: number, outcome: number): void {
  if (outcome < 0) {
    settle(e, slot, outcome);
    return;
  }
  const { f64, i32 } = e;
  const header = slot << HEADER_SHIFT;
  const at = (slot << DOUBLE_SHIFT) + BYTES_F64;
  const bytes = f64[at]! + outcome;
  f64[at] = bytes;
  if (i32[header + BUFFER] === 0 || bytes <= i32[header + LENGTH]!) settle(e, slot, 0);
  else refuseExcess(e, slot, bytes);
}

/** More bytes than the buffer has cannot have been moved: nobody may believe the others either. */
function refuseExcess(e: EngineState, slot: number, bytes: number): void {
  const header = slot << HEADER_SHIFT;
  const { layer } = e.layers[e.i32[header + LAYER]!]!;
  const length = e.i32[header + LENGTH]!;
  e.f64[(slot << DOUBLE_SHIFT) + BYTES_F64] = length;
  const text = `Layer ${layer.name} says that it moved ${bytes} bytes: the buffer has ${length}`;
  keepFault(e, slot, new RangeError(text));
  settle(e, slot, FAULT_RESULT);
}

/** A layer moves on while a request of it is armed, or after making forks. */
export function moveWhileBusy(e: EngineState, slot: number, move: number, value: number): void {
  const header = slot << HEADER_SHIFT;
  const armed = (e.i32[header + FLAGS]! & FLAG_ARMED) !== 0;
  const forked = (e.i32[header + FLAGS]! & FLAG_FORKED) !== 0;
  if (forked && !armed && move === MOVE_JOIN) {
    joinForks(e, slot);
  } else if (armed && !forked && move === MOVE_AGAIN) {
    e.i32[header + WAIT] = WAIT_RING;
  } else if (armed && !forked && (move === MOVE_DONE || move === MOVE_FAIL)) {
    finishLater(e, slot, value);
  } else {
    const held = forked ? "it has made forks" : "its request is armed";
    const may = forked ? "join them" : "wait again or end";
    fault(e, slot, new RangeError(`Cannot move on: ${held}, so the layer can only ${may}`));
  }
}

/** A layer is done while its armed request is in the kernel: that must end first. */
function finishLater(e: EngineState, slot: number, outcome: number): void {
  const { i32 } = e;
  const header = slot << HEADER_SHIFT;
  const flags = i32[header + FLAGS]!;
  i32[header + FLAGS] = flags | FLAG_FINISHING;
  i32[header + WAIT] = WAIT_RING;
  e.f64[(slot << DOUBLE_SHIFT) + SUM_F64] = outcome;
  endRequest(e, slot, flags);
}

function joinForks(e: EngineState, slot: number): void {
  const { i32 } = e;
  const header = slot << HEADER_SHIFT;
  const flags = i32[header + FLAGS]! & ~FLAG_FORKED;
  i32[header + FLAGS] = flags;
  i32[header + WAIT] = WAIT_CHILDREN;
  e.f64[(slot << DOUBLE_SHIFT) + SUM_F64] = 0;
  if (i32[header + CHILDREN] === 0) childrenOver(e, slot);
  else if ((flags & (FLAG_FORK_FAILED | FLAG_CANCEL)) !== 0) cancelChildren(e, slot);
}
