/** The arithmetic of the timing models: what they take is what the specification's numbers give. */
import { describe, expect, test } from "bun:test";
import { seekNs, timingOf, TRACK_SECTORS, TURN_NS } from "./timing.ts";

/** Seeded numbers from 0 to 1. */
function* numbers(seed: number): Generator<number, never> {
  for (let state = seed; ;) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    yield state / 2 ** 32;
  }
}

const SECTORS = 2 ** 31;

/** Mean time of so many random 4 KiB reads, one after the other. */
function meanRead(name: "hdd7200" | "ssd", count = 20_000): number {
  const timing = timingOf(name, SECTORS);
  const random = numbers(7);
  let now = 0;
  for (let i = 0; i < count; i++) {
    const lba = Math.floor(random.next().value * (SECTORS / 8)) * 8;
    now += timing.reachNs(lba, now, false) + timing.transferNs(lba, 8, false);
    timing.moved(lba, 8, false);
  }
  return now / count;
}

describe("timingOf() hdd7200", () => {
  test("seeks 8.5 ms in the mean and turns in 8.33 ms", () => {
    const random = numbers(3);
    let sum = 0;
    for (let i = 0; i < 50_000; i++) {
      sum += seekNs(Math.abs(random.next().value - random.next().value));
    }
    expect(Math.abs(sum / 50_000 / 8.5e6 - 1)).toBeLessThan(0.02);
    expect(TURN_NS).toBeCloseTo(8.3333e6, -3);
  });

  test("reads at random 78 times a second, within 5 %", () => {
    // Command, mean seek, half a turn, and 8 sectors of a track.
    const expected = 0.1e6 + 8.5e6 + TURN_NS / 2 + (8 / TRACK_SECTORS) * TURN_NS;
    expect(Math.abs(meanRead("hdd7200") / expected - 1)).toBeLessThan(0.05);
  });

  test("reads on at the rate of its tracks, within 5 %", () => {
    const timing = timingOf("hdd7200", SECTORS);
    const sectors = TRACK_SECTORS * 100;
    let now = 0;
    for (let lba = 0; lba < sectors; lba += 2048) {
      now += timing.reachNs(lba, now, false) + timing.transferNs(lba, 2048, false);
      timing.moved(lba, 2048, false);
    }
    expect(Math.abs(now / (100 * (TURN_NS + 0.1e6)) - 1)).toBeLessThan(0.05);
  });
});

describe("timingOf() others", () => {
  test("an SSD reads 4 KiB in 70 µs and a little, and nothing takes time when instant", () => {
    expect(Math.abs(meanRead("ssd", 100) / (70e3 + (4096 / 530e6) * 1e9) - 1)).toBeLessThan(0.05);
    const instant = timingOf("instant", 1);
    expect([instant.reachNs(9, 9, true), instant.flushNs(9), instant.commandNs]).toEqual([0, 0, 0]);
    expect(() => timingOf("floppy" as never, 1)).toThrow("Cannot time a disk");
  });
});
