/**
 * NOPs on Bun's event loop, so many in flight: handed over, waited for by the backend's wake-up,
 * and collected. Argument: who enters the kernel (`loop` or `thread`) and how many.
 */
import type { UringBackend } from "../../core/backend/uring/uring-backend.ts";
import { OPCODE, type Sink } from "../../core/backend/contract.ts";
import { timed, type Subject } from "../subject.ts";
import { openUring } from "./uring.ts";

class Counter implements Sink {
  readonly ignoresTime = true;
  count = 0;

  turn(): void {}

  complete(): void {
    this.count++;
  }

  interrupt(): void {}

  expire(): void {}

  input(): void {}
}

async function drive(backend: UringBackend, depth: number, operations: number): Promise<void> {
  const sink = new Counter();
  const { ring } = backend;
  for (let begun = 0; begun < operations; begun += depth) {
    for (let slot = 0; slot < depth; slot++) {
      ring.prepare(OPCODE.NOP, slot, begun / depth, -1, 0, 0, 0, 0);
    }
    ring.flush();
    while (sink.count < begun + depth) {
      await new Promise<void>((resolve) => backend.armWake(resolve));
      backend.poll(sink, false);
    }
  }
}

export default async function open(argument: string): Promise<Subject> {
  const [completions, depth] = argument.split(" ") as ["loop" | "thread", string];
  const backend = openUring(Number(depth), { completions });
  await backend.testWake();
  const run = (operations: number): Promise<void> => drive(backend, Number(depth), operations);
  const work = { batch: Number(depth), run, close: () => backend.close() };
  // The main thread waits for the other one, which counts.
  return timed(work, { countsWaiting: true });
}
