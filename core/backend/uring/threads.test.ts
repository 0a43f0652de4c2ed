/** A ring and its thread: signals that interrupt it, and threads that it does not belong to. */
import { expect } from "bun:test";
import { once } from "node:events";
import { Worker } from "node:worker_threads";

import { ERRNO, isReelError } from "../../errors.ts";
import { OPCODE } from "../contract.ts";
import { CHILD } from "./child.fixture.ts";
import {
  RecordingSink,
  memoryTest,
  openBlocking,
  openLooping,
  pollOut,
  ringTest,
} from "./ring.fixture.ts";
import { STRANGER } from "./stranger.fixture.ts";
import type { StrangerTask } from "./stranger.fixture.ts";

memoryTest("a ring is refused to threads that it does not belong to", async (memory) => {
  const backend = await openLooping({ memory });
  expect(backend.working.ring.flags).not.toBe(0);
  const found = new Int32Array(new SharedArrayBuffer(12));
  const workerData: StrangerTask = { fd: backend.ring.fd, found };
  const worker = new Worker(STRANGER, { workerData });
  await once(worker, "exit");
  // It works with a ring of its own, beside this one.
  expect([...found]).toEqual([ERRNO.EEXIST, 1, 0]);
  const sink = new RecordingSink();
  backend.ring.prepare(OPCODE.NOP, 0, 1, -1, 0, 0, 0, 0);
  pollOut(backend, sink);
  expect(sink.take()).toEqual(["turn", "complete 0.1 0"]);
});

ringTest("enter() in a strange thread says whose ring it is", () => {
  let strange = true;
  const backend = openBlocking({ faults: { enter: () => (strange ? 0 : ERRNO.EEXIST) } });
  backend.ring.prepare(OPCODE.NOP, 0, 1, -1, 0, 0, 0, 0);
  strange = false;
  try {
    backend.ring.flush();
    expect.unreachable();
  } catch (error) {
    expect(isReelError(error, "EEXIST")).toBe(true);
    expect(String(error)).toContain("the ring belongs to the thread that opened it");
    expect(isReelError(error) && error.mend).toContain("in each thread");
  }
  strange = true;
});

ringTest("poll() waits on after signals that interrupt it", async () => {
  const child = Bun.spawn([process.execPath, CHILD, "signalled"], {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "inherit",
    timeout: 10_000,
  });
  let output = "";
  for await (const chunk of child.stdout) {
    output += new TextDecoder().decode(chunk);
    if (output !== "reading\n") continue;
    for (let i = 0; i < 10; i++) {
      await Bun.sleep(2);
      child.kill("SIGUSR2");
    }
    await Bun.sleep(2);
    child.stdin.write("x");
    child.stdin.end();
  }
  expect(await child.exited).toBe(0);
  const [, enters, delivered] = output.trim().split("\n");
  expect(delivered).toBe("[1]");
  // Each wait that a signal ended was begun again; several signals may end one wait.
  expect(Number(enters)).toBeGreaterThan(2);
});

ringTest("more rings than a thread may register all work", () => {
  const backends = Array.from({ length: 20 }, () => openBlocking());
  for (const backend of backends) {
    const sink = new RecordingSink();
    backend.ring.prepare(OPCODE.NOP, 0, 1, -1, 0, 0, 0, 0);
    pollOut(backend, sink);
    expect(sink.take()).toEqual(["turn", "complete 0.1 0"]);
  }
});
