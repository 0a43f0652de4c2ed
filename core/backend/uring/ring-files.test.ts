/** Ring files: the numbers that stand for descriptors, in requests and in results. */
import { expect, test } from "bun:test";

import { ERRNO, isReelError } from "../../errors.ts";
import { OPCODE } from "../contract.ts";
import { RingFiles } from "./ring-files.ts";
import {
  RecordingSink,
  loopTest,
  closesOnExec,
  memoryTest,
  openBlocking,
  openDescriptors,
  pinned,
  pollOut,
  ringTest,
} from "./ring.fixture.ts";
import { connect, listen } from "./sockets.fixture.ts";
import type { UringBackend } from "./uring-backend.ts";

/** Asks for /dev/null to be opened. */
function prepareOpen(backend: UringBackend, slot: number, generation: number): void {
  const { bytes, address } = pinned(backend, 4096);
  bytes.set(new TextEncoder().encode("/dev/null\0"));
  backend.ring.prepare(OPCODE.OPENAT, slot, generation, -1, address, 0, 0, 0);
}

test("add() numbers files by the order of calls alone, however many there are", () => {
  const files = new RingFiles();
  for (let i = 0; i < 500; i++) expect(files.add(10_000 + i)).toBe(i);
  expect(files.fdOf(499)).toBe(10_499);
  expect(files.remove(7)).toBe(10_007);
  expect(files.remove(7)).toBe(-1);
  expect(files.fdOf(7)).toBe(-1);
  files.remove(3);
  expect([files.add(1), files.add(2), files.add(3)]).toEqual([3, 7, 500]);
  expect(files.count).toBe(501);
});

memoryTest("an opened file becomes a ring file that does not survive exec", (memory) => {
  const backend = openBlocking({ memory });
  const sink = new RecordingSink();
  prepareOpen(backend, 1, 1);
  pollOut(backend, sink);
  const file = sink.results[0]!.result;
  expect(file).toBe(0);
  const fd = backend.ring.files.fdOf(file);
  expect(fd).toBeGreaterThan(2);
  expect(closesOnExec(fd)).toBe(true);
  const { file: socket } = listen(backend);
  expect(closesOnExec(backend.ring.files.fdOf(socket))).toBe(true);
});

loopTest("an opened file is closed when its slot belongs to another request by then", (memory) => {
  const backend = openBlocking({ memory });
  const sink = new RecordingSink();
  const before = openDescriptors().length;
  prepareOpen(backend, 1, 1);
  backend.ring.flush();
  expect(openDescriptors().length).toBe(before + 1);
  backend.ring.prepare(OPCODE.NOP, 1, 2, -1, 0, 0, 0, 0);
  pollOut(backend, sink);
  expect(sink.take()).toEqual(["turn", "complete 1.2 0"]);
  expect(backend.counters.stale).toBe(1);
  expect(openDescriptors().length).toBe(before);
  expect(backend.ring.files.count).toBe(0);
});

memoryTest(
  "an accepted socket is delivered when it wins against its cancellation",
  async (memory) => {
    const backend = openBlocking({ memory });
    const sink = new RecordingSink();
    const { file, path } = listen(backend);
    const client = await connect(path);
    // The connection is there already, so the accept ends before its cancellation is looked at.
    backend.ring.prepare(OPCODE.ACCEPT, 1, 1, file, 0, 0, 0, 0);
    backend.ring.cancel(1, 1);
    pollOut(backend, sink);
    expect(sink.results.map(({ result }) => result)).toEqual([1]);
    expect(closesOnExec(backend.ring.files.fdOf(1))).toBe(true);
    backend.host.close(1);
    await client.end();
  },
);

loopTest(
  "an accepted socket is closed when the backend closes before anybody was told",
  async (memory) => {
    const sockets = (): number =>
      openDescriptors().filter((link) => link.includes("socket:")).length;
    const before = sockets();
    const backend = openBlocking({ memory });
    const { file, path } = listen(backend);
    const client = await connect(path);
    backend.ring.prepare(OPCODE.ACCEPT, 1, 1, file, 0, 0, 0, 0);
    backend.ring.flush();
    expect(sockets()).toBe(before + 3);
    backend.close();
    expect(sockets()).toBeLessThanOrEqual(before + 1);
    await client.end();
  },
);

ringTest("CLOSE through the ring ends the ring file, and its number is given out again", () => {
  const backend = openBlocking();
  const sink = new RecordingSink();
  const [reader, writer] = backend.host.pipe(4096);
  const before = openDescriptors().length;
  backend.ring.prepare(OPCODE.CLOSE, 0, 1, reader, 0, 0, 0, 0);
  pollOut(backend, sink);
  expect(sink.take()).toEqual(["turn", "complete 0.1 0"]);
  expect(openDescriptors().length).toBe(before - 1);
  expect(backend.ring.files.fdOf(reader)).toBe(-1);
  expect(backend.host.open("/dev/null", 0, 0)).toBe(reader);
  expect(backend.ring.files.fdOf(writer)).toBeGreaterThan(2);
});

ringTest("close() refuses while requests are in flight, for they would outlive the file", () => {
  const backend = openBlocking();
  const sink = new RecordingSink();
  const [reader, writer] = backend.host.pipe(4096);
  const { bytes, address } = pinned(backend, 4096);
  for (let slot = 0; slot < 3; slot++) {
    backend.ring.prepare(OPCODE.READ, slot, 1, reader, address, 8, -1, 0);
  }
  const closings = [
    () => backend.host.close(reader),
    () => backend.ring.prepare(OPCODE.CLOSE, 9, 1, reader, 0, 0, 0, 0),
  ];
  for (const closing of closings) {
    try {
      closing();
      expect.unreachable();
    } catch (error) {
      expect(isReelError(error, "ERR_OPERATION_BUSY")).toBe(true);
      expect(String(error)).toContain("3 of its requests are in flight, wanted none");
    }
  }
  backend.cancelFile(reader);
  pollOut(backend, sink);
  expect(sink.results.map(({ result }) => result)).toEqual(Array(3).fill(-ERRNO.ECANCELED));
  backend.host.close(reader);
  // A late read would have found the descriptor's number under another file.
  const again = backend.host.open("/dev/zero", 0, 0);
  expect(again).toBe(reader);
  expect(bytes.every((byte) => byte === 0)).toBe(true);
  backend.host.close(writer);
});
