/** Linked timeouts, on the real kernel and in the orders that a toy kernel makes at will. */
import { expect, test } from "bun:test";

import { ms, seconds, us } from "../../clock.ts";
import { ERRNO, isReelError } from "../../errors.ts";
import { COMPLETE_MORE, OPCODE } from "../contract.ts";
import { CQE_MORE, ENTRY_LINK } from "./abi.ts";
import { libc } from "./libc.ts";
import {
  RecordingSink,
  memoryTest,
  openBlocking,
  pinned,
  pollFor,
  pollOut,
  ringTest,
} from "./ring.fixture.ts";
import { sendNow, tcpPair } from "./sockets.fixture.ts";
import { ToyKernel } from "./toy-kernel.fixture.ts";

const { ECANCELED, EINTR, EAGAIN, ETIME, EINVAL } = ERRNO;

memoryTest("a request that is not over in time ends with ETIME, and not before", (memory) => {
  const backend = openBlocking({ memory });
  const sink = new RecordingSink();
  const { file, peer } = tcpPair(backend);
  const { address } = pinned(backend, 64);
  for (const timeoutNs of [us(300), ms(3), 0]) {
    const startNs = backend.now();
    backend.ring.prepare(OPCODE.RECV, 1, timeoutNs, file, address, 64, 0, 0);
    backend.ring.limit(1, timeoutNs, timeoutNs);
    pollOut(backend, sink);
    expect(sink.take()).toEqual(["turn", `complete 1.${timeoutNs} ${-ETIME}`]);
    expect(backend.now() - startNs).toBeGreaterThanOrEqual(timeoutNs);
  }
  // In time: the timeout is gone with its request.
  sendNow(peer, new Uint8Array(5));
  backend.ring.prepare(OPCODE.RECV, 1, 1, file, address, 64, 0, 0);
  backend.ring.limit(1, 1, seconds(60));
  pollOut(backend, sink);
  expect(sink.take()).toEqual(["turn", "complete 1.1 5"]);
  libc().close(peer);
});

memoryTest("a limited request that is cancelled ends with ECANCELED", (memory) => {
  const backend = openBlocking({ memory });
  const sink = new RecordingSink();
  const { file, peer } = tcpPair(backend);
  const { address } = pinned(backend, 64);
  backend.ring.prepare(OPCODE.RECV, 1, 1, file, address, 64, 0, 0);
  backend.ring.limit(1, 1, Infinity);
  backend.ring.flush();
  backend.ring.cancel(1, 1);
  pollOut(backend, sink);
  expect(sink.take()).toEqual(["turn", `complete 1.1 ${-ECANCELED}`]);
  libc().close(peer);
});

memoryTest("limits hold for every request of a queue that is full all the time", (memory) => {
  const backend = openBlocking({ memory, entries: 1 });
  const sink = new RecordingSink();
  const { file, peer } = tcpPair(backend);
  const { address } = pinned(backend, 64);
  expect(backend.working.ring.entries).toBe(2);
  const slots = Array.from({ length: 40 }, (_, slot) => slot);
  for (const slot of slots) {
    backend.ring.prepare(OPCODE.RECV, slot, 7, file, address, 64, 0, 0);
    backend.ring.limit(slot, 7, us(100));
    if (slot % 3 === 0) backend.ring.prepare(OPCODE.NOP, 100 + slot, 7, -1, 0, 0, 0, 0);
  }
  pollOut(backend, sink);
  const limited = sink.results.filter(({ slot }) => slot < 100);
  expect(limited.map(({ slot, result }) => [slot, result]).sort((a, b) => a[0]! - b[0]!)).toEqual(
    slots.map((slot) => [slot, -ETIME]),
  );
  libc().close(peer);
});

memoryTest("each request of a batch has its own limit", (memory) => {
  const backend = openBlocking({ memory });
  const sink = new RecordingSink();
  const { file, peer } = tcpPair(backend);
  const { address } = pinned(backend, 64);
  for (const [slot, timeoutNs] of [seconds(60), us(200), seconds(60)].entries()) {
    backend.ring.prepare(OPCODE.RECV, slot, 1, file, address, 64, 0, 0);
    backend.ring.limit(slot, 1, timeoutNs);
  }
  pollFor(backend, sink, 1);
  expect(sink.take()).toEqual(["turn", `complete 1.1 ${-ETIME}`]);
  backend.cancelAll();
  pollOut(backend, sink);
  expect(sink.takeSorted()).toEqual([`complete 0.1 ${-ECANCELED}`, `complete 2.1 ${-ECANCELED}`]);
  libc().close(peer);
});

