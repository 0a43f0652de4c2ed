/** Requests to the real kernel, on a ring in shared memory and on a mapped one alike. */
import { expect } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { ERRNO } from "../../errors.ts";
import { INPUT_INTERRUPT, OPCODE } from "../contract.ts";
import {
  RecordingSink,
  loopTest,
  memoryTest as test,
  openBlocking,
  openDescriptors,
  pinned,
  pollFor,
  pollOut,
  writeNow,
} from "./ring.fixture.ts";

const O_RDWR_CREAT = 0o102;

loopTest("poll() delivers what was asked for, after one turn for the batch", (memory) => {
  const backend = openBlocking({ memory });
  const sink = new RecordingSink();
  expect(backend.working.ring.memory.kind).toBe(memory);
  for (let slot = 0; slot < 3; slot++) backend.ring.prepare(OPCODE.NOP, slot, 5, -1, 0, 0, 0, 0);
  expect(backend.pending()).toBe(true);
  expect(backend.poll(sink, true)).toBe(3);
  expect(sink.take()).toEqual(["turn", "complete 0.5 0", "complete 1.5 0", "complete 2.5 0"]);
  expect(backend.pending()).toBe(false);
  expect(backend.poll(sink, false)).toBe(0);
  expect(sink.take()).toEqual([]);
  expect(backend.counters).toMatchObject({ submitted: 3, completed: 3, enters: 1 + 1 });
});

test("poll() with wait returns at once when nothing can come", (memory) => {
  const backend = openBlocking({ memory });
  expect(backend.poll(new RecordingSink(), true)).toBe(0);
});

test("poll() refuses to begin inside its own callbacks, where requests are welcome", (memory) => {
  const backend = openBlocking({ memory });
  const sink = new RecordingSink();
  let refusal: unknown;
  sink.onComplete = (slot) => {
    if (slot !== 1) return;
    backend.ring.prepare(OPCODE.NOP, 2, 0, -1, 0, 0, 0, 0);
    try {
      backend.poll(sink, false);
    } catch (error) {
      refusal = error;
    }
  };
  backend.ring.prepare(OPCODE.NOP, 1, 0, -1, 0, 0, 0, 0);
  pollOut(backend, sink);
  expect(String(refusal)).toContain("a poll is delivering");
  expect(sink.take()).toEqual(["turn", "complete 1.0 0", "turn", "complete 2.0 0"]);
});

test("prepare() hands over by itself when the submission queue is full", (memory) => {
  const backend = openBlocking({ memory, entries: 8, slots: 100 });
  const sink = new RecordingSink();
  for (let slot = 0; slot < 100; slot++) {
    backend.ring.prepare(OPCODE.NOP, slot, 1, -1, 0, 0, 0, 0);
  }
  pollOut(backend, sink);
  expect(sink.results.map(({ slot }) => slot)).toEqual([...Array(100).keys()]);
});

test("poll() leaves what is over its limit to the next poll", (memory) => {
  const backend = openBlocking({ memory, reapLimit: 10 });
  const sink = new RecordingSink();
  for (let slot = 0; slot < 25; slot++) backend.ring.prepare(OPCODE.NOP, slot, 1, -1, 0, 0, 0, 0);
  expect(backend.poll(sink, true)).toBe(10);
  expect(backend.poll(sink, true)).toBe(10);
  expect(backend.poll(sink, false)).toBe(5);
  expect(sink.calls.filter((call) => call === "turn")).toHaveLength(3);
});

test("a read takes what is there, and waits when nothing is", (memory) => {
  const backend = openBlocking({ memory });
  const sink = new RecordingSink();
  const { bytes, address } = pinned(backend, 4096);
  const [reader, writer] = backend.host.pipe(65536);
  backend.ring.prepare(OPCODE.READ, 0, 1, reader, address, 4096, -1, 0);
  expect(backend.poll(sink, false)).toBe(0);
  bytes.set([1, 2, 3], 1000);
  backend.ring.prepare(OPCODE.WRITE, 1, 1, writer, address + 1000, 3, -1, 0);
  pollFor(backend, sink, 2);
  expect(sink.takeSorted()).toEqual(["complete 0.1 3", "complete 1.1 3"]);
  expect([...bytes.subarray(0, 4)]).toEqual([1, 2, 3, 0]);
});

