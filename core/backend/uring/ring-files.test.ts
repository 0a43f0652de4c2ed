/** Ring files: the numbers that stand for descriptors, in requests and in results. */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";

import { ERRNO, isReelError } from "../../errors.ts";
import { OPCODE } from "../contract.ts";
import { libc } from "./libc.ts";
import { RingFiles } from "./ring-files.ts";
import {
  RecordingSink,
  onBothMemories,
  openBlocking,
  openDescriptors,
  pinned,
  pollFor,
  pollOut,
  ringTest,
  writeNow,
} from "./ring.fixture.ts";
import { connect, listen } from "./sockets.fixture.ts";
import type { UringBackend } from "./uring-backend.ts";

const O_CLOEXEC = 0o2000000;

/** Asks for /dev/null to be opened. */
function prepareOpen(backend: UringBackend, slot: number, generation: number): void {
  const { bytes, address } = pinned(backend, 4096);
  bytes.set(new TextEncoder().encode("/dev/null\0"));
  backend.ring.prepare(OPCODE.OPENAT, slot, generation, -1, address, 0, 0, 0);
}

function closesOnExec(fd: number): boolean {
  const info = readFileSync(`/proc/self/fdinfo/${fd}`, "utf8");
  const flags = Number.parseInt(/^flags:\s+(\d+)/m.exec(info)![1]!, 8);
  return (flags & O_CLOEXEC) !== 0;
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

onBothMemories("a result that is a descriptor", (memory) => {
  ringTest("becomes a ring file that does not survive exec", () => {
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

  ringTest("is closed when its slot belongs to another request by then", () => {
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

  ringTest("is delivered when the accept wins against its cancellation", async () => {
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
  });

  ringTest("is closed when nobody can be told of it, because the backend closes", async () => {
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
  });
});

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

ringTest("pipe() makes pipes of the capacity asked for, or says why not", () => {
  const backend = openBlocking();
  const F_GETPIPE_SZ = 1032;
  const [reader, writer] = backend.host.pipe(100_000);
  for (const file of [reader, writer]) {
    const fd = backend.ring.files.fdOf(file);
    expect(libc().fcntl(fd, F_GETPIPE_SZ, 0)).toBe(131_072);
    expect(closesOnExec(fd)).toBe(true);
  }
  for (const wrong of [0, -1, 1.5, 2 ** 31, Number.NaN]) {
    expect(() => backend.host.pipe(wrong)).toThrow(
      `Cannot open the pipe: capacityBytes must be from 1 to 2147483647: found ${wrong}`,
    );
  }
  const before = openDescriptors().length;
  expect(() => backend.host.pipe(2 ** 31 - 1)).toThrow("Cannot give the pipe a capacity");
  expect(openDescriptors().length).toBe(before);
});

ringTest("open() and close() give the host's own reason when they fail", () => {
  const backend = openBlocking();
  try {
    backend.host.open("/no/such/file", 0, 0);
    expect.unreachable();
  } catch (error) {
    expect(isReelError(error, "ENOENT")).toBe(true);
    expect(String(error)).toContain('Cannot open "/no/such/file": open gave ENOENT');
  }
  expect(() => backend.host.open("a\0b", 0, 0)).toThrow(TypeError);
  expect(() => backend.host.close(4)).toThrow("Cannot close ring file 4: there is no such file");
  const file = backend.host.open("/dev/null", 0, 0);
  backend.host.close(file);
  expect(() => backend.host.close(file)).toThrow("there is no such file");
});

ringTest(
  "peekPipe() copies what a pipe holds, in however small pieces, and leaves it there",
  () => {
    const backend = openBlocking();
    const [reader, writer] = backend.host.pipe(65536);
    expect(backend.host.peekPipe(reader)).toEqual(new Uint8Array(0));
    const whole: number[] = [];
    for (let piece = 0; piece < 16; piece++) {
      // A page each, so that the pipe has no place left: 16 pieces in 16 places.
      const bytes = new Uint8Array(4096).fill(piece + 1);
      expect(writeNow(backend, writer, bytes)).toBe(4096);
      whole.push(...bytes);
    }
    for (let times = 0; times < 2; times++) {
      expect(backend.host.peekPipe(reader)).toEqual(new Uint8Array(whole));
    }
    const sink = new RecordingSink();
    const { bytes, address } = pinned(backend, 65536);
    backend.ring.prepare(OPCODE.READ, 0, 1, reader, address, 65536, -1, 0);
    pollFor(backend, sink, 1);
    expect(bytes).toEqual(new Uint8Array(whole));
    backend.host.close(writer);
    expect(backend.host.peekPipe(reader)).toEqual(new Uint8Array(0));
    const file = backend.host.open("/dev/null", 0, 0);
    expect(() => backend.host.peekPipe(file)).toThrow("fcntl gave EBADF");
  },
);

ringTest("write() writes everything, or what fits and then says EAGAIN", () => {
  const backend = openBlocking();
  const [reader, writer] = backend.host.pipe(4096);
  const bytes = new Uint8Array(3000).fill(5);
  backend.host.write(writer, bytes);
  expect(backend.host.peekPipe(reader)).toEqual(bytes);
  try {
    backend.host.write(writer, new Uint8Array(5000));
    expect.unreachable();
  } catch (error) {
    expect(isReelError(error, "EAGAIN")).toBe(true);
  }
  const O_NONBLOCK = 0o4000;
  const F_GETFL = 3;
  expect(libc().fcntl(backend.ring.files.fdOf(writer), F_GETFL, 0) & O_NONBLOCK).toBe(0);
});
