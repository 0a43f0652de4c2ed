/** Pacing against a host whose time is under the test's control, so that nothing is waited for. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Pacer } from "./pacer.ts";

/** A host that sleeps as badly as it is told to. */
class TestHost {
  nowNs: number;
  readonly blocks: number[] = [];
  /** How long a sleep takes: so many times what was asked, and so much more. */
  factor = 1;
  overshootNs = 0;

  constructor(nowNs = 123_456_789) {
    this.nowNs = nowNs;
  }

  now(): number {
    return this.nowNs;
  }

  block(durationNs: number): void {
    this.blocks.push(durationNs);
    this.nowNs += Math.ceil(durationNs * this.factor) + this.overshootNs;
  }
}

class TestClock {
  restores = 0;
  nowNs = 0;

  now(): number {
    return this.nowNs;
  }
}

describe("Pacer", () => {
  test("waitUntil() is never early, however early the host's sleeps return", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 10_000_000 }), { maxLength: 30, size: "max" }),
        fc.double({ min: 0.1, max: 2, noNaN: true }),
        (delays, factor) => {
          const host = new TestHost();
          const clock = new TestClock();
          const pacer = new Pacer(clock, host);
          host.factor = factor;
          const startNs = host.nowNs;
          for (const delay of delays) {
            const due = clock.nowNs + delay;
            pacer.waitUntil(due);
            expect(host.nowNs - startNs).toBeGreaterThanOrEqual(due);
            clock.nowNs = due;
          }
        },
      ),
      { seed: 20251130, numRuns: 200 },
    );
  });

  test("waitUntil() measures from one start, so that lateness does not add up", () => {
    const host = new TestHost();
    const clock = new TestClock();
    const pacer = new Pacer(clock, host);
    host.overshootNs = 70_000;
    const startNs = host.nowNs;
    for (let i = 1; i <= 1000; i++) {
      pacer.waitUntil(i * 1_000_000);
      clock.nowNs = i * 1_000_000;
    }
    expect(host.nowNs - startNs).toBe(1000 * 1_000_000 + 70_000);
    expect(host.blocks).toHaveLength(1000);
  });

  test("a host that lost time catches up without waiting", () => {
    const host = new TestHost();
    const clock = new TestClock();
    const pacer = new Pacer(clock, host);
    pacer.waitUntil(1_000_000);
    host.nowNs += 10_000_000;
    for (let i = 2; i <= 11; i++) pacer.waitUntil(i * 1_000_000);
    expect(host.blocks).toHaveLength(1);
    expect(pacer.remainingNs(12_000_000)).toBe(1_000_000);
  });

  test("the start is the first wait: what the host did before does not count", () => {
    const host = new TestHost();
    const clock = new TestClock();
    const pacer = new Pacer(clock, host);
    host.nowNs += 5e9;
    clock.nowNs = 2_000_000;
    expect(pacer.remainingNs(3_000_000)).toBe(1_000_000);
  });

  test("after a restore the start is fixed anew, so that a rewound clock waits again", () => {
    const host = new TestHost();
    const clock = new TestClock();
    const pacer = new Pacer(clock, host);
    pacer.waitUntil(9_000_000);
    clock.nowNs = 1_000_000;
    clock.restores += 1;
    expect(pacer.remainingNs(3_000_000)).toBe(2_000_000);
  });
});
