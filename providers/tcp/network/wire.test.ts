/**
 * What links do to frames: how much they delay, how often they lose, repeat and reorder, and what
 * partitions and clogs do. Chance is seeded, so the counts are exact numbers within wide bounds.
 */
import { describe, expect, test } from "bun:test";
import { BareMachine } from "../bare-machine.fixture.ts";
import { carryOut, parseCommand } from "./commands.ts";
import { FRAME_FROM, FRAME_TO, SCOPE_NETWORK, addressOf, read32, write32 } from "./frame.ts";
import { Wire } from "./wire.ts";

const FRAME_BYTES = 100;

interface Arrival {
  number: number;
  atNs: number;
}

/** A wire between hosts `a` (2) and `b` (3), and what has arrived. */
function wired(...commands: string[]) {
  const machine = new BareMachine();
  const arrivals: Arrival[] = [];
  const wire: Wire = new Wire(machine, (slot) => {
    arrivals.push({ number: read32(wire.store.window(slot), 20), atNs: machine.nowNs });
    wire.store.give(slot);
  });
  const command = (line: string): void => carryOut(parseCommand(line), wire);
  for (const line of ["host a", "host b", ...commands]) command(line);
  let number = 0;
  const send = (count: number, bytes = FRAME_BYTES, from = 2, to = 3): void => {
    for (let i = 0; i < count; i++) {
      const slot = wire.store.take(bytes);
      const window = wire.store.window(slot);
      write32(window, FRAME_TO, addressOf(to, SCOPE_NETWORK, 0));
      write32(window, FRAME_FROM, addressOf(from, SCOPE_NETWORK, 0));
      write32(window, 20, number++);
      wire.launch(slot);
    }
  };
  const numbers = (): number[] => arrivals.map((arrival) => arrival.number);
  return { machine, wire, arrivals, command, send, numbers };
}

const rising = (numbers: readonly number[]): boolean =>
  numbers.every((number, i) => i === 0 || number > numbers[i - 1]!);
const sum = (dropped: Record<string, number>): number =>
  Object.values(dropped).reduce((total, count) => total + count, 0);

