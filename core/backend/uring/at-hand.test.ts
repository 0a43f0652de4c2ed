/** Registered files and memory: the same requests with the same results, and what is refused. */
import { afterAll, expect } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { ERRNO, isReelError } from "../../errors.ts";
import { OPCODE } from "../contract.ts";
import {
  RecordingSink,
  memoryTest,
  openBlocking,
  pinned,
  pollFor,
  ringTest,
} from "./ring.fixture.ts";
import type { UringBackend } from "./uring-backend.ts";

const FILE_BYTES = 1 << 20;
const directory = mkdtempSync(join(tmpdir(), "ioreel-at-hand-"));
afterAll(() => rmSync(directory, { recursive: true }));

/** A file of known bytes. */
function makeFile(name: string): { path: string; content: Uint8Array } {
  const path = join(directory, name);
  const content = Uint8Array.from({ length: FILE_BYTES }, (_, at) => (at * 7 + (at >> 8)) & 0xff);
  writeFileSync(path, content);
  return { path, content };
}

/** Moves bytes of a file and back. @returns every result, and what was read */
function exercise(backend: UringBackend, path: string): { results: number[]; read: Uint8Array[] } {
  const sink = new RecordingSink();
  const large = pinned(backend, 1 << 19);
  const small = pinned(backend, 4096);
  const file = backend.host.open(path, 2, 0);
  const { file: keptFile } = backend.host.keepAtHand(file);
  const later = pinned(backend, 1 << 19);
  const results: number[] = [keptFile ? 1 : 0];
  const read: Uint8Array[] = [];
  let generation = 0;
  const ask = (
    opcode: number,
    address: number,
    length: number,
    offset: number,
    flags = 0,
  ): void => {
    backend.ring.prepare(opcode, 3, ++generation, file, address, length, offset, flags);
    pollFor(backend, sink, 1);
    results.push(sink.results.at(-1)!.result);
  };
  for (const { address, bytes } of [large, small, later]) {
    ask(OPCODE.READ, address + 64, 4000, 12_345);
    read.push(bytes.slice(64, 4064));
    bytes.fill(0xa5, 0, 512);
    ask(OPCODE.WRITE, address, 512, 8192);
  }
  ask(OPCODE.READ, large.address, 4096, FILE_BYTES - 100);
  ask(OPCODE.READ, large.address, 4096, FILE_BYTES);
  ask(OPCODE.FSYNC, 0, 0, 0, 1);
  ask(OPCODE.FALLOCATE, 4096, 3, 0);
  backend.host.close(file);
  backend.ring.prepare(OPCODE.READ, 3, ++generation, file, large.address, 512, 0, 0);
  pollFor(backend, sink, 1);
  results.push(sink.results.at(-1)!.result);
  return { results, read };
}

for (const refused of [undefined, "files", "memory", "both"] as const) {
  const what = refused ?? "nothing";
  memoryTest(`keepAtHand() changes no result where the kernel refuses ${what}`, (memory) => {
    const { path, content } = makeFile(`refused-${what}`);
    const faults = refused === undefined ? {} : { atHand: refused };
    const { results, read } = exercise(openBlocking({ memory, faults }), path);
    const kept = refused === undefined || refused === "memory" ? 1 : 0;
    const pairs = [4000, 512, 4000, 512, 4000, 512];
    expect(results).toEqual([kept, ...pairs, 100, 0, 0, 0, -ERRNO.EBADF]);
    for (const bytes of read) expect(bytes.toHex()).toBe(content.slice(12_345, 16_345).toHex());
    expect(
      readFileSync(path)
        .subarray(8192, 8704)
        .every((byte) => byte === 0xa5),
    ).toBe(true);
  });
}

ringTest("keepAtHand() tells what the kernel took, and the numbers are used again", () => {
  const backend = openBlocking({});
  const { path } = makeFile("again");
  for (let round = 0; round < 600; round++) {
    const file = backend.host.open(path, 0, 0);
    expect(backend.host.keepAtHand(file)).toEqual({ file: true, memory: true });
    backend.host.close(file);
  }
  const without = openBlocking({ faults: { atHand: "both" } });
  const file = without.host.open(path, 0, 0);
  expect(without.host.keepAtHand(file)).toEqual({ file: false, memory: false });
});

ringTest("lockFile() keeps other openings out until the file is closed", () => {
  const backend = openBlocking({});
  const { path } = makeFile("locked");
  const refusal = (call: () => void): string => {
    try {
      call();
      return "none";
    } catch (error) {
      return isReelError(error) ? error.code : String(error);
    }
  };
  const [first, second] = [backend.host.open(path, 2, 0), backend.host.open(path, 2, 0)];
  backend.host.keepAtHand(first);
  backend.host.lockFile(first, true);
  expect(refusal(() => backend.host.lockFile(second, false))).toBe("EBUSY");
  expect(refusal(() => backend.host.lockFile(second, true))).toBe("EBUSY");
  backend.host.close(first);
  backend.host.lockFile(second, false);
  const third = backend.host.open(path, 2, 0);
  backend.host.lockFile(third, false);
  expect(refusal(() => backend.host.lockFile(99, true))).toBe("EBADF");
});

ringTest("fileStatus() and resize() tell and change how large a file is", () => {
  const backend = openBlocking({});
  const { path } = makeFile("sized");
  const file = backend.host.open(path, 2, 0);
  expect(backend.host.fileStatus(file)).toMatchObject({ sizeBytes: FILE_BYTES, kind: "file" });
  backend.host.resize(file, 3 * FILE_BYTES);
  expect(backend.host.fileStatus(file).sizeBytes).toBe(3 * FILE_BYTES);
  expect(() => backend.host.resize(file, -1)).toThrow(RangeError);
  const other = backend.host.open("/dev/null", 2, 0);
  expect(backend.host.fileStatus(other).kind).toBe("other");
});
