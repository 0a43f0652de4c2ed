/** What a deadline does to an operation, and how drivers serve an interrupt. */
import {
  COUNT_SETTLED,
  FLAGS,
  FLAG_CANCEL,
  FLAG_DEADLINE,
  FLAG_TIMED_OUT,
  HEADER_SHIFT,
  LAYER,
  LIST,
  WAIT,
  WAIT_ON,
  WAIT_RING,
  WAIT_TIMER,
} from "../descriptor/layout.ts";
import { ReelError } from "../errors.ts";
import { endsTheRun, halt } from "./halt.ts";
import { cancelRequest } from "./settle.ts";
import type { EngineState } from "./state.ts";
import { TIMED_OUT_RESULT } from "./tokens.ts";
import { makeReady } from "./wake.ts";

/** The deadline of an operation's wait is reached. It is out of the heap. */
export function expireSlot(e: EngineState, slot: number, nowNs: number): void {
  const header = slot << HEADER_SHIFT;
  if (e.spinning.woken(nowNs, e.f64[e.countersAt + COUNT_SETTLED]!)) standStill(e, slot, nowNs);
  const flags = e.i32[header + FLAGS]! & ~FLAG_DEADLINE;
  e.i32[header + FLAGS] = flags;
  if (e.i32[header + WAIT] === WAIT_RING) {
    // A request that is being cancelled already ends as cancelled.
    if ((flags & FLAG_CANCEL) !== 0) return;
    e.i32[header + FLAGS] = flags | FLAG_TIMED_OUT;
    cancelRequest(e, slot);
  } else if (e.i32[header + WAIT] === WAIT_TIMER) {
    makeReady(e, slot, e.i32[header + WAIT_ON] === 0 ? 0 : TIMED_OUT_RESULT);
  } else if (e.i32[header + LIST] !== -1) {
    makeReady(e, slot, TIMED_OUT_RESULT);
  }
}

/** Time would stand still for ever: the run ends with the layer that was woken last. */
function standStill(e: EngineState, slot: number, nowNs: number): void {
  const { layer } = e.layers[e.i32[(slot << HEADER_SHIFT) + LAYER]!]!;
  const text = `Cannot move on from ${nowNs} ns: layers keep waiting for that very moment`;
  halt(
    e,
    new ReelError("ERR_LIMIT", `${text}, the last one ${layer.name}`, {
      mend: "Give the driver's wait a time above zero",
      details: { layer: layer.name, nowNs },
    }),
  );
}

/**
 * Calls what drivers do at an interrupt. No operation stands for an error there: it ends the run.
 */
export function serveInterrupt(e: EngineState, services: readonly (() => void)[]): void {
  for (const service of services) {
    try {
      service();
    } catch (cause) {
      if (endsTheRun(cause)) return halt(e, cause);
      const text = "Cannot serve an interrupt: a driver broke its contract";
      halt(e, new ReelError("ERR_PROVIDER_FAULT", text, { mend: "Mend the driver", cause }));
    }
  }
}