ringTest("limit() refuses a request that it cannot limit, and leaves it as it is", () => {
  const backend = openBlocking();
  const sink = new RecordingSink();
  const { address } = pinned(backend, 64);
  const last = "it is not the one that was prepared last";
  expect(() => backend.ring.limit(0, 0, 1)).toThrow(last);
  backend.ring.prepare(OPCODE.NOP, 0, 5, -1, 0, 0, 0, 0);
  backend.ring.prepare(OPCODE.NOP, 1, 5, -1, 0, 0, 0, 0);
  for (const wrong of [-1, Number.NaN]) {
    expect(() => backend.ring.limit(1, 5, wrong)).toThrow(RangeError);
  }
  expect(() => backend.ring.limit(0, 5, 1)).toThrow(last);
  expect(() => backend.ring.limit(1, 4, 1)).toThrow(last);
  backend.ring.limit(1, 5, seconds(1));
  expect(() => backend.ring.limit(1, 5, seconds(1))).toThrow(last);
  backend.ring.prepare(OPCODE.LOOKUP, 2, 5, -1, address, 1, 0, 64);
  try {
    backend.ring.limit(2, 5, seconds(1));
    expect.unreachable();
  } catch (error) {
    expect(isReelError(error, "ERR_UNSUPPORTED")).toBe(true);
  }
  backend.ring.cancel(2, 5);
  backend.ring.flush();
  expect(() => backend.ring.limit(2, 5, 1)).toThrow(last);
  pollFor(backend, sink, 3);
  expect(sink.takeSorted()).toEqual([
    "complete 0.5 0",
    "complete 1.5 0",
    `complete 2.5 ${-ECANCELED}`,
  ]);
});

/** A toy with one limited receive, and its two submissions. */
function limitedToy(): { toy: ToyKernel; sink: RecordingSink } {
  const toy = new ToyKernel(4, 16, 8);
  const file = toy.core.files.add(100);
  toy.core.prepare(OPCODE.RECV, 5, 9, file, 4096, 64, 0, 0);
  toy.core.limit(5, 9, seconds(2) + 7);
  toy.core.enter(0);
  expect(toy.taken.map((entry) => entry[0]! & 0xff)).toEqual([OPCODE.RECV, OPCODE.LINK_TIMEOUT]);
  return { toy, sink: new RecordingSink() };
}

test("a timeout and its request may end in either order, whoever ended the request", () => {
  for (const [own, asked, given, delivered] of [
    [-ETIME, false, -ECANCELED, -ETIME],
    [-ETIME, false, -EINTR, -ETIME],
    [-ETIME, true, -ECANCELED, -ECANCELED],
    [-ECANCELED, true, -ECANCELED, -ECANCELED],
    [-ECANCELED, false, 12, 12],
    [-ETIME, false, 12, 12],
    [-ERRNO.ENOENT, false, 0, 0],
  ] as const) {
    for (const timeoutFirst of [true, false]) {
      const { toy, sink } = limitedToy();
      const [receive, timeout] = [toy.taken[0]!, toy.taken[1]!];
      if (asked) toy.core.cancel(5, 9);
      if (timeoutFirst) toy.completeTaken(timeout, own);
      toy.completeTaken(receive, given);
      if (!timeoutFirst) toy.completeTaken(timeout, own);
      toy.core.enter(0);
      toy.completeAll(0);
      toy.deliver(sink);
      expect(sink.take()).toEqual(["turn", `complete 5.9 ${delivered}`]);
      expect([toy.core.inFlight, toy.core.ownInFlight]).toEqual([0, 0]);
    }
  }
});

test("a limited request that is issued again is limited again", () => {
  const { toy, sink } = limitedToy();
  const before = toy.taken.slice();
  toy.completeTaken(before[0]!, -EAGAIN);
  toy.completeTaken(before[1]!, -ECANCELED);
  // Only two places are left for the two of them.
  toy.core.prepare(OPCODE.NOP, 0, 1, -1, 0, 0, 0, 0);
  toy.core.prepare(OPCODE.NOP, 1, 1, -1, 0, 0, 0, 0);
  toy.core.prepare(OPCODE.NOP, 2, 1, -1, 0, 0, 0, 0);
  toy.deliver(sink);
  toy.core.enter(0);
  const again = toy.taken.slice(3);
  expect(again[0]).toEqual(before[0]!);
  expect(again[0]![0]! & ENTRY_LINK).toBe(ENTRY_LINK);
  expect(again[1]!.slice(6)).toEqual(before[1]!.slice(6));
  expect(sink.take()).toEqual([]);
});

test("a limited request that told of more to come keeps its limit", () => {
  const { toy, sink } = limitedToy();
  toy.complete(5, 9, 3, CQE_MORE);
  toy.completeTaken(toy.taken[0]!, -ECANCELED);
  toy.deliver(sink);
  expect(sink.results.map(({ result, flags }) => [result, flags])).toEqual([
    [3, COMPLETE_MORE],
    [-ETIME, 0],
  ]);
});

test("a request whose timeout the kernel could not link is ended", () => {
  const { toy, sink } = limitedToy();
  const receive = toy.taken[0]!;
  toy.completeTaken(toy.taken[1]!, -EINVAL);
  toy.deliver(sink);
  toy.core.enter(0);
  const cancel = toy.taken[1]!;
  expect([cancel[0]! & 0xff, cancel[4], cancel[5]]).toEqual([OPCODE.ASYNC_CANCEL, 5, 9]);
  toy.completeTaken(receive, -ECANCELED);
  toy.completeTaken(cancel, 0);
  toy.deliver(sink);
  expect(sink.take()).toEqual(["turn", `complete 5.9 ${-ETIME}`]);
});
