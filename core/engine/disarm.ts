/** How a layer ends its armed request and goes on: what `LayerContext.disarm` does. */
import { FLAGS, FLAG_DISARMED, HEADER_SHIFT } from "../descriptor/layout.ts";
import { endRequest } from "./settle.ts";
import type { EngineState } from "./state.ts";
import { PHASE_COMPLETE } from "./tokens.ts";

/**
 * Asks for the end of the running layer's armed request. Where that was asked for before, because
 * the operation was cancelled or its time was up, the end is what it would have been.
 * @throws {RangeError} when nothing is armed, or not in `complete`
 */
export function disarm(e: EngineState): void {
  const { more, slot, token } = e.context;
  if (token !== PHASE_COMPLETE || !more) {
    throw new RangeError("Cannot disarm: only a complete that is told of more may ask for it");
  }
  const header = slot << HEADER_SHIFT;
  const flags = e.i32[header + FLAGS]!;
  e.i32[header + FLAGS] = flags | FLAG_DISARMED;
  endRequest(e, slot, flags);
}
