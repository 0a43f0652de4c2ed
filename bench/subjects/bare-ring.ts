/** The ring by itself: what preparing and reaping NOPs costs without engine, layers, promises. */
import { OPCODE, type Backend, type Sink } from "../../core/backend/contract.ts";
import type { Timed } from "../subject.ts";

/** Counts what arrives and refuses what is no success. */
class CountingSink implements Sink {
  readonly ignoresTime = true;
  completed = 0;

  turn(): void {}

  complete(_slot: number, _generation: number, result: number): void {
    if (result < 0) throw new Error(`A NOP failed: found ${result}, wanted 0`);
    this.completed++;
  }

  interrupt(): void {}
  expire(): void {}
  input(): void {}
}

/** NOPs in rounds of `batch`: prepared, handed over in one system call, all of them reaped. */
export function ringWork(backend: Backend, batch: number, close: () => void): Timed {
  const sink = new CountingSink();
  const ring = backend.ring!;
  return {
    batch,
    run(operations) {
      for (let done = 0; done < operations; done += batch) {
        for (let slot = 0; slot < batch; slot++) ring.prepare(OPCODE.NOP, slot, 1, -1, 0, 0, 0, 0);
        const wanted = sink.completed + batch;
        while (sink.completed < wanted) backend.poll(sink, true);
      }
    },
    close,
  };
}
