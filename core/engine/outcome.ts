/** What is done with an outcome before it is delivered: loan, session, order of delivery. */
import { END_CLOSING } from "../descriptor/ends.ts";
import {
  BUFFER,
  BUFFER_AT,
  BYTES_F64,
  DOUBLE_SHIFT,
  END,
  FLAGS,
  FLAG_READ,
  HEADER_SHIFT,
  LENGTH,
  NEXT,
} from "../descriptor/layout.ts";
import { halt } from "./halt.ts";
import type { EngineState } from "./state.ts";

/** Puts a terminal slot behind those that wait for delivery. */
export function enqueueOutcome(e: EngineState, slot: number): void {
  const { i32, settledTail } = e;
  i32[(slot << HEADER_SHIFT) + NEXT] = -1;
  if (settledTail === -1) e.settledHead = slot;
  else i32[(settledTail << HEADER_SHIFT) + NEXT] = slot;
  e.settledTail = slot;
}

/**
 * The buffer is the program's again: before the outcome is delivered, and not before now.
 * @returns false when the program took the memory away, so that what came is lost
 */
export function endLoan(e: EngineState, slot: number): boolean {
  const { i32 } = e;
  const header = slot << HEADER_SHIFT;
  const write = (i32[header + FLAGS]! & FLAG_READ) !== 0;
  const bytes = Math.min(e.f64[(slot << DOUBLE_SHIFT) + BYTES_F64]!, i32[header + LENGTH]!);
  return e.pool.get(i32[header + BUFFER]!).settle(write, i32[header + BUFFER_AT]!, bytes);
}

/** Tells the session what an operation has come to, and whoever closes its end. */
export function tellSettle(e: EngineState, slot: number, result: number): void {
  const end = e.i32[(slot << HEADER_SHIFT) + END]!;
  if (e.ends.inFlight(end) === 0 && e.ends.state(end) === END_CLOSING) e.quietEnds.push(end);
  if (e.tap !== undefined) tapSettle(e, slot, result);
}

function tapSettle(e: EngineState, slot: number, result: number): void {
  const { i32 } = e;
  const header = slot << HEADER_SHIFT;
  const bytes = e.f64[(slot << DOUBLE_SHIFT) + BYTES_F64]!;
  const buffer = i32[header + BUFFER]!;
  const at = i32[header + BUFFER_AT]!;
  const brought =
    (i32[header + FLAGS]! & FLAG_READ) !== 0 && buffer !== 0
      ? e.pool.get(buffer).block.bytes.subarray(at, at + Math.min(bytes, i32[header + LENGTH]!))
      : e.brought[slot];
  try {
    e.tap!.settle(slot, result < 0 ? result : bytes, brought);
  } catch (error) {
    halt(e, error);
  }
}
