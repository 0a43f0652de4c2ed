/** System calls that answer at once, on the real kernel. */
import { expect } from "bun:test";

import { isReelError } from "../../errors.ts";
import { OPCODE } from "../contract.ts";
import { libc } from "./libc.ts";
import {
  RecordingSink,
  closesOnExec,
  openBlocking,
  openDescriptors,
  pinned,
  pollFor,
  ringTest as test,
  writeNow,
} from "./ring.fixture.ts";

test("pipe() makes pipes of the capacity asked for, or says why not", () => {
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

test("open() and close() give the host's own reason when they fail", () => {
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

test("peekPipe() copies what a pipe holds, in however small pieces, and leaves it there", () => {
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
});

test("write() writes everything, or what fits and then says EAGAIN", () => {
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
