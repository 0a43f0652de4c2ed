/** Waits of the running layer that take a place in a list: see `LayerContext`. */
import { LINES_MAX, LIST_KIND_LOCK, WAIT_INTERRUPT, WAIT_LOCK } from "../descriptor/layout.ts";
import type { Lock, Wait } from "../provider/layer.ts";
import type { EngineState } from "./state.ts";
import { requireList } from "./wake.ts";

/** @throws {RangeError} where there is no such line */
export function waitForInterrupt(e: EngineState, line: number): Wait {
  const interrupts = e.backend.machine?.interrupts;
  if (interrupts === undefined) {
    throw new RangeError(
      "Cannot wait for an interrupt: only the emulated backend has interrupt lines",
    );
  }
  const lines = Math.min(interrupts.lines, LINES_MAX);
  if (!(Number.isInteger(line) && line >= 0 && line < lines)) {
    throw new RangeError(`Cannot wait for interrupt line ${line}: lines are 0 to ${lines - 1}`);
  }
  const wait = e.context.waits(WAIT_INTERRUPT, line);
  // The waiter is in the list before the line is enabled: an interrupt that is already latched
  // fires as soon as it is unmasked and must find it there.
  e.lists.append(line, e.context.slot);
  if (e.lists.count(line) === 1) interrupts.enable(line);
  return wait;
}

/** @throws {RangeError} for no lock, or one that the operation holds already */
export function waitForLock(e: EngineState, lock: Lock): Wait {
  const { context: cx, lists } = e;
  requireList(e, lock, LIST_KIND_LOCK, "lock");
  const owner = lists.owner(lock);
  if (owner === cx.slot) {
    throw new RangeError(`Cannot lock ${lock}: the operation holds it already`);
  }
  if (owner !== -1) {
    const wait = cx.waits(WAIT_LOCK, lock);
    lists.append(lock, cx.slot);
    return wait;
  }
  const wait = cx.ready();
  lists.own(lock, cx.slot);
  return wait;
}
