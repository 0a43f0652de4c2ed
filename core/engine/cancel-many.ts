/** Cancels what is in flight on an end, or altogether. Forks are left to their operations. */
import {
  END,
  END_LAST,
  END_SHIFT,
  HEADER_SHIFT,
  IN_FLIGHT,
  PARENT,
  STATE,
} from "../descriptor/layout.ts";
import { isService, serviceOn } from "./services.ts";
import { cancel } from "./settle.ts";
import type { EngineState } from "./state.ts";

/**
 * Asks for the cancellation of everything in flight on an end, lowest slot first. What an open
 * connection usually has, a service and one operation, is found at once; else the table is looked
 * through until all are found.
 */
export function cancelEnd(e: EngineState, end: number): void {
  const count = e.ends.inFlight(end);
  if (count === 0) return;
  const service = serviceOn(e, end);
  const last = e.i32[e.endsAt + (end << END_SHIFT) + END_LAST]!;
  const other = last !== service && worksOn(e, last, end) ? last : -1;
  const known = (service === -1 ? 0 : 1) + (other === -1 ? 0 : 1);
  if (known === count) {
    const first = Math.min(service, other);
    if (first !== -1) cancel(e, first);
    cancel(e, Math.max(service, other));
    return;
  }
  let left = count;
  for (let slot = 0; left > 0 && slot < e.table.highWater; slot++) {
    if (!worksOn(e, slot, end)) continue;
    left--;
    cancel(e, slot);
  }
}

/** Asks for the cancellation of everything in flight, with or without the services. */
export function cancelAll(e: EngineState, services: boolean): void {
  for (let slot = 0; slot < e.table.highWater; slot++) {
    const header = slot << HEADER_SHIFT;
    if (e.i32[header + STATE] !== IN_FLIGHT || e.i32[header + PARENT] !== -1) continue;
    if (services || !isService(e, slot)) cancel(e, slot);
  }
}

function worksOn({ i32 }: EngineState, slot: number, end: number): boolean {
  const header = slot << HEADER_SHIFT;
  return (
    i32[header + STATE] === IN_FLIGHT && i32[header + END] === end && i32[header + PARENT] === -1
  );
}
