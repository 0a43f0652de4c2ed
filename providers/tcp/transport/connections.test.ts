/** How connections begin and end: handshakes, refusals, closes of every kind, and what is left. */
import { describe, expect, test } from "bun:test";
import { ms, seconds } from "../../../core/clock.ts";
import { ERRNO } from "../../../core/errors.ts";
import { NOTHING_LEFT, NetworkRig, type RigPair } from "../network.fixture.ts";
import { AT_END, end, isConnected, makeAbortive, readable, release, writable } from "./calls.ts";
import { CLOSED, FIN_WAIT_2, LAST_ACK, TIME_WAIT } from "./layout.ts";

const hello = new TextEncoder().encode("hello");

function stateOf({ rig }: RigPair, number: number): number {
  return rig.transport.at(number).state;
}

/** Lets everything go and sees that nothing is left. */
function finish({ rig, client, server, listener }: RigPair): void {
  for (const number of [client, server, listener]) release(rig.transport, number);
  rig.runOut();
  expect(rig.left()).toEqual(NOTHING_LEFT);
}

describe("a handshake", () => {
  test("takes one round trip for the client and one and a half for the server", () => {
    const rig = new NetworkRig();
    rig.command("link a b latencyNs=10000000 bandwidthBytesPerSecond=0");
    const listener = rig.listen("b", 80);
    const client = rig.connect("a", "b", 80);
    rig.runUntil(() => isConnected(rig.transport, client) === 1);
    expect(Math.floor(rig.machine.now() / ms(1))).toBe(20);
    rig.runUntil(() => rig.accept(listener) !== 0);
    expect(Math.floor(rig.machine.now() / ms(1))).toBe(30);
  });

  test("is refused where nobody listens, on that port or on that address", () => {
    const rig = new NetworkRig();
    const listener = rig.listen("127.0.0.1", 80);
    for (const [to, port] of [
      ["127.0.0.1", 81],
      ["::1", 80],
      ["local", 80],
      ["b", 80],
    ] as const) {
      const client = rig.connect(to === "b" ? "a" : to, to, port);
      rig.runUntil(() => isConnected(rig.transport, client) !== 0);
      expect(isConnected(rig.transport, client)).toBe(-ERRNO.ECONNREFUSED);
      release(rig.transport, client);
    }
    release(rig.transport, listener);
    rig.runOut();
    expect(rig.left()).toEqual(NOTHING_LEFT);
  });

  test("that nobody answers fails with ETIMEDOUT after 127 seconds, like Linux's", () => {
    const rig = new NetworkRig();
    rig.command("partition a b");
    const client = rig.connect("a", "b", 80);
    rig.runUntil(() => isConnected(rig.transport, client) !== 0);
    expect(isConnected(rig.transport, client)).toBe(-ERRNO.ETIMEDOUT);
    // 1 + 2 + 4 + 8 + 16 + 32 + 64 seconds after seven SYNs.
    expect(Math.floor(rig.machine.now() / seconds(1))).toBe(127);
    expect(rig.device.wire.dropped.partitioned).toBe(7);
    release(rig.transport, client);
    expect(rig.left().connections).toBe(0);
  });

  test("beyond the backlog is not answered, and succeeds once somebody was accepted", () => {
    const rig = new NetworkRig();
    const listener = rig.listen("b", 80, { backlog: 3 });
    const clients = Array.from({ length: 6 }, () => rig.connect("a", "b", 80));
    rig.runUntil(() => false, ms(500));
    const connected = (): number =>
      clients.filter((client) => isConnected(rig.transport, client) === 1).length;
    expect(connected()).toBe(4);
    const servers = [rig.accept(listener), rig.accept(listener)];
    rig.runUntil(() => connected() === 6, seconds(10));
    expect(connected()).toBe(6);
    for (const number of [...clients, ...servers, listener]) release(rig.transport, number);
    rig.runOut();
    expect(rig.left()).toEqual(NOTHING_LEFT);
  });

  test("of many clients is shared among the listeners of one port that allow it", () => {
    const rig = new NetworkRig();
    const options = { reusePort: true, backlog: 100 };
    const listeners = [rig.listen("b", 80, options), rig.listen("b", 80, options)];
    expect(rig.listen("b", 80)).toBe(-ERRNO.EADDRINUSE);
    for (let i = 0; i < 60; i++) rig.connect("a", "b", 80);
    rig.runOut(seconds(1));
    const counts = listeners.map((listener) => rig.transport.at(listener).acceptCount);
    expect(counts[0]! + counts[1]!).toBe(60);
    expect(Math.min(...counts)).toBeGreaterThan(10);
  });
});

