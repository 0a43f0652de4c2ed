/**
 * Buffers that the kernel picks: armed receives on real sockets, groups that run dry, and what is
 * refused because it would mislead the kernel.
 */
import { expect } from "bun:test";

import { seconds } from "../../clock.ts";
import { ERRNO, isReelError } from "../../errors.ts";
import { Random } from "../../random.ts";
import {
  COMPLETE_BUFFER,
  COMPLETE_MORE,
  COMPLETE_NONEMPTY,
  HOW,
  OPCODE,
  fromGroup,
} from "../contract.ts";
import { libc } from "./libc.ts";
import {
  RecordingSink,
  loopTest,
  memoryTest,
  openBlocking,
  pinned,
  pollFor,
  pollOut,
  ringTest,
} from "./ring.fixture.ts";
import { finishNow, sendNow, tcpPair } from "./sockets.fixture.ts";
import type { UringBackend } from "./uring-backend.ts";

const BUFFER_BYTES = 64;
const SLOT = 3;

/** Opens a group over memory of its own. */
function openGroup(
  backend: UringBackend,
  count: number,
): { group: number; bytes: Uint8Array; bufferOf: (flags: number) => Uint8Array } {
  const { bytes, address } = pinned(backend, count * BUFFER_BYTES);
  const group = backend.ring.openGroup(address, BUFFER_BYTES, count);
  const bufferOf = (flags: number): Uint8Array => {
    const at = (flags >>> 16) * BUFFER_BYTES;
    return bytes.subarray(at, at + BUFFER_BYTES);
  };
  return { group, bytes, bufferOf };
}

/** Arms a receiver that picks its buffers from a group. */
function armReceive(backend: UringBackend, file: number, group: number, generation: number): void {
  const how = HOW.RECV_MULTISHOT | fromGroup(group);
  backend.ring.prepare(OPCODE.RECV, SLOT, generation, file, 0, 0, 0, 0, how);
  backend.ring.flush();
}

memoryTest("an armed receive names a buffer for each arrival, and stays armed", (memory) => {
  const backend = openBlocking({ memory });
  const sink = new RecordingSink();
  const { file, peer } = tcpPair(backend);
  const { group, bufferOf } = openGroup(backend, 8);
  armReceive(backend, file, group, 1);
  const seen = new Set<number>();
  for (let round = 1; round <= 5; round++) {
    sendNow(peer, new Uint8Array(10 + round).fill(round));
    pollFor(backend, sink, 1);
    const { result, flags } = sink.results[0]!;
    expect(result).toBe(10 + round);
    expect(flags & (COMPLETE_MORE | COMPLETE_BUFFER)).toBe(COMPLETE_MORE | COMPLETE_BUFFER);
    expect(bufferOf(flags).subarray(0, result)).toEqual(new Uint8Array(result).fill(round));
    seen.add(flags >>> 16);
    sink.take();
  }
  expect([...seen]).toEqual([0, 1, 2, 3, 4]);
  // The end of the stream ends the receive, and takes no buffer.
  finishNow(peer);
  pollOut(backend, sink);
  expect(sink.results.map(({ result, flags }) => [result, flags & ~COMPLETE_NONEMPTY])).toEqual([
    [0, 0],
  ]);
  backend.ring.closeGroup(group);
  libc().close(peer);
});

memoryTest("a group that runs dry ends its receives, which go on when armed anew", (memory) => {
  const backend = openBlocking({ memory });
  const sink = new RecordingSink();
  const { file, peer } = tcpPair(backend);
  const { group, bufferOf } = openGroup(backend, 2);
  armReceive(backend, file, group, 1);
  for (let round = 1; round <= 3; round++) {
    sendNow(peer, new Uint8Array(BUFFER_BYTES).fill(round));
    pollFor(backend, sink, 1);
  }
  const [first, second, dry] = sink.results.splice(0);
  expect([first!.result, second!.result]).toEqual([BUFFER_BYTES, BUFFER_BYTES]);
  expect([dry!.result, dry!.flags & ~COMPLETE_NONEMPTY]).toEqual([-ERRNO.ENOBUFS, 0]);
  expect(backend.pending()).toBe(false);
  // One buffer suffices to get what was left in the socket.
  backend.ring.giveBuffer(group, second!.flags >>> 16);
  armReceive(backend, file, group, 2);
  pollFor(backend, sink, 1);
  const third = sink.results[0]!;
  backend.ring.giveBuffer(group, first!.flags >>> 16);
  const twice = (): void => backend.ring.giveBuffer(group, first!.flags >>> 16);
  expect(twice).toThrow("no completion has used it since");
  expect([third.result, third.flags >>> 16]).toEqual([BUFFER_BYTES, second!.flags >>> 16]);
  expect(bufferOf(third.flags)).toEqual(new Uint8Array(BUFFER_BYTES).fill(3));
  expect(bufferOf(first!.flags)).toEqual(new Uint8Array(BUFFER_BYTES).fill(1));
  libc().close(peer);
});