test("a read beyond 2 GiB is one of what the kernel moves at once", (memory) => {
  const backend = openBlocking({ memory });
  const sink = new RecordingSink();
  const { address } = pinned(backend, 4096);
  const [reader, writer] = backend.host.pipe(4096);
  writeNow(backend, writer, new Uint8Array([9, 9]));
  // One more than 32 bits hold, which cut off would be a read of one byte.
  backend.ring.prepare(OPCODE.READ, 0, 1, reader, address, 2 ** 32 + 1, -1, 0);
  pollOut(backend, sink);
  expect(sink.take()).toEqual(["turn", "complete 0.1 2"]);
});

test("positions beyond 32 bits reach the kernel whole, and -1 means the file's own", (memory) => {
  const backend = openBlocking({ memory });
  const sink = new RecordingSink();
  const { bytes, address } = pinned(backend, 4096);
  const folder = mkdtempSync(join(tmpdir(), "uring-"));
  const file = backend.host.open(join(folder, "sparse"), O_RDWR_CREAT, 0o600);
  const far = 2 ** 33 + 7;
  bytes.set([7, 8, 9]);
  backend.ring.prepare(OPCODE.WRITE, 0, 1, file, address, 3, far, 0);
  pollOut(backend, sink);
  backend.ring.prepare(OPCODE.READ, 0, 2, file, address + 100, 10, far + 1, 0);
  pollOut(backend, sink);
  bytes.set([1, 2, 3, 4], 200);
  for (const [generation, at] of [3, 4].entries()) {
    backend.ring.prepare(OPCODE.WRITE, 0, 10 + generation, file, address + 200, at, -1, 0);
    pollOut(backend, sink);
  }
  backend.ring.prepare(OPCODE.READ, 0, 20, file, address + 300, 100, 0, 0);
  pollOut(backend, sink);
  rmSync(folder, { recursive: true });
  expect(sink.results.map(({ result }) => result)).toEqual([3, 2, 3, 4, 100]);
  expect([...bytes.subarray(100, 103)]).toEqual([8, 9, 0]);
  expect([...bytes.subarray(300, 308)]).toEqual([1, 2, 3, 1, 2, 3, 4, 0]);
});

test("prepare() refuses addresses and positions that 52 bits do not hold", (memory) => {
  const backend = openBlocking({ memory });
  const [reader] = backend.host.pipe(4096);
  expect(() => backend.ring.prepare(OPCODE.READ, 0, 1, reader, 2 ** 52, 1, 0, 0)).toThrow(
    "an address or a position must be whole and below 2^52: found 4503599627370496",
  );
  expect(() => backend.ring.prepare(OPCODE.READ, 0, 1, reader, 0.5, 1, 0, 0)).toThrow(RangeError);
  expect(backend.pending()).toBe(false);
  backend.host.close(reader);
});

test("a request on no file or on a closed one completes with EBADF", (memory) => {
  const backend = openBlocking({ memory });
  const sink = new RecordingSink();
  const { address } = pinned(backend, 4096);
  const [reader, writer] = backend.host.pipe(4096);
  backend.host.close(reader);
  backend.ring.prepare(OPCODE.READ, 0, 1, -1, address, 1, 0, 0);
  backend.ring.prepare(OPCODE.READ, 1, 1, 99, address, 1, 0, 0);
  backend.ring.prepare(OPCODE.READ, 2, 1, reader, address, 1, 0, 0);
  pollOut(backend, sink);
  expect(sink.results.map(({ result }) => result)).toEqual(Array(3).fill(-ERRNO.EBADF));
  backend.host.close(writer);
});

