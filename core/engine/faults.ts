/** What becomes of an operation whose layer throws or breaks the contract. */
import {
  FLAGS,
  FLAG_ARMED,
  FLAG_FORKED,
  HEADER_SHIFT,
  LAYER,
  WAIT_RING,
} from "../descriptor/layout.ts";
import { TOO_DEEP } from "./context.ts";
import { endWhenQuiet, keepFault } from "./settle.ts";
import { SPINS_MAX } from "./spin-watch.ts";
import { TRANSITIONS_PER_TURN, type EngineState } from "./state.ts";
import { FAULT_RESULT, TOO_DEEP_RESULT } from "./tokens.ts";

/**
 * A layer threw. The operation ends with ERR_PROVIDER_FAULT, but not before the kernel and its
 * forks are done with its memory; other operations go on.
 */
export function fault(e: EngineState, slot: number, error: unknown): void {
  const header = slot << HEADER_SHIFT;
  const flags = e.i32[header + FLAGS]!;
  const requested = e.context.token === WAIT_RING || (flags & FLAG_ARMED) !== 0;
  if (error !== TOO_DEEP) keepFault(e, slot, error);
  e.i32[header + FLAGS] = e.i32[header + FLAGS]! & ~FLAG_FORKED;
  endWhenQuiet(e, slot, error === TOO_DEEP ? TOO_DEEP_RESULT : FAULT_RESULT, requested);
}

/** An operation has gone on for so long without waiting for anything that it never will. */
export function neverWaits(e: EngineState, slot: number): void {
  const { layer } = e.layers[e.i32[(slot << HEADER_SHIFT) + LAYER]!]!;
  const count = SPINS_MAX * TRANSITIONS_PER_TURN;
  e.spinning.suspect = -1;
  fault(e, slot, new Error(`${layer.name} goes on for ever: ${count} transitions without a wait`));
}

/** A layer returned something else than what it asked for. */
export function breach(e: EngineState, slot: number, call: string, found: unknown): void {
  const { layer } = e.layers[e.i32[(slot << HEADER_SHIFT) + LAYER]!]!;
  const text = `${layer.name}.${call} must return what its context's last call returned`;
  fault(e, slot, new TypeError(`${text}: found ${String(found)}`));
}
