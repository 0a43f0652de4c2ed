/**
 * The completion thread: nothing gets lost or doubled between two threads and a kernel, nothing is
 * left of it, and a kernel that cannot have it says so. What every ring does is tested with it, too
 * (`memoryTest` of ring.fixture.ts).
 */
import { expect } from "bun:test";
import { readdirSync } from "node:fs";

import { ERRNO, isReelError } from "../../errors.ts";
import { Random } from "../../random.ts";
import { OPCODE } from "../contract.ts";
import { SETUP_FLAG } from "./abi.ts";
import { WORD } from "./completion-thread-words.ts";
import {
  RecordingSink,
  openBlocking,
  openDescriptors,
  openLooping,
  pinned,
  pollOut,
  ringTest,
  threadTest as test,
  woken,
  writeNow,
} from "./ring.fixture.ts";
import { UringBackend } from "./uring-backend.ts";

const rings = (): number => openDescriptors().filter((link) => link.includes("io_uring")).length;
const threads = (): number => readdirSync("/proc/self/task").length;

test("the program's own thread never enters the ring that a thread enters for it [X4]", () => {
  const backend = openBlocking();
  // The kernel refuses a ring to threads that it does not belong to.
  const { ring } = backend.working;
  expect(ring.flags & SETUP_FLAG.SINGLE_ISSUER).not.toBe(0);
  expect(ring.memory.kind).toBe("shared");
  const sink = new RecordingSink();
  for (let slot = 0; slot < 3; slot++) backend.ring.prepare(OPCODE.NOP, slot, 1, -1, 0, 0, 0, 0);
  pollOut(backend, sink);
  expect(sink.takeSorted()).toEqual([0, 1, 2].map((slot) => `complete ${slot}.1 0`));
});

test("requests beyond both queues all complete, each once, however they are read [X4]", () => {
  const backend = openBlocking({ entries: 8, completionEntries: 8, slots: 256, reapLimit: 7 });
  const random = new Random(11);
  const generations = new Int32Array(256);
  const open = new Set<number>();
  const sink = new RecordingSink();
  let completed = 0;
  sink.onComplete = (slot) => {
    // Twice, or unasked, would show here.
    if (!open.delete(slot)) throw new Error(`slot ${slot} completed without a request`);
    completed++;
  };
  for (let asked = 0; asked < 20_000;) {
    for (let burst = random.below(60); burst > 0; burst--) {
      const slot = random.below(256);
      if (open.has(slot)) continue;
      open.add(slot);
      backend.ring.prepare(OPCODE.NOP, slot, ++generations[slot]!, -1, 0, 0, 0, 0);
      asked++;
    }
    if (random.chance(0.5)) backend.ring.flush();
    backend.poll(sink, random.chance(0.2) && backend.pending());
    sink.take();
  }
  pollOut(backend, sink);
  const { submitted, stale } = backend.counters;
  expect([completed, open.size, stale]).toEqual([submitted, 0, 0]);
});

test("a completion queue that overflows while nobody reads loses nothing", async () => {
  const backend = openBlocking({ entries: 8, completionEntries: 8, slots: 64 });
  const sink = new RecordingSink();
  for (let slot = 0; slot < 48; slot++) {
    backend.ring.prepare(OPCODE.NOP, slot, 1, -1, 0, 0, 0, 0);
    if (slot % 8 === 7) backend.ring.flush();
  }
  await Bun.sleep(5);
  pollOut(backend, sink);
  expect(sink.takeSorted()).toEqual([...Array(48).keys()].map((slot) => `complete ${slot}.1 0`));
});

test("cancels race completions, and each request ends once", () => {
  const backend = openBlocking({ slots: 64 });
  const { address } = pinned(backend, 64);
  const [reader, writer] = backend.host.pipe(4096);
  const random = new Random(5);
  const sink = new RecordingSink();
  for (let round = 1; round <= 500; round++) {
    for (let slot = 0; slot < 4; slot++) {
      backend.ring.prepare(OPCODE.READ, slot, round, reader, address + slot, 1, -1, 0);
    }
    if (random.chance(0.5)) backend.ring.flush();
    const bytes = random.below(5);
    if (bytes > 0) writeNow(backend, writer, new Uint8Array(bytes));
    for (let slot = 0; slot < 4; slot++) {
      if (random.chance(0.3)) backend.cancelSync(slot, round, 0);
      else backend.ring.cancel(slot, round);
    }
    pollOut(backend, sink);
    const results = sink.results.map(({ result }) => result);
    expect(results).toHaveLength(4);
    const read = results.filter((result) => result === 1).length;
    expect(results.filter((result) => result === -ERRNO.ECANCELED)).toHaveLength(4 - read);
    sink.take();
    // What was not read would be read in the next round.
    for (let left = bytes - read; left > 0; left--) {
      backend.ring.prepare(OPCODE.READ, 9, round, reader, address, 1, -1, 0);
      pollOut(backend, sink);
      sink.take();
    }
  }
  expect(backend.counters.stale).toBe(0);
});

