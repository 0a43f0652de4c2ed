/** Tests of sleeps and delayed tasks. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { callAfter, sleep, sleepUntil } from "./sleep.ts";
import { World } from "./world.fixture.ts";

describe("sleep", () => {
  test("the deadline counts from the call, not from the await [X10]", () => {
    const world = new World();
    const { executor } = world;
    const ends = world.run(async () => {
      const early = sleep(executor, 30);
      await sleep(executor, 20);
      await early;
      return world.timers.now();
    });
    expect(ends).toBe(30);
  });

  test("zero and past are over at once, without a timer or a turn [X10]", () => {
    const world = new World();
    const { executor } = world;
    world.run(async () => {
      await sleep(executor, 5);
      const steps = executor.steps;
      await sleep(executor, 0);
      await sleep(executor, -3);
      await sleepUntil(executor, 5);
      await sleepUntil(executor, 2);
      expect(executor.steps).toBe(steps);
    });
    expect(world.timers.pending).toBe(0);
  });

  test("sleep() is never early, even if the timer port is [X10]", () => {
    const world = new World();
    const { executor } = world;
    world.timers.earlyNs = 4;
    const ends = world.run(async () => {
      await sleep(executor, 10);
      return world.timers.now();
    });
    expect(ends).toBe(10);
  });

  test("a fraction of a nanosecond is rounded up [X10]", () => {
    const world = new World();
    world.run(() => sleep(world.executor, 1.25));
    expect(world.timers.now()).toBe(2);
  });

  test("sleeps end by deadline, equal ones in the order of the calls [X10]", () => {
    const durations = fc.array(fc.integer({ min: 0, max: 20 }), { maxLength: 20 });
    const property = fc.property(durations, (delays) => {
      const world = new World();
      const ends: { delay: number; index: number; at: number }[] = [];
      delays.forEach((delay, index) => {
        world.executor.spawn(async () => {
          await sleep(world.executor, delay);
          ends.push({ delay, index, at: world.timers.now() });
        });
      });
      world.drive();
      const wanted = delays
        .map((delay, index) => ({ delay, index, at: delay }))
        .toSorted((a, b) => a.delay - b.delay || a.index - b.index);
      expect(ends).toEqual(wanted);
    });
    fc.assert(property, { seed: 3, numRuns: 100 });
  });

  test("a cancelled sleep leaves no timer behind [X10] [K16]", () => {
    const world = new World();
    const { executor } = world;
    const sleepers = [1, 2, 3].map((hours) =>
      executor.spawn(() => sleep(executor, hours * 3_600_000_000_000)),
    );
    world.settle();
    expect(world.timers.pending).toBe(3);
    void sleepers[1]!.cancel();
    world.settle();
    expect(world.timers.pending).toBe(2);
    for (const sleeper of sleepers) void sleeper.cancel();
    world.settle();
    expect(world.timers.pending).toBe(0);
    expect(sleepers.every((sleeper) => sleeper.cancelled)).toBe(true);
  });

  test("sleep() refuses what is no duration", () => {
    const world = new World();
    for (const wrong of [Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53]) {
      expect(() => sleep(world.executor, wrong)).toThrow(RangeError);
    }
  });

  test("callAfter() starts a task later while the caller goes on [K16]", () => {
    const world = new World();
    const { executor } = world;
    const log: string[] = [];
    const result = world.run(async () => {
      const handle = callAfter(executor, 10, () => {
        log.push(`called at ${world.timers.now()}`);
        return "result";
      });
      log.push("caller goes on");
      return handle.join();
    });
    expect(result).toBe("result");
    expect(log).toEqual(["caller goes on", "called at 10"]);
    const dropped = callAfter(executor, 10, () => log.push("never"));
    world.settle();
    void dropped.cancel();
    world.drive();
    expect(log).toHaveLength(2);
    expect(world.timers.pending).toBe(0);
  });
});
