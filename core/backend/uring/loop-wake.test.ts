/** Wake-ups on Bun's event loop: none is lost, none comes twice, and none keeps the process. */
import { expect } from "bun:test";
import { Worker } from "node:worker_threads";

import { hostSoon, ms } from "../../clock.ts";
import { Random } from "../../random.ts";
import { INPUT_INTERRUPT, OPCODE } from "../contract.ts";
import { BYTE_WRITER } from "./byte-writer.fixture.ts";
import type { ByteWriterTask } from "./byte-writer.fixture.ts";
import { CHILD } from "./child.fixture.ts";
import {
  RecordingSink,
  memoryTest as test,
  openBlocking,
  openLooping,
  pinned,
  pollOut,
  ringTest,
  threadMissing,
  woken,
  writeNow,
} from "./ring.fixture.ts";
import type { UringBackend } from "./uring-backend.ts";

/** Arms wake-ups and polls until so many events were delivered. */
async function drive(backend: UringBackend, sink: RecordingSink, events: number): Promise<void> {
  for (let seen = backend.poll(sink, false); seen < events; seen += backend.poll(sink, false)) {
    await woken(backend);
  }
}

/** Runs a scenario in a process of its own. @returns what it delivered */
async function runChild(scenario: string, completions = "loop"): Promise<string> {
  const child = Bun.spawn([process.execPath, CHILD, scenario, completions], {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "inherit",
    timeout: 10_000,
  });
  let output = "";
  for await (const chunk of child.stdout) {
    output += new TextDecoder().decode(chunk);
    if (scenario !== "pending" || output !== "reading\n") continue;
    // Until the process sleeps.
    await Bun.sleep(20);
    child.stdin.write("x");
    child.stdin.end();
  }
  expect(await child.exited).toBe(0);
  return output.trim().split("\n").at(-1)!;
}

test("armWake() calls back on a later turn of the event loop, once", async (memory) => {
  const backend = await openLooping({ memory });
  expect(backend.wakeMode).toBe(backend.working.thread === undefined ? "eventfd" : "thread");
  expect(backend.obstacles).toEqual([]);
  let woke = 0;
  backend.ring.prepare(OPCODE.NOP, 0, 1, -1, 0, 0, 0, 0);
  backend.armWake(() => woke++);
  expect(woke).toBe(0);
  await Bun.sleep(5);
  expect(woke).toBe(1);
  const sink = new RecordingSink();
  expect(backend.poll(sink, false)).toBe(1);
});

test("armWake() wakes for a completion that comes while the loop sleeps", async (memory) => {
  const backend = await openLooping({ memory });
  const sink = new RecordingSink();
  const { address } = pinned(backend, 64);
  const [reader, writer] = backend.host.pipe(4096);
  backend.ring.prepare(OPCODE.READ, 0, 1, reader, address, 1, -1, 0);
  let woke = 0;
  backend.armWake(() => woke++);
  await Bun.sleep(10);
  expect(woke).toBe(0);
  writeNow(backend, writer, new Uint8Array(1));
  await drive(backend, sink, 1);
  expect(sink.take()).toEqual(["turn", "complete 0.1 1"]);
});

test("armWake() is withdrawn by disarmWake(), however far it has come", async (memory) => {
  const backend = await openLooping({ memory });
  const { address } = pinned(backend, 64);
  const [reader, writer] = backend.host.pipe(4096);
  for (const delayMs of [0, 0, 5]) {
    backend.ring.prepare(OPCODE.READ, 0, 1, reader, address, 1, -1, 0);
    backend.armWake(() => expect.unreachable());
    if (delayMs > 0) await Bun.sleep(delayMs);
    writeNow(backend, writer, new Uint8Array(1));
    backend.disarmWake();
    await Bun.sleep(2);
    pollOut(backend, new RecordingSink());
  }
});

test("armWake() begins to wait when something is handed over later", async (memory) => {
  const backend = await openLooping({ memory });
  const sink = new RecordingSink();
  const wake = woken(backend);
  await Bun.sleep(3);
  backend.ring.prepare(OPCODE.NOP, 0, 1, -1, 0, 0, 0, 0);
  backend.ring.flush();
  await wake;
  expect(backend.poll(sink, false)).toBe(1);
});

test("armWake() wakes for an input from outside, asleep or not", async (memory) => {
  const backend = await openLooping({ memory });
  const sink = new RecordingSink();
  const { address } = pinned(backend, 64);
  const [reader] = backend.host.pipe(4096);
  const idle = woken(backend);
  backend.inject(INPUT_INTERRUPT, 1);
  await idle;
  expect(backend.poll(sink, false)).toBe(1);
  backend.ring.prepare(OPCODE.READ, 0, 1, reader, address, 1, -1, 0);
  const asleep = woken(backend);
  await Bun.sleep(5);
  backend.inject(INPUT_INTERRUPT, 2);
  await asleep;
  expect(backend.poll(sink, false)).toBe(1);
  expect(sink.take()).toEqual(["turn", "input 1 1", "turn", "input 1 2"]);
});

