/**
 * The timer's driver on io_uring: every read waits for a deadline of the engine, and all deadlines
 * share one kernel timeout.
 */
import {
  ERRNO,
  bool,
  layer,
  struct,
  u53,
  type Driver,
  type DriverContext,
} from "../../core/provider/index.ts";
import { COUNT_BYTES, dueAt, takeTicks, timerState } from "./ticks.ts";

export function uringTimer(cx: DriverContext): Driver<{ intervalNs: number }> {
  const timers = cx.records("timer", timerState);

  const read = layer({
    name: "timer.read",
    frame: struct({ deadlineNs: u53, begun: bool }),
    wait(frame, run) {
      if (run.length < COUNT_BYTES) return run.ready(-ERRNO.EINVAL);
      if (!frame.begun) {
        frame.deadlineNs = dueAt(timers.at(run.resource), run);
        frame.begun = true;
      }
      if (run.now() >= frame.deadlineNs) return run.ready();
      return run.until(frame.deadlineNs);
    },
    complete(frame, run, result) {
      if (result < 0) return run.fail(-result);
      if (run.now() < frame.deadlineNs) return run.again();
      takeTicks(timers.at(run.resource), run);
      return run.done(COUNT_BYTES);
    },
  });

  return {
    operations: { read },
    open(resource, options) {
      const timer = timers.at(resource);
      timer.startNs = cx.now();
      timer.intervalNs = options.intervalNs;
    },
    release() {},
  };
}
