/**
 * Topic `threads`: what a completion thread costs and what it is good for, and what a task on a
 * thread of a pool costs. No target but the one: the event loop must not stand still.
 */
import { join } from "node:path";
import { CALIBRATION, calibrationPlan, type SubjectPlan, type Topic } from "./topic.ts";

function subject(module: string, argument: string, more: Partial<SubjectPlan> = {}): SubjectPlan {
  const path = join(import.meta.dir, module);
  return { from: "subject", module: path, argument, unit: "ns/op", ...more };
}

const stall = (completions: string): SubjectPlan =>
  subject("./subjects/loop-stall.ts", completions, { unit: "ms", operations: 8 });

/** A row that shows how many times as long something takes. */
function ratio(name: string, over: string, under: string, target?: number): Topic["rows"][number] {
  return {
    name,
    better: "lower",
    ...(target === undefined ? {} : { target }),
    digits: 3,
    needs: [over, under],
    value: (median) => median(over) / median(under),
  };
}

const topic: Topic = {
  name: "threads",
  samplers: {
    [CALIBRATION]: calibrationPlan,
    "loop, 1 in flight": subject("./subjects/loop-nop.ts", "loop 1"),
    "completion thread, 1 in flight": subject("./subjects/loop-nop.ts", "thread 1"),
    "loop, 64 in flight": subject("./subjects/loop-nop.ts", "loop 64"),
    "completion thread, 64 in flight": subject("./subjects/loop-nop.ts", "thread 64"),
    "loop, longest turn": stall("loop"),
    "completion thread, longest turn": stall("thread"),
    "pool task": subject("./subjects/pool-task.ts", "loop"),
    "pool task, blocking": subject("./subjects/pool-task.ts", "blocking"),
  },
  rows: [
    ratio(
      "NOP round trip on Bun's loop: completion thread / loop, 1 in flight",
      "completion thread, 1 in flight",
      "loop, 1 in flight",
    ),
    ratio(
      "NOP round trip on Bun's loop: completion thread / loop, 64 in flight",
      "completion thread, 64 in flight",
      "loop, 64 in flight",
    ),
    ratio(
      "Longest turn of the loop while 64 MiB are read: completion thread / loop",
      "completion thread, longest turn",
      "loop, longest turn",
      0.1,
    ),
    ratio(
      "A task on a thread of a pool, there and back: blocking / with an event loop",
      "pool task, blocking",
      "pool task",
    ),
  ],
};

export default topic;
