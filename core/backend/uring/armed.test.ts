/**
 * Requests that complete more than once, on real sockets: armed accepts and receives, sends without
 * a copy, and their ends by cancellation and by closing.
 */
import { expect } from "bun:test";

import { ERRNO } from "../../errors.ts";
import {
  COMPLETE_MORE,
  COMPLETE_NONEMPTY,
  COMPLETE_NOTIFICATION,
  HOW,
  OPCODE,
  fromGroup,
} from "../contract.ts";
import { libc } from "./libc.ts";
import {
  RecordingSink,
  closesOnExec,
  memoryTest as test,
  openBlocking,
  openDescriptors,
  pinned,
  pollFor,
  pollOut,
} from "./ring.fixture.ts";
import { connectTcp, listenTcp, sendNow, tcpPair } from "./sockets.fixture.ts";
import type { UringBackend } from "./uring-backend.ts";

const SLOT = 2;
const POISON = 0xdb;

function armAccept(backend: UringBackend, file: number): void {
  backend.ring.prepare(OPCODE.ACCEPT, SLOT, 1, file, 0, 0, 0, 0, HOW.ACCEPT_MULTISHOT);
  backend.ring.flush();
}

function socketCount(): number {
  return openDescriptors().filter((link) => link.includes("socket:")).length;
}

test("an armed accept gives each connection a ring file, until it is cancelled", (memory) => {
  const backend = openBlocking({ memory });
  const sink = new RecordingSink();
  const { file, port } = listenTcp(backend);
  armAccept(backend, file);
  const clients = Array.from({ length: 5 }, () => connectTcp(port));
  pollFor(backend, sink, 5);
  const taken = sink.results.map(({ result, flags }) => [result, flags & ~COMPLETE_NONEMPTY]);
  expect(taken).toEqual([1, 2, 3, 4, 5].map((accepted) => [accepted, COMPLETE_MORE]));
  for (let accepted = 1; accepted <= 5; accepted++) {
    expect(closesOnExec(backend.ring.files.fdOf(accepted))).toBe(true);
  }
  sink.take();
  backend.ring.cancel(SLOT, 1);
  pollOut(backend, sink);
  expect(sink.take()).toEqual(["turn", `complete ${SLOT}.1 ${-ERRNO.ECANCELED}`]);
  backend.host.close(file);
  for (const client of clients) libc().close(client);
});

test("a connection that an abandoned accept brings is closed", (memory) => {
  const backend = openBlocking({ memory });
  const sink = new RecordingSink();
  const { file, port } = listenTcp(backend);
  const before = socketCount();
  armAccept(backend, file);
  const clients = [connectTcp(port), connectTcp(port)];
  backend.ring.flush();
  // The slot is another's before anybody looked at what the accept has brought.
  backend.ring.prepare(OPCODE.NOP, SLOT, 2, -1, 0, 0, 0, 0);
  backend.cancelFile(file);
  pollOut(backend, sink);
  expect(sink.take()).toEqual(["turn", `complete ${SLOT}.2 0`]);
  expect(backend.ring.files.count).toBe(1);
  backend.host.close(file);
  for (const client of clients) libc().close(client);
  expect(socketCount()).toBe(before - 1);
});

test("cancelling an armed receive brings what had arrived, and then its end", (memory) => {
  const backend = openBlocking({ memory });
  const sink = new RecordingSink();
  const { file, peer } = tcpPair(backend);
  const { address } = pinned(backend, 4 * 64);
  const group = backend.ring.openGroup(address, 64, 4);
  const how = HOW.RECV_MULTISHOT | fromGroup(group);
  backend.ring.prepare(OPCODE.RECV, SLOT, 1, file, 0, 0, 0, 0, how);
  backend.ring.flush();
  sendNow(peer, new Uint8Array(7));
  backend.ring.cancel(SLOT, 1);
  pollOut(backend, sink);
  expect(sink.results.at(-1)!.result).toBe(-ERRNO.ECANCELED);
  // Whether the bytes came first is the kernel's to say; they are lost in no case.
  const early = sink.results.length === 2 ? sink.results[0]!.result : 0;
  sink.take();
  backend.ring.prepare(OPCODE.RECV, SLOT, 2, file, 0, 0, 0, 0, fromGroup(group));
  sendNow(peer, new Uint8Array(5));
  pollOut(backend, sink);
  expect(early + sink.results[0]!.result).toBe(12);
  libc().close(peer);
});

test("a send without a copy tells by a second completion when its memory is free", (memory) => {
  const backend = openBlocking({ memory });
  const sink = new RecordingSink();
  const { file, peer } = tcpPair(backend);
  const { bytes, address } = pinned(backend, 8192);
  bytes.fill(6);
  backend.ring.prepare(OPCODE.SEND_ZC, SLOT, 1, file, address, 8192, 0, 0);
  pollFor(backend, sink, 1);
  const received = new Uint8Array(new ArrayBuffer(16384));
  let length = 0;
  while (length < 8192) length += libc().read(peer, received.subarray(length), 8192);
  pollOut(backend, sink);
  // Over the loopback the second may come before the other end has read, elsewhere it does not.
  expect(sink.results.map(({ result, flags }) => [result, flags])).toEqual([
    [8192, COMPLETE_MORE],
    [0, COMPLETE_NOTIFICATION],
  ]);
  expect(received.subarray(0, 8192).every((byte) => byte === 6)).toBe(true);
  libc().close(peer);
});

test("close() drains everything armed, and nothing is written afterwards", (memory) => {
  const backend = openBlocking({ memory });
  const { bytes, address } = pinned(backend, 64 * 16);
  const group = backend.ring.openGroup(address, 64, 16);
  const { file: listener, port } = listenTcp(backend);
  armAccept(backend, listener);
  const pairs = Array.from({ length: 8 }, () => tcpPair(backend));
  const how = HOW.RECV_MULTISHOT | fromGroup(group);
  for (const [index, { file }] of pairs.entries()) {
    backend.ring.prepare(OPCODE.RECV, 10 + index, 1, file, 0, 0, 0, 0, how);
    backend.ring.limit(10 + index, 1, Infinity);
  }
  backend.ring.flush();
  sendNow(pairs[0]!.peer, new Uint8Array(64).fill(1));
  const late = connectTcp(port);
  backend.close();
  expect([backend.ring.inFlight, backend.ring.ownInFlight]).toEqual([0, 0]);
  bytes.fill(POISON);
  for (const { peer } of pairs) {
    // The other end is closed: this fails or goes nowhere, but never into the group's memory.
    libc().write(peer, new Uint8Array(64).fill(7), 64);
    libc().close(peer);
  }
  libc().close(late);
  expect(bytes.every((byte) => byte === POISON)).toBe(true);
});
