/**
 * What both timer drivers share: the state of an open timer, when its next read is due, and how the
 * count is handed out.
 */
import { struct, u53, type LayerContext, type View } from "../../core/provider/index.ts";

export const timerState = struct({
  /** When it was opened. */
  startNs: u53,
  /** Time between ticks, 0 for a timer whose reads say themselves how long to wait. */
  intervalNs: u53,
  /** Ticks that reads have taken. */
  taken: u53,
});

export type TimerView = View<{
  startNs: typeof u53;
  intervalNs: typeof u53;
  taken: typeof u53;
}>;

/** A read brings one 64-bit number, little-endian, as timerfd_create(2) has it. */
export const COUNT_BYTES = 8;

/** When a read that begins now is due. Never before; the delay counts from the call. */
export function dueAt(timer: TimerView, run: LayerContext): number {
  if (timer.intervalNs === 0) return run.now() + Math.max(0, run.offset);
  return timer.startNs + (timer.taken + 1) * timer.intervalNs;
}

/** Writes how many ticks have passed since the read before, and counts them as taken. */
export function takeTicks(timer: TimerView, run: LayerContext): void {
  let ticks = 1;
  if (timer.intervalNs !== 0) {
    const passed = Math.floor((run.now() - timer.startNs) / timer.intervalNs);
    ticks = passed - timer.taken;
    timer.taken = passed;
  }
  const { memory, memoryAt } = run;
  for (let at = 0, left = ticks; at < COUNT_BYTES; at++, left = Math.floor(left / 256)) {
    memory[memoryAt + at] = left % 256;
  }
}