test("catchUp() returns when the kernel has seen what was handed over", () => {
  const backend = openBlocking();
  const sink = new RecordingSink();
  for (let round = 1; round <= 100; round++) {
    backend.ring.prepare(OPCODE.NOP, 0, round, -1, 0, 0, 0, 0);
    backend.ring.flush();
    expect(backend.catchUp()).toBe(true);
    expect(backend.poll(sink, false)).toBe(1);
  }
  expect(backend.catchUp()).toBe(false);
});

test("close() brings the thread back from the kernel, and nothing of it is left [X4]", async () => {
  const before = [rings(), threads()];
  const backend = await openLooping();
  expect([rings(), threads()]).toEqual([before[0]! + 1, before[1]! + 1]);
  const { address } = pinned(backend, 64);
  const [reader] = backend.host.pipe(4096);
  for (let slot = 0; slot < 5; slot++) {
    backend.ring.prepare(OPCODE.READ, slot, 1, reader, address, 1, -1, 0);
  }
  backend.ring.flush();
  backend.armWake(() => expect.unreachable());
  await Bun.sleep(2);
  const { exited } = backend.working.thread!;
  backend.close();
  // The ring is gone when close() returns; the thread needs no more than its own end.
  expect(rings()).toBe(before[0]!);
  await exited;
  for (let looks = 0; threads() > before[1]! && looks < 1000; looks++) await Bun.sleep(1);
  expect(threads()).toBe(before[1]!);
});

test("a refusal of the kernel's ends polls and wake-ups instead of hanging them [X4]", async () => {
  const backend = await openLooping();
  const sink = new RecordingSink();
  const { address } = pinned(backend, 64);
  const [reader] = backend.host.pipe(4096);
  backend.ring.prepare(OPCODE.READ, 0, 1, reader, address, 1, -1, 0);
  const wake = woken(backend);
  await Bun.sleep(2);
  const { thread } = backend.working;
  Atomics.store(thread!.words, WORD.FAULT, ERRNO.EBUSY);
  Atomics.add(thread!.words, WORD.SEQUENCE, 1);
  Atomics.notify(thread!.words, WORD.SEQUENCE);
  await wake;
  expect(() => backend.poll(sink, false)).toThrow("the kernel lacks memory or room");
  expect(() => backend.poll(sink, true)).toThrow("the kernel lacks memory or room");
  Atomics.store(thread!.words, WORD.FAULT, 0);
});

test("a completion thread that is gone ends polls and wake-ups, and close() says so", async () => {
  const backend = await openLooping();
  const { address } = pinned(backend, 64);
  const [reader] = backend.host.pipe(4096);
  backend.ring.prepare(OPCODE.READ, 0, 1, reader, address, 1, -1, 0);
  const wake = woken(backend);
  await Bun.sleep(2);
  backend.working.thread!.stop();
  await wake;
  const sink = new RecordingSink();
  expect(() => backend.poll(sink, false)).toThrow("it has ended");
  expect(() => backend.poll(sink, true)).toThrow("it has ended");
  expect(() => backend.close()).toThrow("1 cancelled requests did not end");
});

ringTest("open() says what a completion thread lacks, or does without where told to", () => {
  const lacking = [
    { messages: "refuse" },
    { knownSetupFlags: Object.values(SETUP_FLAG).reduce((a, b) => a | b) & ~SETUP_FLAG.NO_MMAP },
  ] as const;
  const wanted = ["IORING_REGISTER_SEND_MSG_RING", "IORING_SETUP_NO_MMAP"];
  for (const [index, faults] of lacking.entries()) {
    try {
      openBlocking({ completions: "thread", faults });
      expect.unreachable();
    } catch (error) {
      if (!isReelError(error, "ERR_UNSUPPORTED")) throw error;
      expect(error.message).toContain(wanted[index]!);
      expect(error.mend).toContain("leave completions to the loop");
    }
    const backend = openBlocking({ completions: "auto", faults });
    expect(backend.working.thread).toBeUndefined();
  }
});

ringTest("completions that nobody can make are refused by name", () => {
  const open = (options: object) => () => UringBackend.openBlocking(options);
  expect(open({ completions: "both" })).toThrow('must be "loop", "thread" or "auto": found "both"');
  expect(open({ completions: "thread", faults: { enter: () => 0 } })).toThrow("Cannot simulate");
});

ringTest("a process with a completion thread ends although nobody closes it", async () => {
  const program = `
    import { UringBackend } from ${JSON.stringify(`${import.meta.dir}/uring-backend.ts`)};
    const backend = await UringBackend.open({ completions: "auto" });
    const [reader] = backend.host.pipe(4096);
    const bytes = new Uint8Array(new SharedArrayBuffer(64));
    backend.ring.prepare(22, 0, 1, reader, backend.pinMemory(bytes), 1, -1, 0);
    backend.ring.flush();
    console.log(backend.wakeMode);`;
  const child = Bun.spawn([process.execPath, "-e", program], { stdout: "pipe", timeout: 10_000 });
  expect(["thread\n", "eventfd\n"]).toContain(await new Response(child.stdout).text());
  expect(await child.exited).toBe(0);
});
