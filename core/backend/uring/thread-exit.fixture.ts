/** A worker that ends in a way of its test's choice while its ring has a read in flight. */
import { workerData } from "node:worker_threads";

import { hostAfter } from "../../clock.ts";
import { OPCODE } from "../contract.ts";
import type { CompletionsBy } from "./options.ts";
import { UringBackend } from "./uring-backend.ts";

export const ENDING = new URL(import.meta.url);

export interface EndingTask {
  readonly way: "exit" | "throw";
  readonly completions: CompletionsBy;
  /** Set to 1 once the read is in flight. */
  readonly words: Int32Array;
}

if (!Bun.isMainThread) {
  const { way, completions, words } = workerData as EndingTask;
  const backend = await UringBackend.open({ completions });
  const bytes = new Uint8Array(new SharedArrayBuffer(64));
  const [reader] = backend.host.pipe(4096);
  backend.ring.prepare(OPCODE.READ, 0, 1, reader, backend.pinMemory(bytes), 64, -1, 0);
  backend.ring.flush();
  backend.catchUp();
  backend.armWake(() => {});
  Atomics.store(words, 0, 1);
  Atomics.notify(words, 0);
  if (way === "exit") process.exit(3);
  hostAfter(1, () => {
    throw new RangeError("thrown by nobody's task");
  });
}