describe("addresses of listeners", () => {
  test("are taken by the same one and by all of a host's, of one family or of both", () => {
    const rig = new NetworkRig();
    const taken = -ERRNO.EADDRINUSE;
    const tries = [
      ["127.0.0.1", "127.0.0.1", taken],
      ["127.0.0.1", "0.0.0.0", taken],
      ["0.0.0.0", "local", taken],
      ["::", "0.0.0.0", taken],
      ["127.0.0.1", "::", taken],
      ["127.0.0.1", "::1", 1],
      ["127.0.0.1", "local", 1],
      ["0.0.0.0", "b", 1],
    ] as const;
    for (const [i, [first, second, result]] of tries.entries()) {
      expect(rig.listen(first, 100 + i)).toBeGreaterThan(0);
      expect(Math.min(1, rig.listen(second, 100 + i))).toBe(result);
    }
  });

  test("with port 0 get free ports, each its own", () => {
    const rig = new NetworkRig();
    const listeners = Array.from({ length: 50 }, () => rig.listen("b", 0));
    const ports = listeners.map((listener) => rig.transport.at(listener).localPort);
    expect(new Set(ports).size).toBe(50);
    expect(Math.min(...ports)).toBeGreaterThanOrEqual(32_768);
  });
});

describe("a close", () => {
  test("of one side leaves the other free to send for as long as it likes", () => {
    const pair = NetworkRig.pair();
    const { rig, client, server } = pair;
    rig.send(client, hello);
    end(rig.transport, client);
    rig.runUntil(() => rig.transport.at(server).ended);
    expect(rig.receive(server)).toEqual(hello);
    expect(readable(rig.transport, server)).toBe(AT_END);
    expect(writable(rig.transport, client)).toBe(-ERRNO.EPIPE);
    rig.runUntil(() => stateOf(pair, client) === FIN_WAIT_2);
    for (let round = 0; round < 3; round++) {
      rig.runUntil(() => false, rig.machine.now() + seconds(100));
      rig.send(server, hello);
      rig.runUntil(() => readable(rig.transport, client) > 0);
      expect(rig.receive(client)).toEqual(hello);
    }
    end(rig.transport, server);
    expect(stateOf(pair, server)).toBe(LAST_ACK);
    rig.runUntil(() => readable(rig.transport, client) === AT_END);
    rig.runUntil(() => stateOf(pair, server) === CLOSED);
    expect(stateOf(pair, client)).toBe(TIME_WAIT);
    finish(pair);
  });

  test("of both sides at once passes through CLOSING and TIME_WAIT on both", () => {
    const pair = NetworkRig.pair();
    const { rig, client, server } = pair;
    end(rig.transport, client);
    end(rig.transport, server);
    rig.runUntil(() => stateOf(pair, client) === TIME_WAIT && stateOf(pair, server) === TIME_WAIT);
    expect(readable(rig.transport, client)).toBe(AT_END);
    expect(readable(rig.transport, server)).toBe(AT_END);
    finish(pair);
  });

  test("goes on in the background: what was written still arrives, then the end", () => {
    const pair = NetworkRig.pair("link a b latencyNs=1000000 lossRate=0.2");
    const { rig, client, server, listener } = pair;
    const bytes = new Uint8Array(200_000).fill(7);
    let sent = 0;
    let received = 0;
    const isOver = (): boolean => {
      if (sent < bytes.length) sent += rig.send(client, bytes, sent);
      if (sent === bytes.length && rig.transport.at(client).holder !== 0) {
        release(rig.transport, client);
      }
      const found = rig.receive(server);
      if (found instanceof Uint8Array) received += found.length;
      return found === undefined;
    };
    expect(rig.runUntil(isOver, seconds(3600))).toBe(true);
    expect(received).toBe(200_000);
    for (const number of [server, listener]) release(rig.transport, number);
    rig.runOut();
    expect(rig.left()).toEqual(NOTHING_LEFT);
  });

  test("with bytes that were not read resets, and so does an abortive one", () => {
    for (const abortive of [false, true]) {
      const pair = NetworkRig.pair();
      const { rig, client, server, listener } = pair;
      if (abortive) makeAbortive(rig.transport, server);
      else rig.send(client, hello);
      rig.runUntil(() => abortive || readable(rig.transport, server) > 0);
      release(rig.transport, server);
      rig.runUntil(() => readable(rig.transport, client) < 0);
      expect(readable(rig.transport, client)).toBe(-ERRNO.ECONNRESET);
      // The error is told once; then there is nothing but a broken pipe.
      expect(writable(rig.transport, client)).toBe(-ERRNO.ECONNRESET);
      expect(writable(rig.transport, client)).toBe(-ERRNO.EPIPE);
      for (const number of [client, listener]) release(rig.transport, number);
      rig.runOut();
      expect(rig.left()).toEqual(NOTHING_LEFT);
    }
  });

  test("is told to who writes afterwards: the first write succeeds, the next is EPIPE", () => {
    const pair = NetworkRig.pair();
    const { rig, client, server, listener } = pair;
    release(rig.transport, server);
    rig.runUntil(() => readable(rig.transport, client) === AT_END);
    expect(rig.send(client, hello)).toBe(hello.length);
    rig.runUntil(() => stateOf(pair, client) === CLOSED);
    expect(readable(rig.transport, client)).toBe(AT_END);
    expect(rig.send(client, hello)).toBe(-ERRNO.EPIPE);
    for (const number of [client, listener]) release(rig.transport, number);
    rig.runOut();
    expect(rig.left()).toEqual(NOTHING_LEFT);
  });

  test("that the peer never answers is given up after a minute", () => {
    const pair = NetworkRig.pair();
    const { rig, client } = pair;
    release(rig.transport, client);
    rig.runUntil(() => stateOf(pair, client) === FIN_WAIT_2);
    const began = rig.machine.now();
    rig.runUntil(() => rig.transport.at(client).holder === 0 && stateOf(pair, client) <= CLOSED);
    expect(Math.round((rig.machine.now() - began) / seconds(1))).toBe(60);
  });

  test("of a listener resets those who wait to be accepted, and those in handshake", () => {
    const rig = new NetworkRig();
    rig.command("link a b latencyNs=1000000");
    const listener = rig.listen("b", 80);
    const early = rig.connect("a", "b", 80);
    rig.runOut(ms(10));
    const late = rig.connect("a", "b", 80);
    rig.runUntil(() => false, rig.machine.now() + ms(1.5));
    release(rig.transport, listener);
    rig.runOut(seconds(1));
    expect(isConnected(rig.transport, early)).toBe(-ERRNO.ECONNRESET);
    expect(isConnected(rig.transport, late)).toBeLessThan(0);
    for (const number of [early, late]) release(rig.transport, number);
    rig.runOut();
    expect(rig.left()).toEqual(NOTHING_LEFT);
  });

  test("keeps no more than 4,096 connections in TIME_WAIT, and all of them end", () => {
    const rig = new NetworkRig();
    rig.command("link a a latencyNs=0");
    const listener = rig.listen("a", 80);
    let most = 0;
    for (let i = 0; i < 5000; i++) {
      const client = rig.connect("a", "a", 80);
      let server = 0;
      rig.runUntil(() => (server = rig.accept(listener)) !== 0);
      release(rig.transport, client);
      rig.runUntil(() => readable(rig.transport, server) === AT_END);
      release(rig.transport, server);
      most = Math.max(most, rig.transport.memory.root.timeWaitCount);
    }
    expect(most).toBe(4096);
    release(rig.transport, listener);
    rig.runOut();
    expect(rig.left()).toEqual(NOTHING_LEFT);
  });
});
