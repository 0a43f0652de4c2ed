/**
 * Hands out what operations have come to. Outcomes are delivered after the batch, never from inside
 * it, so a program's reaction cannot re-enter the engine.
 */
import {
  BUFFER,
  BYTES_F64,
  COUNT_SETTLED,
  DOUBLE_SHIFT,
  FLAGS,
  FLAG_AUTO_RELEASE,
  FLAG_BROUGHT,
  FLAG_DELIVERED,
  FLAG_FAULT,
  FREE,
  GENERATION,
  HEADER_SHIFT,
  NEXT,
  RESULT,
  STATE,
} from "../descriptor/layout.ts";
import { GENERATION_MAX, SLOTS_MAX } from "../descriptor/table.ts";
import { enqueueOutcome } from "./outcome.ts";
import { release } from "./settle.ts";
import type { EngineState, QueuedSettler, Settler } from "./state.ts";

/** What has to be looked at when an outcome is delivered. */
const FLAGS_OF_DELIVERY = FLAG_AUTO_RELEASE | FLAG_FAULT | FLAG_BROUGHT;

/**
 * Hands out the arrivals and outcomes that are there now, in the order in which buffers came back
 * and then in that in which operations became terminal. What settlers start and finish meanwhile
 * waits for the next call, so this one ends.
 * @returns how many
 * @throws what a settler threw; the outcomes behind it stay for the next call
 */
export function deliver(e: EngineState): number {
  // The last outcome is noted before an arrival is handed out: what an operation brought comes
  // before its end, also when a settler ends it.
  const last = e.settledTail;
  let count = e.arrivals.size === 0 ? 0 : deliverArrivals(e);
  if (last === -1) return count;
  const { i32, f64, settlers, table } = e;
  const settled = e.countersAt + COUNT_SETTLED;
  let slot: number;
  do {
    slot = e.settledHead;
    const header = slot << HEADER_SHIFT;
    const next = i32[header + NEXT]!;
    e.settledHead = next;
    if (next === -1) e.settledTail = -1;
    const flags = i32[header + FLAGS]!;
    const settler = settlers[slot];
    const generation = i32[header + GENERATION]!;
    const result = i32[header + RESULT]!;
    const bytes = f64[(slot << DOUBLE_SHIFT) + BYTES_F64]!;
    if ((flags & FLAGS_OF_DELIVERY) === FLAG_AUTO_RELEASE) {
      // What `release` does, written out for the same reason as in `launch`.
      settlers[slot] = undefined;
      i32[header + BUFFER] = 0;
      i32[header + STATE] = FREE;
      i32[header + GENERATION] = generation === GENERATION_MAX ? 1 : generation + 1;
      i32[header + NEXT] = table.freeHead;
      table.freeHead = slot;
    } else {
      i32[header + FLAGS] = flags | FLAG_DELIVERED;
      if ((flags & FLAG_FAULT) !== 0) e.deliveredFault = e.faults.get(slot);
      if ((flags & FLAG_BROUGHT) !== 0) e.deliveredBytes = e.brought[slot];
      if ((flags & FLAG_AUTO_RELEASE) !== 0) release(e, slot);
    }
    if (settler !== undefined) settler.settled(generation * SLOTS_MAX + slot, result, bytes);
    if ((flags & (FLAG_FAULT | FLAG_BROUGHT)) !== 0) {
      e.deliveredFault = undefined;
      e.deliveredBytes = undefined;
    }
    f64[settled] = f64[settled]! + 1;
    count++;
  } while (slot !== last);
  return count;
}

/** Hands out the arrivals that are there now, in order. @returns how many */
function deliverArrivals(e: EngineState): number {
  const { arrivals } = e;
  const count = arrivals.size;
  for (let left = count; left > 0; left--) {
    const at = arrivals.shift();
    const handle = arrivals.field(at, 0);
    const slot = e.table.slotOf(handle);
    const settler = slot === -1 ? undefined : (e.settlers[slot] as QueuedSettler | undefined);
    settler?.arrived(handle, arrivals.field(at, 1), arrivals.field(at, 2));
  }
  return count;
}

/** See `Engine.adopt`. */
export function adopt(
  e: EngineState,
  handle: number,
  settler: Settler,
  autoRelease: boolean,
): void {
  const slot = e.table.requireSlot(handle, "adopt");
  const header = slot << HEADER_SHIFT;
  const flags = e.i32[header + FLAGS]! & ~(FLAG_AUTO_RELEASE | FLAG_DELIVERED);
  const delivered = (e.i32[header + FLAGS]! & FLAG_DELIVERED) !== 0;
  e.i32[header + FLAGS] = autoRelease ? flags | FLAG_AUTO_RELEASE : flags;
  e.settlers[slot] = settler;
  if (delivered) enqueueOutcome(e, slot);
}
