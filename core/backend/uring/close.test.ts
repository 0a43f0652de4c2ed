/**
 * The end of a backend: nothing of it is left in the kernel, and the memory that its requests named
 * is ours again, also when the garbage collector does its worst.
 */
import { expect } from "bun:test";

import { isReelError } from "../../errors.ts";
import { OPCODE } from "../contract.ts";
import { libc } from "./libc.ts";
import {
  RecordingSink,
  memoryTest as test,
  openBlocking,
  openDescriptors,
  openLooping,
  pinned,
  pollOut,
  ringTest,
  woken,
  writeNow,
} from "./ring.fixture.ts";
import { UringBackend } from "./uring-backend.ts";

const POISON = 0xdb;

/** A pipe whose ends stay open when the backend closes its own. */
function outlivingPipe(backend: UringBackend): { file: number; reader: number; writer: number } {
  const pair = new Int32Array(new ArrayBuffer(8));
  libc().pipe2(pair, 0o2000000);
  const F_DUPFD_CLOEXEC = 1030;
  const file = backend.ring.files.add(libc().fcntl(pair[0]!, F_DUPFD_CLOEXEC, 0));
  return { file, reader: pair[0]!, writer: pair[1]! };
}

test("close() cancels and reaps what is pending, and nothing is written afterwards", (memory) => {
  const backend = openBlocking({ memory });
  const { bytes, address } = pinned(backend, 64 * 64);
  const pipes = Array.from({ length: 64 }, () => outlivingPipe(backend));
  for (const [slot, { file }] of pipes.entries()) {
    backend.ring.prepare(OPCODE.READ, slot, 1, file, address + slot * 64, 64, -1, 0);
  }
  backend.ring.flush();
  backend.close();
  expect(backend.ring.inFlight).toBe(0);
  bytes.fill(POISON);
  const written = new Uint8Array(64).fill(7);
  for (const { reader, writer } of pipes) {
    expect(libc().write(writer, written, 64)).toBe(64);
    // The data is still there: no request of the closed ring has taken it.
    expect(libc().read(reader, new Uint8Array(100), 100)).toBe(64);
    libc().close(reader);
    libc().close(writer);
  }
  expect(bytes.every((byte) => byte === POISON)).toBe(true);
});

test("close() leaves the kernel no page of ours to write its last words to", async (memory) => {
  // The kernel takes a ring down in the background, and touches the ring's own pages as it does.
  const rings = Array.from({ length: 50 }, () => {
    const backend = openBlocking({ memory });
    backend.ring.prepare(OPCODE.NOP, 0, 1, -1, 0, 0, 0, 0);
    pollOut(backend, new RecordingSink());
    backend.close();
    const { kind, rings: words } = backend.working.ring.memory;
    // Of a mapped ring nothing is left that could be looked at.
    return kind === "shared" ? words.fill(POISON) : new Int32Array(0);
  });
  await Bun.sleep(50);
  expect(rings.every((words) => words.every((word) => word === POISON))).toBe(true);
});

test("close() takes back what was prepared and never handed over", (memory) => {
  const backend = openBlocking({ memory });
  const { address } = pinned(backend, 64);
  const pair = new Int32Array(new ArrayBuffer(8));
  libc().pipe2(pair, 0o2000000 | 0o4000);
  const file = backend.ring.files.add(pair[1]!);
  backend.ring.prepare(OPCODE.NOP, 1, 1, -1, 0, 0, 0, 0);
  backend.ring.prepare(OPCODE.WRITE, 0, 1, file, address, 64, -1, 0);
  // Its slot has been given away meanwhile.
  backend.ring.prepare(OPCODE.WRITE, 0, 2, file, address, 64, -1, 0);
  backend.ring.cancel(0, 2);
  backend.close();
  expect(backend.ring.inFlight).toBe(0);
  expect(libc().read(pair[0]!, new Uint8Array(100), 100)).toBe(0);
  libc().close(pair[0]!);
});

test("close() ends the backend for good, however often it is called", (memory) => {
  const backend = openBlocking({ memory });
  const sink = new RecordingSink();
  const { bytes } = pinned(backend, 64);
  backend.close();
  backend.close();
  expect(backend.poll(sink, true)).toBe(0);
  expect(backend.pending()).toBe(false);
  backend.arm(0);
  backend.inject(1, 1);
  backend.armWake(() => expect.unreachable());
  backend.disarmWake();
  expect(backend.pending()).toBe(false);
  expect(backend.now()).toBeGreaterThan(0);
  const prepare = (): void => backend.ring.prepare(OPCODE.NOP, 0, 1, -1, 0, 0, 0, 0);
  expect(prepare).toThrow("the io_uring backend is closed");
  expect(() => backend.pinMemory(bytes)).toThrow("the io_uring backend is closed");
});

test("close() is refused inside a callback", (memory) => {
  const backend = openBlocking({ memory });
  const sink = new RecordingSink();
  sink.onComplete = () => backend.close();
  backend.ring.prepare(OPCODE.NOP, 0, 1, -1, 0, 0, 0, 0);
  expect(() => backend.poll(sink, true)).toThrow("a poll is delivering");
});

