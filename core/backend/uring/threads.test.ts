/**
 * A ring, its thread and its process: signals that interrupt it, threads that it does not belong
 * to, limits, and what it leaves to the garbage collector.
 */
import { expect, test } from "bun:test";
import { once } from "node:events";
import { Worker } from "node:worker_threads";

import { ERRNO, isReelError } from "../../errors.ts";
import { OPCODE } from "../contract.ts";
import { ALLOCATION } from "./allocation.fixture.ts";
import { CHILD } from "./child.fixture.ts";
import { FORBIDDEN } from "./forbidden.fixture.ts";
import type { Findings } from "./forbidden.fixture.ts";
import {
  RecordingSink,
  memoryTest,
  openBlocking,
  openLooping,
  pollOut,
  ringMissing,
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

ringTest.each([
  ["no garbage", "ring", true],
  // The same with a sink that does allocate, to see that it would be noticed.
  ["what its sink makes", "garbage", false],
])("a million requests leave %s to the collector", async (_what, argument, lean) => {
  const child = Bun.spawn([process.execPath, ALLOCATION, argument], {
    env: { ...process.env, BUN_JSC_logGC: "1" },
    stderr: "pipe",
    timeout: 15_000,
  });
  const log = await new Response(child.stderr).text();
  expect(await child.exited).toBe(0);
  const during = log.slice(log.indexOf("from here"), log.indexOf("up to here"));
  const collections = during.split("START").length - 1;
  if (lean) expect(collections).toBe(0);
  else expect(collections).toBeGreaterThan(0);
});

const prlimit = Bun.which("prlimit");
if (prlimit === null) console.warn("SKIPPED: the locked memory test, because there is no prlimit");

test.skipIf(ringMissing !== undefined || prlimit === null)(
  "a process that may lock no memory has a ring, or is told of the limit",
  async () => {
    const command = [prlimit!, "--memlock=0:0", process.execPath, FORBIDDEN, "{}"];
    const child = Bun.spawn(command, { stdout: "pipe", stderr: "inherit", timeout: 15_000 });
    const { report, chosen } = (await new Response(child.stdout).json()) as Findings;
    expect(await child.exited).toBe(0);
    expect(report.host.memlockBytes).toBe(0);
    // Since 5.12 a ring is charged to the control group instead of this limit.
    if (chosen === "uring") expect(report.obstacles).toEqual([]);
    else expect(report.obstacles[0]!.mend).toContain("ulimit -l");
  },
);