test("armWake() loses none of ten thousand races with falling asleep", async (memory) => {
  const backend = await openLooping({ memory, spinLimit: 1 });
  const sink = new RecordingSink();
  const { address } = pinned(backend, 64);
  const [reader, writer] = backend.host.pipe(4096);
  const shared = new Int32Array(new SharedArrayBuffer(8));
  const fd = backend.ring.files.fdOf(writer);
  const workerData: ByteWriterTask = { shared, fd, rounds: 10_000 };
  const worker = new Worker(BYTE_WRITER, { workerData });
  for (let round = 1; round <= 10_000; round++) {
    backend.ring.prepare(OPCODE.READ, 0, round, reader, address, 1, -1, 0);
    backend.ring.flush();
    // The worker writes a byte after a pause of its own choice, up to some microseconds.
    Atomics.store(shared, 0, round);
    Atomics.notify(shared, 0);
    await drive(backend, sink, 1);
    if (sink.results.at(-1)!.result !== 1) throw new Error(`round ${round}: ${sink.calls}`);
    sink.take();
  }
  expect(backend.counters).toMatchObject({ submitted: 10_000, completed: 10_000, stale: 0 });
  await worker.terminate();
});

test("armWake() loses nothing that comes from within the same turns", async (memory) => {
  const backend = await openLooping({ memory });
  const sink = new RecordingSink();
  const random = new Random(8);
  const { address } = pinned(backend, 64);
  const [reader, writer] = backend.host.pipe(4096);
  for (let round = 1; round <= 2000; round++) {
    backend.ring.prepare(OPCODE.READ, 0, round, reader, address, 1, -1, 0);
    const turns = random.below(6);
    const write = (left: number): void => {
      if (left > 0) hostSoon(() => write(left - 1));
      else writeNow(backend, writer, new Uint8Array(1));
    };
    write(turns);
    await drive(backend, sink, 1);
    expect(sink.results).toHaveLength(1);
    sink.take();
  }
});

ringTest("open() reports an event loop that does not hear the eventfd, and polls", async () => {
  const backend = await openLooping({ selfTestMs: 20, faults: { eventfdSelfTest: "fail" } });
  expect(backend.wakeMode).toBe("polling");
  expect(backend.obstacles[0]).toMatchObject({ code: "ERR_TIMEOUT", fatal: false });
  expect(backend.obstacles[0]!.found).toContain("did not notice the ring's eventfd within 20 ms");
  const sink = new RecordingSink();
  const { address } = pinned(backend, 64);
  const [reader, writer] = backend.host.pipe(4096);
  backend.ring.prepare(OPCODE.READ, 0, 1, reader, address, 1, -1, 0);
  const wake = woken(backend);
  await Bun.sleep(5);
  writeNow(backend, writer, new Uint8Array(1));
  await wake;
  expect(backend.poll(sink, false)).toBe(1);
  backend.arm(backend.now() + ms(3));
  await drive(backend, sink, 1);
  expect(sink.take().at(-1)).toBe("expire");
});

ringTest("openBlocking() tests the wake-up when one is armed all the same", async () => {
  const backend = openBlocking();
  expect(backend.wakeMode).toBe("untested");
  const sink = new RecordingSink();
  const { address } = pinned(backend, 64);
  const [reader, writer] = backend.host.pipe(4096);
  backend.ring.prepare(OPCODE.READ, 0, 1, reader, address, 1, -1, 0);
  const wake = woken(backend);
  while (backend.wakeMode === "untested") await Bun.sleep(1);
  expect(backend.wakeMode).toBe("eventfd");
  writeNow(backend, writer, new Uint8Array(1));
  await wake;
  expect(backend.poll(sink, false)).toBe(1);
});

const ENDINGS = [
  ["idle", "[]"],
  ["armed for nothing", "[]"],
  ["disarmed", "[]"],
  ["pending", "[1]"],
  ["sleeping", "[0]"],
] as const;

ringTest.each(ENDINGS)(
  "a process whose backend is %s ends when it should",
  async (scenario, delivered) => {
    expect(await runChild(scenario)).toBe(delivered);
  },
);

ringTest.skipIf(threadMissing !== undefined).each(ENDINGS)(
  "a process whose completion thread is %s ends when it should",
  async (scenario, delivered) => {
    expect(await runChild(scenario, "thread")).toBe(delivered);
  },
);
