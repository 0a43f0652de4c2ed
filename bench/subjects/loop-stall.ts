/**
 * The longest time for which Bun's event loop stands still while 64 MiB are read from the page
 * cache by 64 requests that are handed over at once. Argument: who enters the kernel, `loop` or
 * `thread`.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { OPCODE, type Sink } from "../../core/backend/contract.ts";
import { hostMonotonicNs, hostSoon } from "../../core/clock.ts";
import type { Subject } from "../subject.ts";
import { openUring } from "./uring.ts";

const READS = 64;
const READ_BYTES = 1 << 20;

/** Turns the event loop again and again, and notes its longest turn. */
class Pulse {
  longestNs = 0;
  #lastNs = hostMonotonicNs();
  #beating = true;

  constructor() {
    hostSoon(this.#beat);
  }

  stop(): void {
    this.#beating = false;
  }

  readonly #beat = (): void => {
    const nowNs = hostMonotonicNs();
    this.longestNs = Math.max(this.longestNs, nowNs - this.#lastNs);
    this.#lastNs = nowNs;
    if (this.#beating) hostSoon(this.#beat);
  };
}

export default async function open(completions: string): Promise<Subject> {
  const backend = openUring(READS, { completions: completions as "loop" | "thread" });
  await backend.testWake();
  const folder = mkdtempSync(join(tmpdir(), "ioreel-bench-"));
  const path = join(folder, "pages");
  writeFileSync(path, new Uint8Array(READS * READ_BYTES).fill(7));
  const bytes = new Uint8Array(new SharedArrayBuffer(READS * READ_BYTES)).fill(1);
  const address = backend.pinMemory(bytes);
  const file = backend.host.open(path, 0, 0);
  let generation = 0;
  let left = 0;
  const sink: Sink = {
    turn() {},
    complete: () => void left--,
    interrupt() {},
    expire() {},
    input() {},
  };

  async function read(): Promise<number> {
    const pulse = new Pulse();
    generation++;
    left = READS;
    for (let slot = 0; slot < READS; slot++) {
      const at = slot * READ_BYTES;
      backend.ring.prepare(OPCODE.READ, slot, generation, file, address + at, READ_BYTES, at, 0);
    }
    backend.ring.flush();
    while (left > 0) {
      await new Promise<void>((resolve) => backend.armWake(resolve));
      backend.poll(sink, false);
    }
    await new Promise<void>(hostSoon);
    pulse.stop();
    return pulse.longestNs;
  }

  return {
    batch: 1,
    async sample(operations) {
      // A turn that another program cut in two is nobody's fault here: the best of a few counts.
      let leastNs = Infinity;
      for (let i = 0; i < operations; i++) leastNs = Math.min(leastNs, await read());
      return { value: leastNs / 1e6, waited: 0 };
    },
    close() {
      backend.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
