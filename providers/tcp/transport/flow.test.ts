/** How segments flow: retransmission, windows, probes, small writes, idle peers. */
import { describe, expect, test } from "bun:test";
import { ms, seconds } from "../../../core/clock.ts";
import { ERRNO } from "../../../core/errors.ts";
import { NetworkRig, type RigPair } from "../network.fixture.ts";
import { SEND_BYTES_MAX, isConnected, readable, release, send, writable } from "./calls.ts";
import { Segment } from "./segment.ts";

interface Sent {
  atNs: number;
  from: number;
  sequence: number;
  length: number;
}

/** Notes every segment that goes onto the wire; those for which `loses` says so are lost there. */
function traced(rig: NetworkRig, loses: (segment: Sent, place: number) => boolean = () => false) {
  const { wire } = rig.device;
  const launch = wire.launch.bind(wire);
  const segment = new Segment();
  const sent: Sent[] = [];
  wire.launch = (slot) => {
    const bytes = wire.store.window(slot);
    segment.read(bytes, 0, bytes.length);
    const { from, sequence, length } = segment;
    const entry = { atNs: rig.machine.now(), from, sequence, length };
    sent.push(entry);
    if (loses(entry, sent.length - 1)) wire.store.give(slot);
    else launch(slot);
  };
  return sent;
}

/** Reads whatever comes until so many bytes have come. @returns when */
function readAll({ rig, server }: RigPair, count: number): number {
  let received = 0;
  const isOver = (): boolean => {
    const found = rig.receive(server);
    if (found instanceof Uint8Array) received += found.length;
    return received >= count;
  };
  expect(rig.runUntil(isOver, rig.machine.now() + seconds(3600))).toBe(true);
  return rig.machine.now();
}

describe("retransmission", () => {
  test("backs off by doubling, and gives up with ETIMEDOUT after 15 retries", () => {
    const pair = NetworkRig.pair("link a b latencyNs=10000000");
    const { rig, client, server } = pair;
    rig.runOut(rig.machine.now() + ms(100));
    rig.command("partition a b");
    const sent = traced(rig);
    rig.send(client, new Uint8Array(10));
    rig.runUntil(() => readable(rig.transport, client) < 0);
    expect(readable(rig.transport, client)).toBe(-ERRNO.ETIMEDOUT);
    expect(sent.length).toBe(16);
    const gaps = sent.slice(1).map(({ atNs }, i) => atNs - sent[i]!.atNs);
    // The least timeout is 200 ms, the most 120 s.
    const expected = gaps.map((_, i) => Math.min(seconds(120), gaps[0]! * 2 ** i));
    expect(gaps[0]).toBe(ms(200));
    expect(gaps.map((gap) => Math.round(gap / ms(1)))).toEqual(
      expected.map((gap) => Math.round(gap / ms(1))),
    );
    for (const number of [client, server]) release(rig.transport, number);
  });

  test("of one lost segment needs no timeout when others follow it", () => {
    const pair = NetworkRig.pair("link a b latencyNs=10000000 bandwidthBytesPerSecond=0");
    const { rig, client } = pair;
    rig.runOut(rig.machine.now() + ms(100));
    const began = rig.machine.now();
    let data = 0;
    traced(rig, ({ length }) => length > 0 && ++data === 3);
    rig.send(client, new Uint8Array(14_600));
    const took = readAll(pair, 14_600) - began;
    // One way, then the duplicates' way back and the third segment's again.
    expect(took).toBeLessThan(ms(31));
    expect(rig.transport.memory.root.retransmissions).toBe(1);
  });

  test("keeps what came behind a gap, so that only the gap is sent again", () => {
    const pair = NetworkRig.pair("link a b latencyNs=1000000 bandwidthBytesPerSecond=0");
    const { rig, client } = pair;
    let data = 0;
    traced(rig, ({ length }) => length > 0 && [2, 5].includes(++data));
    rig.send(client, new Uint8Array(14_600));
    readAll(pair, 14_600);
    expect(rig.transport.memory.root.retransmissions).toBeLessThanOrEqual(3);
  });
});