test("a splice moves between ring files and leaves no trace in later requests", (memory) => {
  const backend = openBlocking({ memory, entries: 4 });
  const sink = new RecordingSink();
  const [reader, writer] = backend.host.pipe(4096);
  // Room for several pieces: a pipe of one page holds one.
  const [farReader, farWriter] = backend.host.pipe(65536);
  writeNow(backend, writer, new Uint8Array([4, 5, 6]));
  backend.ring.prepare(OPCODE.TEE, 0, 1, farWriter, 0, 2, 0, reader);
  pollOut(backend, sink);
  backend.ring.prepare(OPCODE.SPLICE, 0, 2, farWriter, -1, 3, -1, reader);
  expect(() => backend.host.close(reader)).toThrow("1 of its requests are in flight");
  pollOut(backend, sink);
  expect(sink.take()).toEqual(["turn", "complete 0.1 2", "turn", "complete 0.2 3"]);
  expect([...backend.host.peekPipe(farReader)]).toEqual([4, 5, 4, 5, 6]);
  // A word that splices leave in a submission entry would turn these into something else.
  const { bytes, address } = pinned(backend, 4096);
  bytes.set(new TextEncoder().encode("/dev/null\0"));
  for (let slot = 0; slot < 8; slot++) {
    backend.ring.prepare(OPCODE.OPENAT, slot, 3, -1, address, 0, 0, 0);
  }
  pollOut(backend, sink);
  expect(sink.results.map(({ result }) => result)).toEqual([4, 5, 6, 7, 8, 9, 10, 11]);
  backend.host.close(reader);
});

loopTest("completions that overflow the queue all arrive, each once", (memory) => {
  const backend = openBlocking({ memory, entries: 8, completionEntries: 8, slots: 64 });
  const sink = new RecordingSink();
  for (let slot = 0; slot < 48; slot++) {
    backend.ring.prepare(OPCODE.NOP, slot, 1, -1, 0, 0, 0, 0);
    if (slot % 8 === 7) backend.ring.flush();
  }
  expect(backend.poll(sink, false)).toBe(48);
  expect(sink.takeSorted()).toEqual([...Array(48).keys()].map((slot) => `complete ${slot}.1 0`));
  expect(backend.counters.overflows).toBeGreaterThan(0);
});

loopTest("a bad request in the middle of a batch does not hold up the others", (memory) => {
  const backend = openBlocking({ memory, avoidFlags: ["SUBMIT_ALL"] });
  const sink = new RecordingSink();
  const noSuchOpcode = 250;
  for (let slot = 0; slot < 9; slot++) {
    const opcode = slot % 3 === 1 ? noSuchOpcode : OPCODE.NOP;
    backend.ring.prepare(opcode, slot, 1, -1, 0, 0, 0, 0);
  }
  pollOut(backend, sink);
  const { EINVAL } = ERRNO;
  expect(sink.takeSorted().map((call) => Number(call.split(" ")[2]))).toEqual(
    [0, 1, 0, 0, 1, 0, 0, 1, 0].map((bad) => (bad === 1 ? -EINVAL : 0)),
  );
  // The kernel stops at each bad one, and is asked to go on.
  expect(backend.counters.enters).toBeGreaterThanOrEqual(4);
});

loopTest("inject() reaches the next poll before everything else, also a waiting one", (memory) => {
  const backend = openBlocking({ memory });
  const sink = new RecordingSink();
  const [reader] = backend.host.pipe(4096);
  const { address } = pinned(backend, 4096);
  backend.ring.prepare(OPCODE.READ, 0, 1, reader, address, 1, -1, 0);
  backend.ring.prepare(OPCODE.NOP, 1, 1, -1, 0, 0, 0, 0);
  backend.inject(INPUT_INTERRUPT, 15);
  expect(backend.poll(sink, true)).toBe(2);
  expect(sink.take()).toEqual(["turn", "input 1 15", "complete 1.1 0"]);
  backend.inject(INPUT_INTERRUPT, 2);
  expect(backend.poll(sink, true)).toBe(1);
  expect(sink.take()).toEqual(["turn", "input 1 2"]);
});

test("now() counts whole nanoseconds of the session and never goes back", (memory) => {
  const backend = openBlocking({ memory });
  let latestNs = backend.now();
  expect(latestNs).toBeLessThan(1e9);
  for (let i = 0; i < 10_000; i++) {
    const nowNs = backend.now();
    if (!Number.isSafeInteger(nowNs) || nowNs < latestNs) throw new Error(`now(): ${nowNs}`);
    latestNs = nowNs;
  }
});

loopTest("close() of a hundred backends leaves no descriptor behind", (memory) => {
  const before = openDescriptors().length;
  for (let i = 0; i < 100; i++) {
    const backend = openBlocking({ memory });
    backend.host.pipe(4096);
    backend.ring.prepare(OPCODE.NOP, 0, 1, -1, 0, 0, 0, 0);
    pollOut(backend, new RecordingSink());
    backend.close();
  }
  expect(openDescriptors().length).toBe(before);
});
