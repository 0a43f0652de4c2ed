/** Threads that end without closing their ring: the kernel must let go of it all the same. */
import { expect } from "bun:test";
import { Worker } from "node:worker_threads";

import { openDescriptors, ringTest, threadMissing } from "./ring.fixture.ts";
import { ENDING } from "./thread-exit.fixture.ts";
import type { EndingTask } from "./thread-exit.fixture.ts";

const rings = (): number => openDescriptors().filter((link) => link.includes("io_uring")).length;
const pipes = (): number => openDescriptors().filter((link) => link.includes("pipe:")).length;

for (const completions of ["loop", "thread"] as const) {
  for (const way of ["exit", "throw"] as const) {
    ringTest.skipIf(completions === "thread" && threadMissing !== undefined)(
      `a thread that ends by ${way} leaves no ring and no file behind (${completions})`,
      async () => {
        const before = [rings(), pipes()];
        const words = new Int32Array(new SharedArrayBuffer(4));
        const workerData: EndingTask = { way, completions, words };
        const worker = new Worker(ENDING, { workerData });
        worker.on("error", () => {});
        const exited = new Promise((resolve) => worker.on("exit", resolve));
        const waiting = Atomics.waitAsync(words, 0, 0);
        if (waiting.async) await waiting.value;
        await exited;
        expect([rings(), pipes()]).toEqual(before);
      },
    );
  }
}
