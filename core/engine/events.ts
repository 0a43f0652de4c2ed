/** What a deadline does to an operation, and how drivers serve an interrupt. */
import {
  FLAGS,
  FLAG_CANCEL,
  FLAG_DEADLINE,
  FLAG_TIMED_OUT,
  HEADER_SHIFT,
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
export function expireSlot(e: EngineState, slot: number): void {
  const header = slot << HEADER_SHIFT;
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