describe("flow control", () => {
  test("stops a writer whose peer never reads at its window and the sender's buffer", () => {
    const pair = NetworkRig.pair("link a b latencyNs=1000000", {}, { inboxBytes: 50_000 });
    const { rig, client } = pair;
    const bytes = new Uint8Array(1 << 20);
    let sent = 0;
    rig.runUntil(() => {
      sent += Math.max(0, rig.send(client, bytes));
      return false;
    }, seconds(30));
    expect(sent).toBe(50_000 + SEND_BYTES_MAX);
    expect(writable(rig.transport, client)).toBe(0);
    expect(readable(rig.transport, pair.server)).toBe(50_000);
    // Probes end after a while, so that a program that waits for something else has an end, too.
    rig.runOut();
    expect(rig.machine.now()).toBeLessThan(seconds(4 * 3600));
    expect(readAll(pair, sent)).toBeGreaterThan(0);
  });

  test("survives the loss of the news that the window is open again", () => {
    const pair = NetworkRig.pair("link a b latencyNs=1000000", {}, { inboxBytes: 4096 });
    const { rig, client, server } = pair;
    rig.send(client, new Uint8Array(10_000));
    rig.runUntil(() => false, seconds(1));
    expect(readable(rig.transport, server)).toBe(4096);
    let lost = 0;
    traced(rig, ({ from }) => from >> 3 === 3 && lost++ === 0);
    expect((rig.receive(server) as Uint8Array).length).toBe(4096);
    rig.runUntil(() => readable(rig.transport, server) > 0, rig.machine.now() + seconds(60));
    expect(lost).toBeGreaterThan(1);
    expect(readAll(pair, 10_000 - 4096)).toBeGreaterThan(0);
  });

  test("lets a long way be used as far as the window reaches, beyond 64 KiB", () => {
    const times = [65_535, 1 << 20].map((inboxBytes) => {
      const pair = NetworkRig.pair(
        "link a b latencyNs=50000000 bandwidthBytesPerSecond=0",
        {},
        { inboxBytes },
      );
      const { rig, client } = pair;
      const bytes = new Uint8Array(4 << 20);
      let sent = 0;
      let received = 0;
      const began = rig.machine.now();
      rig.runUntil(() => {
        if (sent < bytes.length) sent += rig.send(client, bytes, sent);
        const found = rig.receive(pair.server);
        if (found instanceof Uint8Array) received += found.length;
        return received === bytes.length;
      });
      return rig.machine.now() - began;
    });
    // 4 MiB in turns of 64 KiB are 64 round trips of 100 ms; the send buffer allows for 16.
    expect(times[0]!).toBeGreaterThan(seconds(6));
    expect(times[1]!).toBeLessThan(seconds(2.6));
  });
});

describe("small writes", () => {
  const segmentsOf = (noDelay: boolean, more: boolean): number => {
    const pair = NetworkRig.pair("link a b latencyNs=10000000", { noDelay });
    const { rig, client } = pair;
    rig.runOut(rig.machine.now() + ms(100));
    const sent = traced(rig);
    for (let i = 0; i < 20; i++) {
      send(rig.transport, client, new Uint8Array(10), 0, 10, more && i < 19);
    }
    readAll(pair, 200);
    return sent.filter(({ length }) => length > 0).length;
  };

  test("leave at once with noDelay, and are joined while others are on their way without", () => {
    expect(segmentsOf(true, false)).toBe(20);
    expect(segmentsOf(false, false)).toBe(2);
  });

  test("that are said to have more behind them wait for it, but not for ever", () => {
    expect(segmentsOf(true, true)).toBe(1);
    const pair = NetworkRig.pair("link a b latencyNs=10000000");
    const began = pair.rig.machine.now();
    send(pair.rig.transport, pair.client, new Uint8Array(10), 0, 10, true);
    expect(readAll(pair, 10) - began).toBe(ms(200) + ms(10) + 1000 + 400);
  });
});

describe("keep-alive", () => {
  test("finds out that an idle peer is gone, by nine probes", () => {
    const options = { keepAlive: true, keepAliveDelayNs: seconds(10) };
    const pair = NetworkRig.pair("link a b latencyNs=1000000", options);
    const { rig, client } = pair;
    rig.runUntil(() => false, seconds(100));
    expect(isConnected(rig.transport, client)).toBe(1);
    rig.command("partition a b");
    rig.runUntil(() => readable(rig.transport, client) < 0, seconds(10_000));
    expect(readable(rig.transport, client)).toBe(-ERRNO.ETIMEDOUT);
    expect(rig.machine.now()).toBeLessThan(seconds(100 + 75 + 9 * 75 + 10));
  });

  test("leaves an idle peer alone that has answered often enough, until it says something", () => {
    const options = { keepAlive: true, keepAliveDelayNs: seconds(10) };
    const pair = NetworkRig.pair("link a b latencyNs=1000000", options);
    const { rig, client, server } = pair;
    rig.runOut();
    expect(rig.machine.now()).toBeLessThan(seconds(256 * 100));
    rig.send(server, new Uint8Array(1));
    rig.runUntil(() => readable(rig.transport, client) > 0);
    rig.receive(client);
    rig.command("partition a b");
    rig.runUntil(() => readable(rig.transport, client) < 0);
    expect(readable(rig.transport, client)).toBe(-ERRNO.ETIMEDOUT);
  });
});