test("close() says so when a request does not end, and keeps its memory for ever", (memory) => {
  let broken = false;
  const ETIME = 62;
  const enter = (): number => (broken ? ETIME : 0);
  const backend = UringBackend.openBlocking({ memory, closeTimeoutMs: 5, faults: { enter } });
  const { address } = pinned(backend, 64);
  const [reader] = backend.host.pipe(4096);
  backend.ring.prepare(OPCODE.READ, 0, 1, reader, address, 64, -1, 0);
  backend.ring.flush();
  broken = true;
  try {
    backend.close();
    expect.unreachable();
  } catch (error) {
    expect(isReelError(error, "EBUSY")).toBe(true);
    expect(String(error)).toContain("1 cancelled requests did not end within 5 ms");
  }
  backend.close();
});

test("open() and close() a hundred times leave no descriptor behind", async (memory) => {
  const cycle = async (): Promise<void> => {
    const backend = await openLooping({ memory });
    const [reader] = backend.host.pipe(4096);
    const { address } = pinned(backend, 64);
    backend.ring.prepare(OPCODE.READ, 0, 1, reader, address, 64, -1, 0);
    backend.ring.prepare(OPCODE.NOP, 1, 1, -1, 0, 0, 0, 0);
    await woken(backend);
    backend.poll(new RecordingSink(), false);
    backend.armWake(() => {});
    backend.close();
  };
  await cycle();
  const settled = async (): Promise<number> => {
    await Bun.sleep(10);
    return openDescriptors().length;
  };
  const before = await settled();
  for (let i = 0; i < 100; i++) await cycle();
  expect(await settled()).toBe(before);
});

test("buffers stay whole when everything is collected between submit and reap", (memory) => {
  const backend = openBlocking({ memory });
  const sink = new RecordingSink();
  const count = 32;
  const size = 4096;
  // The program forgets its view: only the address is left, as in a request in flight.
  const addresses = Array.from({ length: count }, () => pinned(backend, size).address);
  const pipes = Array.from({ length: count }, () => outlivingPipe(backend));
  for (const [slot, { file }] of pipes.entries()) {
    backend.ring.prepare(OPCODE.READ, slot, 1, file, addresses[slot]!, size, -1, 0);
  }
  backend.ring.flush();
  Bun.gc(true);
  const innocent = Array.from({ length: 4 * count }, () => new Uint8Array(size).fill(POISON));
  Bun.gc(true);
  for (const { reader, writer } of pipes) {
    libc().write(writer, new Uint8Array(size).fill(7), size);
    libc().close(writer);
    libc().close(reader);
  }
  Bun.gc(true);
  pollOut(backend, sink);
  expect(sink.results.map(({ result }) => result)).toEqual(Array(count).fill(size));
  expect(innocent.every((bytes) => bytes.every((byte) => byte === POISON))).toBe(true);
});

test("what requests bring lands in the right buffers under a storm of collections", (memory) => {
  const backend = openBlocking({ memory });
  const sink = new RecordingSink();
  const { bytes, address } = pinned(backend, 8 * 64);
  const pipes = Array.from({ length: 8 }, () => backend.host.pipe(4096));
  for (let round = 0; round < 20; round++) {
    bytes.fill(0);
    for (const [slot, [reader, writer]] of pipes.entries()) {
      backend.ring.prepare(OPCODE.READ, slot, round, reader, address + slot * 64, 64, -1, 0);
      backend.ring.flush();
      if (slot % 3 === 0) Bun.gc(true);
      writeNow(backend, writer, new Uint8Array(64).fill(slot + 1));
    }
    Bun.gc(true);
    pollOut(backend, sink);
    for (let slot = 0; slot < 8; slot++) {
      const part = bytes.subarray(slot * 64, slot * 64 + 64);
      expect(part.every((byte) => byte === slot + 1)).toBe(true);
    }
  }
});

ringTest("pinMemory() takes only memory that cannot move, and its address stays the same", () => {
  const backend = openBlocking();
  for (const wrong of [new Uint8Array(64), new Uint8Array(new SharedArrayBuffer(0))]) {
    expect(() => backend.pinMemory(wrong)).toThrow("over a SharedArrayBuffer");
  }
  const bytes = new Uint8Array(new SharedArrayBuffer(4096), 100, 200);
  const address = backend.pinMemory(bytes);
  expect(backend.pinMemory(new Uint8Array(bytes.buffer))).toBe(address - 100);
  expect(bytes.subarray(50).length).toBe(150);
  Bun.gc(true);
  expect(backend.pinMemory(bytes)).toBe(address);
});

ringTest("a backend that the program forgets stays, for the kernel has not forgotten", async () => {
  const forgotten = Array.from({ length: 10 }, () => {
    const backend = UringBackend.openBlocking();
    const { address } = pinned(backend, 64);
    const [reader] = backend.host.pipe(4096);
    backend.ring.prepare(OPCODE.READ, 0, 1, reader, address, 64, -1, 0);
    backend.ring.flush();
    return new WeakRef(backend);
  });
  await Bun.sleep(1);
  Bun.gc(true);
  await Bun.sleep(1);
  const left = forgotten.map((reference) => reference.deref());
  expect(left.every((backend) => backend !== undefined)).toBe(true);
  for (const backend of left) backend!.close();
});
