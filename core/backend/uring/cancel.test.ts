/**
 * Cancellation on the real kernel: every form of it, and the races between a cancellation and the
 * request's own end. Whoever wins, each request ends exactly once.
 */
import { expect } from "bun:test";

import { ERRNO } from "../../errors.ts";
import { Random } from "../../random.ts";
import { OPCODE } from "../contract.ts";
import { libc } from "./libc.ts";
import {
  RecordingSink,
  memoryTest as test,
  openBlocking,
  pinned,
  pollFor,
  pollOut,
  writeNow,
} from "./ring.fixture.ts";

const { ECANCELED, ENOENT } = ERRNO;

test("cancel() ends a waiting request once, and has no completion of its own", (memory) => {
  const backend = openBlocking({ memory });
  const sink = new RecordingSink();
  const { address } = pinned(backend, 4096);
  const [reader] = backend.host.pipe(4096);
  backend.ring.prepare(OPCODE.READ, 3, 8, reader, address, 10, -1, 0);
  backend.ring.flush();
  backend.ring.cancel(3, 8);
  backend.ring.cancel(3, 8);
  pollOut(backend, sink);
  expect(sink.take()).toEqual(["turn", `complete 3.8 ${-ECANCELED}`]);
  backend.ring.cancel(3, 8);
  backend.ring.cancel(4, 1);
  backend.ring.cancel(100_000, 1);
  expect(backend.poll(sink, false)).toBe(0);
  expect(backend.ring.ownInFlight).toBe(0);
  expect(backend.counters).toMatchObject({ submitted: 1, completed: 1, stale: 0 });
});

test("cancel() of another generation leaves the request alone", (memory) => {
  const backend = openBlocking({ memory });
  const sink = new RecordingSink();
  const { address } = pinned(backend, 4096);
  const [reader, writer] = backend.host.pipe(4096);
  backend.ring.prepare(OPCODE.READ, 3, 8, reader, address, 10, -1, 0);
  backend.ring.cancel(3, 7);
  backend.ring.cancel(3, 9);
  expect(backend.poll(sink, false)).toBe(0);
  writeNow(backend, writer, new Uint8Array(2));
  pollOut(backend, sink);
  expect(sink.take()).toEqual(["turn", "complete 3.8 2"]);
});

test("cancel() after the end, before anybody was told, delivers the success", (memory) => {
  const backend = openBlocking({ memory });
  const sink = new RecordingSink();
  const { address } = pinned(backend, 4096);
  const [reader, writer] = backend.host.pipe(4096);
  writeNow(backend, writer, new Uint8Array(5));
  backend.ring.prepare(OPCODE.READ, 3, 8, reader, address, 10, -1, 0);
  backend.ring.flush();
  backend.ring.cancel(3, 8);
  pollOut(backend, sink);
  expect(sink.take()).toEqual(["turn", "complete 3.8 5"]);
});

test("cancelFile() ends all requests on one file and none on others", (memory) => {
  for (const cancelFlags of [undefined, "refuse"] as const) {
    const faults = cancelFlags === undefined ? {} : { cancelFlags };
    const backend = openBlocking({ memory, faults });
    const sink = new RecordingSink();
    const { address } = pinned(backend, 4096);
    const [reader] = backend.host.pipe(4096);
    const [otherReader, otherWriter] = backend.host.pipe(4096);
    for (let slot = 0; slot < 6; slot++) {
      const file = slot % 2 === 0 ? reader : otherReader;
      backend.ring.prepare(OPCODE.READ, slot, 1, file, address + slot, 1, -1, 0);
    }
    backend.cancelFile(reader);
    backend.cancelFile(77);
    pollFor(backend, sink, 3);
    expect(sink.takeSorted()).toEqual([0, 2, 4].map((slot) => `complete ${slot}.1 ${-ECANCELED}`));
    writeNow(backend, otherWriter, new Uint8Array(3));
    pollOut(backend, sink);
    expect(sink.takeSorted()).toEqual([1, 3, 5].map((slot) => `complete ${slot}.1 1`));
  }
});

test("cancelAll() ends everything, also on a kernel that cannot do that in bulk", (memory) => {
  for (const cancelFlags of [undefined, "refuse"] as const) {
    const faults = cancelFlags === undefined ? {} : { cancelFlags };
    const backend = openBlocking({ memory, faults });
    expect(backend.working.cancel.bulk).toBe(cancelFlags === undefined);
    const sink = new RecordingSink();
    const { address } = pinned(backend, 4096);
    for (let slot = 0; slot < 20; slot++) {
      const [reader] = backend.host.pipe(4096);
      backend.ring.prepare(OPCODE.READ, slot, 1, reader, address + slot, 1, -1, 0);
    }
    backend.cancelAll();
    pollOut(backend, sink);
    expect(sink.results.map(({ result }) => result)).toEqual(Array(20).fill(-ECANCELED));
  }
});

test("cancelSync() ends a request before it returns", (memory) => {
  const backend = openBlocking({ memory });
  const sink = new RecordingSink();
  const { address } = pinned(backend, 4096);
  const [reader] = backend.host.pipe(4096);
  backend.ring.prepare(OPCODE.READ, 3, 8, reader, address, 10, -1, 0);
  expect(backend.cancelSync(3, 8, 1e9)).toBe(0);
  expect(backend.cancelSync(3, 7, 1e9)).toBe(-ENOENT);
  pollOut(backend, sink);
  expect(sink.take()).toEqual(["turn", `complete 3.8 ${-ECANCELED}`]);
  expect(backend.cancelSync(3, 8, 1e9)).toBe(-ENOENT);
});

test("requests end exactly once in 5000 races with their cancellation [A2.5]", (memory) => {
  const backend = openBlocking({ memory, entries: 32, slots: 64 });
  const sink = new RecordingSink();
  const random = new Random(41);
  const { bytes, address } = pinned(backend, 64);
  const [reader, writer] = backend.host.pipe(4096);
  const one = new Uint8Array([1]);
  const counts = { won: 0, lost: 0 };
  for (let round = 0; round < 5000; round++) {
    const slot = random.below(64);
    const moment = random.below(5);
    const write = (now: number): void => {
      if (now === moment) writeNow(backend, writer, one);
    };
    write(0);
    bytes.fill(0);
    backend.ring.prepare(OPCODE.READ, slot, round, reader, address + slot, 1, -1, 0);
    write(1);
    if (random.chance(0.7)) backend.ring.flush();
    write(2);
    if (random.chance(0.2)) backend.poll(sink, false);
    backend.ring.cancel(slot, round);
    if (random.chance(0.5)) backend.ring.flush();
    write(3);
    if (random.chance(0.2)) backend.ring.cancel(slot, round);
    pollOut(backend, sink);
    expect(sink.results).toHaveLength(1);
    const { generation, result } = sink.results[0]!;
    expect(generation).toBe(round);
    // A cancelled read took nothing, and one that succeeded took what it says.
    const left = backend.host.peekPipe(reader).length;
    const written = moment === 4 ? 0 : 1;
    expect([result, bytes[slot], left]).toEqual(
      result === 1 ? [1, 1, 0] : [-ECANCELED, 0, written],
    );
    if (left > 0) libc().read(backend.ring.files.fdOf(reader), one.slice(), 1);
    if (result === 1) counts.won++;
    else counts.lost++;
    sink.take();
  }
  expect(counts.won).toBeGreaterThan(500);
  expect(counts.lost).toBeGreaterThan(500);
  expect(backend.counters).toMatchObject({ submitted: 5000, completed: 5000, stale: 0 });
  expect(backend.ring.ownInFlight).toBe(0);
});
