/** Puts a checked snapshot in place. Nothing here can fail. */
import {
  ARGUMENT_F64,
  BUFFER,
  BUFFER_AT,
  BYTES_F64,
  CHILDREN,
  DOUBLE_SHIFT,
  END,
  FLAGS,
  FLAGS_OF_REQUEST,
  FLAG_AUTO_RELEASE,
  FLAG_CANCEL,
  FLAG_DELIVERED,
  FLAG_DISARMED,
  FLAG_ENDING,
  FLAG_FINISHING,
  FLAG_TIMED_OUT,
  FREE,
  GENERATION,
  HEADER_SHIFT,
  IN_FLIGHT,
  LENGTH,
  NEXT,
  OFFSET_F64,
  OPERATION,
  PARENT,
  PROVIDER,
  RESULT,
  STATE,
  SUM_F64,
  WAIT,
  WAIT_ON,
  WAIT_RING,
} from "../../descriptor/layout.ts";
import { ReelError } from "../../errors.ts";
import { finish } from "../finish.ts";
import { enqueueOutcome } from "../outcome.ts";
import { SERVICE_OPERATION, type EngineState } from "../state.ts";
import { CANCELLED_RESULT, RESULT_BEGIN, RESULT_JOINED, TIMED_OUT_RESULT } from "../tokens.ts";
import { makeReady } from "../wake.ts";
import type { SavedDelivery, SavedLists, SavedSlot, SavedTable } from "./saved.ts";

/** Slots and frames. The table is unused. */
export function applyTable(e: EngineState, saved: SavedTable): void {
  const { i32, table } = e;
  table.extend(saved.generations.length);
  table.highWater = saved.generations.length;
  for (const [slot, generation] of saved.generations.entries()) {
    i32[(slot << HEADER_SHIFT) + GENERATION] = generation;
    i32[(slot << HEADER_SHIFT) + STATE] = FREE;
  }
  table.freeHead = -1;
  for (const slot of saved.freeOrder.toReversed()) {
    i32[(slot << HEADER_SHIFT) + NEXT] = table.freeHead;
    table.freeHead = slot;
  }
  for (const [i, counter] of saved.counters.entries()) e.f64[e.countersAt + i] = counter;
  for (const slot of saved.slots) applySlot(e, slot);
  for (const { parent } of saved.slots) {
    if (parent === -1) continue;
    const children = (parent << HEADER_SHIFT) + CHILDREN;
    i32[children] = i32[children]! + 1;
  }
}

function applySlot(e: EngineState, saved: SavedSlot): void {
  const { i32, f64 } = e;
  const { slot } = saved;
  const header = slot << HEADER_SHIFT;
  const double = slot << DOUBLE_SHIFT;
  i32[header + STATE] = saved.state;
  // Whoever restores collects outcomes by handle: nobody else is left to take them.
  const service = saved.operation === SERVICE_OPERATION && saved.parent === -1;
  i32[header + FLAGS] = service ? saved.flags : saved.flags & ~FLAG_AUTO_RELEASE;
  i32[header + END] = saved.end;
  i32[header + PROVIDER] = e.ends.provider(saved.end);
  i32[header + PARENT] = saved.parent;
  i32[header + WAIT] = saved.wait;
  i32[header + WAIT_ON] = saved.waitOn;
  i32[header + OPERATION] = saved.operation;
  i32[header + LENGTH] = saved.length;
  i32[header + BUFFER] = saved.buffer;
  i32[header + BUFFER_AT] = saved.bufferAt;
  i32[header + RESULT] = saved.result;
  f64[double + OFFSET_F64] = saved.offset;
  f64[double + BYTES_F64] = saved.moved;
  f64[double + SUM_F64] = saved.sum;
  f64[double + ARGUMENT_F64] = saved.argument;
  let below = 0;
  for (const { layer, bytes } of saved.frames) {
    const base = e.stacks.push(slot, layer, bytes.length, below);
    e.table.slab.u8.set(bytes, base);
    below = bytes.length;
  }
  if (saved.state === IN_FLIGHT && saved.parent === -1) e.ends.addInFlight(saved.end, 1);
  if (service && (saved.flags & FLAG_DELIVERED) === 0) e.services.adopt(slot);
}

/** Who waits where, and who holds which lock. The lists exist and are empty. */
export function applyWaits(e: EngineState, saved: SavedLists): void {
  for (const [list, members] of saved.members.entries()) {
    for (const slot of members) e.lists.append(list, slot);
  }
  for (const { slot, locks } of saved.held) {
    for (const lock of locks.toReversed()) e.lists.own(lock, slot);
  }
}

/** Deadlines, outcomes and arrivals on their way. */
export function applyDelivery(e: EngineState, saved: SavedDelivery): void {
  for (const { slot, deadlineNs } of saved.deadlines) e.deadlines.set(slot, deadlineNs);
  for (const slot of saved.settled) enqueueOutcome(e, slot);
  for (const { handle, buffer, bytes } of saved.arrivals) e.arrivals.push(handle, buffer, bytes);
  for (let slot = 0; slot < e.table.highWater; slot++) e.brought[slot] = undefined;
  for (const { slot, bytes } of saved.brought) e.brought[slot] = bytes.slice();
  e.services.due.push(...saved.due);
  e.abandoned.push(...saved.abandoned);
  for (const { slot, text } of saved.faults) {
    e.faults.set(slot, new ReelError("ERR_PROVIDER_FAULT", text));
  }
}

/**
 * Operations that waited for a request to a ring that is no more begin that wait again, or go on as
 * if the request had ended the way it was about to.
 */
export function beginRequestsAgain(e: EngineState): void {
  for (let slot = 0; slot < e.table.highWater; slot++) {
    const header = slot << HEADER_SHIFT;
    if (e.i32[header + STATE] !== IN_FLIGHT || e.i32[header + WAIT] !== WAIT_RING) continue;
    const flags = e.i32[header + FLAGS]!;
    e.i32[header + FLAGS] = flags & ~FLAGS_OF_REQUEST;
    if ((flags & FLAG_ENDING) !== 0) makeReady(e, slot, e.i32[header + RESULT]!);
    else if ((flags & FLAG_FINISHING) !== 0) finishAgain(e, slot);
    else if ((flags & FLAG_CANCEL) !== 0) makeReady(e, slot, CANCELLED_RESULT);
    else if ((flags & FLAG_TIMED_OUT) !== 0) makeReady(e, slot, TIMED_OUT_RESULT);
    else if ((flags & FLAG_DISARMED) !== 0) {
      // Told apart from a cancellation by the flag.
      e.i32[header + FLAGS] = e.i32[header + FLAGS]! | FLAG_DISARMED;
      makeReady(e, slot, CANCELLED_RESULT);
    } else makeReady(e, slot, RESULT_BEGIN);
  }
}

function finishAgain(e: EngineState, slot: number): void {
  const outcome = e.f64[(slot << DOUBLE_SHIFT) + SUM_F64]!;
  if (e.stacks.pop(slot) === 0) finish(e, slot, outcome);
  else makeReady(e, slot, RESULT_JOINED);
}