loopTest("every byte arrives in order, however buffers are given back", (memory) => {
  const backend = openBlocking({ memory });
  const sink = new RecordingSink();
  const random = new Random(5);
  const { file, peer } = tcpPair(backend);
  const { group, bufferOf } = openGroup(backend, 4);
  const held: number[] = [];
  let [sent, got, generation] = [0, 0, 1];
  let armed = true;
  sink.onComplete = (_slot, result) => {
    const { flags } = sink.results.at(-1)!;
    armed = (flags & COMPLETE_MORE) !== 0;
    if (result < 0) return expect(result).toBe(-ERRNO.ENOBUFS);
    const bytes = bufferOf(flags);
    for (let i = 0; i < result; i++) expect(bytes[i]).toBe(got++ & 0xff);
    held.push(flags >>> 16);
  };
  armReceive(backend, file, group, generation);
  // The ring of four entries, and its 16-bit tail, go round many times.
  for (let round = 0; round < 30_000; round++) {
    if (random.below(2) === 0 && sent - got < 1000) {
      const length = 1 + random.below(2 * BUFFER_BYTES);
      sendNow(
        peer,
        Uint8Array.from({ length }, () => sent++ & 0xff),
      );
    }
    if (held.length > 0 && random.below(3) > 0) {
      const [buffer] = held.splice(random.below(held.length), 1);
      backend.ring.giveBuffer(group, buffer!);
    }
    if (!armed && held.length < 4) {
      armed = true;
      armReceive(backend, file, group, ++generation);
    }
    backend.poll(sink, false);
    sink.take();
  }
  while (got < sent) {
    for (const buffer of held.splice(0)) backend.ring.giveBuffer(group, buffer);
    if (!armed) armReceive(backend, file, group, ++generation);
    armed = true;
    backend.poll(sink, true);
  }
  expect(generation).toBeGreaterThan(10);
  expect(sent).toBeGreaterThan(500_000);
  libc().close(peer);
});

memoryTest("a receive that is not armed may pick its buffer too, and leaves no trace", (memory) => {
  const backend = openBlocking({ memory, entries: 2 });
  const sink = new RecordingSink();
  const { file, peer } = tcpPair(backend);
  const { bytes, address } = pinned(backend, BUFFER_BYTES);
  const { group: first } = openGroup(backend, 1);
  const { group, bufferOf } = openGroup(backend, 2);
  expect([first, group]).toEqual([0, 1]);
  for (let generation = 1; generation < 8; generation++) {
    sendNow(peer, new Uint8Array(5).fill(generation));
    const picks = generation % 2 === 0;
    const how = picks ? fromGroup(group) : 0;
    backend.ring.prepare(
      OPCODE.RECV,
      SLOT,
      generation,
      file,
      picks ? 0 : address,
      BUFFER_BYTES,
      0,
      0,
      how,
    );
    // A timeout refuses words that it does not know, and so would cancel the receive.
    backend.ring.limit(SLOT, generation, seconds(60));
    pollFor(backend, sink, 1);
    const { result, flags } = sink.results[0]!;
    expect([result, (flags & COMPLETE_BUFFER) !== 0]).toEqual([5, picks]);
    expect((picks ? bufferOf(flags) : bytes)[0]).toBe(generation);
    if (picks) backend.ring.giveBuffer(group, flags >>> 16);
    backend.ring.prepare(OPCODE.NOP, 0, generation, -1, 0, 0, 0, 0);
    pollOut(backend, sink);
    sink.take();
  }
  libc().close(peer);
});

ringTest("openGroup() gives the lowest number that is free, and closeGroup() frees it", () => {
  const backend = openBlocking();
  const groups = [1, 2, 4].map((count) => openGroup(backend, count).group);
  expect(groups).toEqual([0, 1, 2]);
  backend.ring.closeGroup(1);
  expect(() => backend.ring.closeGroup(1)).toThrow("Cannot use buffer group 1: there is no such");
  expect(openGroup(backend, 8).group).toBe(1);
  expect(openGroup(backend, 32_768).group).toBe(3);
});

ringTest("closeGroup() refuses while requests select from the group", () => {
  const backend = openBlocking();
  const sink = new RecordingSink();
  const { file, peer } = tcpPair(backend);
  const { group } = openGroup(backend, 2);
  armReceive(backend, file, group, 1);
  try {
    backend.ring.closeGroup(group);
    expect.unreachable();
  } catch (error) {
    expect(isReelError(error, "ERR_OPERATION_BUSY")).toBe(true);
  }
  backend.ring.cancel(SLOT, 1);
  pollOut(backend, sink);
  expect(sink.results.map(({ result }) => result)).toEqual([-ERRNO.ECANCELED]);
  backend.ring.closeGroup(group);
  expect(() => armReceive(backend, file, group, 2)).toThrow("there is no such group");
  expect(backend.pending()).toBe(false);
  libc().close(peer);
});

ringTest("openGroup() and giveBuffer() refuse what would mislead the kernel", () => {
  const backend = openBlocking();
  const { address } = pinned(backend, 4 * BUFFER_BYTES);
  for (const [at, bytes, count] of [
    [address, BUFFER_BYTES, 3],
    [address, BUFFER_BYTES, 65_536],
    [address, 0, 4],
    [0, BUFFER_BYTES, 4],
    [address, BUFFER_BYTES, Number.NaN],
  ] as const) {
    expect(() => backend.ring.openGroup(at, bytes, count)).toThrow(RangeError);
  }
  const group = backend.ring.openGroup(address, BUFFER_BYTES, 4);
  expect(() => backend.ring.giveBuffer(group, 4)).toThrow("it has 4 buffers");
  expect(() => backend.ring.giveBuffer(group, 0)).toThrow("no completion has used it since");
  expect(() => backend.ring.giveBuffer(group + 1, 0)).toThrow("there is no such group");
});

ringTest("openGroup() says how to do without when the kernel knows no groups", () => {
  const backend = openBlocking({ faults: { bufferGroups: "refuse" } });
  const { address } = pinned(backend, BUFFER_BYTES);
  try {
    backend.ring.openGroup(address, BUFFER_BYTES, 1);
    expect.unreachable();
  } catch (error) {
    if (!isReelError(error, "EOPNOTSUPP")) throw error;
    expect(error.mend).toContain("Linux 5.19");
  }
});