describe("a link", () => {
  test("delays by its latency and by up to its jitter, and keeps frames in order", () => {
    const rig = wired("link a b latencyNs=1000000 jitterNs=500000 bandwidthBytesPerSecond=0");
    for (let i = 0; i < 300; i++) {
      rig.send(1);
      rig.machine.run((i + 1) * 10_000);
      rig.machine.nowNs = (i + 1) * 10_000;
    }
    rig.machine.run();
    expect(rig.numbers()).toEqual(Array.from({ length: 300 }, (_, i) => i));
    const delays = rig.arrivals.map(({ atNs, number }) => atNs - number * 10_000);
    expect(Math.min(...delays)).toBeGreaterThanOrEqual(1_000_000);
    expect(Math.max(...delays)).toBeLessThan(1_500_000);
    expect(new Set(delays).size).toBeGreaterThan(50);
  });

  test("takes the time that its bandwidth needs, each direction for itself", () => {
    const rig = wired("link a b latencyNs=1000 bandwidthBytesPerSecond=1000000");
    rig.send(10, 500, 2, 3);
    rig.send(10, 500, 3, 2);
    rig.machine.run();
    // 500 bytes at a megabyte a second are half a millisecond.
    const there = rig.arrivals.filter(({ number }) => number < 10).map(({ atNs }) => atNs);
    const back = rig.arrivals.filter(({ number }) => number >= 10).map(({ atNs }) => atNs);
    expect(there).toEqual(Array.from({ length: 10 }, (_, i) => (i + 1) * 500_000 + 1000));
    expect(back).toEqual(there);
  });

  test("drops at the tail of a queue that is full, and carries the rest", () => {
    const rig = wired("link a b bandwidthBytesPerSecond=1000000");
    rig.send(400, 1000);
    rig.machine.run();
    // 256 KiB wait at most; the frame that fills the queue is still taken.
    expect(rig.numbers()).toEqual(Array.from({ length: 263 }, (_, i) => i));
    expect(rig.wire.dropped.queueFull).toBe(400 - 263);
  });

  test.each([0.01, 0.1, 0.5])("loses a share of %d, which the seed decides", (lossRate) => {
    const rig = wired(`link a b lossRate=${lossRate} bandwidthBytesPerSecond=0`);
    rig.send(4000);
    rig.machine.run();
    const { lost } = rig.wire.dropped;
    expect(rig.arrivals.length).toBe(4000 - lost);
    // Five standard deviations of a binomial distribution.
    const deviation = Math.sqrt(4000 * lossRate * (1 - lossRate));
    expect(Math.abs(lost - 4000 * lossRate)).toBeLessThan(5 * deviation);
    const again = wired(`link a b lossRate=${lossRate} bandwidthBytesPerSecond=0`);
    again.send(4000);
    again.machine.run();
    expect(again.numbers()).toEqual(rig.numbers());
  });

  test("repeats a share of frames, and the copies have the same bytes", () => {
    const rig = wired("link a b duplicateRate=0.2 bandwidthBytesPerSecond=0");
    rig.send(5000);
    rig.machine.run();
    const copies = rig.arrivals.length - 5000;
    expect(Math.abs(copies - 1000)).toBeLessThan(5 * Math.sqrt(5000 * 0.2 * 0.8));
    expect(new Set(rig.numbers()).size).toBe(5000);
  });

  test("lets frames overtake those that are late, and loses none of them", () => {
    const rig = wired("link a b latencyNs=100000 reorderRate=0.1");
    rig.send(2000);
    rig.machine.run();
    const numbers = rig.numbers();
    const overtaken = numbers.filter((number, i) => i > 0 && number < numbers[i - 1]!).length;
    expect(rising(numbers)).toBe(false);
    expect(overtaken).toBeGreaterThan(100);
    expect(numbers.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 2000 }, (_, i) => i));
  });
});

describe("faults of a link", () => {
  test("a partition drops what is sent and what is on its way; heal ends one or all", () => {
    const rig = wired("link a b latencyNs=1000 bandwidthBytesPerSecond=0");
    rig.send(1);
    rig.command("partition b a");
    rig.send(1);
    rig.machine.run();
    expect(rig.numbers()).toEqual([]);
    rig.command("heal a b");
    rig.send(1);
    rig.command("partition a b");
    rig.command("heal");
    rig.machine.run();
    expect(rig.numbers()).toEqual([2]);
    expect(rig.wire.dropped.partitioned).toBe(2);
  });

  test("a clog holds frames back, in order, until it is ended", () => {
    const rig = wired("link a b latencyNs=1000 bandwidthBytesPerSecond=0");
    rig.send(3);
    rig.command("clog a b");
    rig.send(3);
    rig.send(2, FRAME_BYTES, 3, 2);
    rig.machine.run();
    expect(rig.numbers()).toEqual([]);
    rig.machine.nowNs = 5_000_000;
    rig.command("unclog b a");
    rig.send(1);
    rig.machine.run();
    expect(rig.numbers().filter((number) => number < 6)).toEqual([0, 1, 2, 3, 4, 5]);
    expect(rig.numbers().filter((number) => number >= 6)).toEqual([6, 7, 8]);
    expect(rig.arrivals[0]!.atNs).toBe(5_000_000);
  });

  test("a frame to or from a host that is not there is dropped and counted", () => {
    const rig = wired();
    rig.send(1, FRAME_BYTES, 2, 9);
    rig.send(1, FRAME_BYTES, 0, 3);
    rig.machine.run();
    expect(rig.wire.dropped.noHost).toBe(2);
    expect(sum(rig.wire.dropped)).toBe(2);
    expect(rig.wire.store.capture().free.flat().length).toBe(rig.wire.store.count);
  });
});
