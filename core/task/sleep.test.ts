/** Tests of time: sleeps, delayed tasks, timeouts. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { isReelError, type ReelError } from "../errors.ts";
import { race } from "./race.ts";
import { callAfter, sleep, sleepUntil } from "./sleep.ts";
import type { Suspension } from "./suspension.ts";
import { World } from "./testing-timers.ts";
import { timeout } from "./timeout.ts";
import { yieldNow } from "./yield-now.ts";

function codeOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    (value) => `value ${String(value)}`,
    (error: unknown) => (isReelError(error) ? error.code : String(error)),
  );
}

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

  test("sleeps end in the order of their deadlines, equal ones in the order of the calls [X10]", () => {
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

describe("timeout", () => {
  test("gives the result of work that is in time and leaves no timer [X11]", () => {
    const world = new World();
    const { executor } = world;
    const work = async (): Promise<string> => {
      await sleep(executor, 5);
      return "work";
    };
    expect(world.run(() => timeout(executor, 10, work))).toBe("work");
    expect(world.run(() => timeout(executor, 10, work()))).toBe("work");
    expect(world.timers.pending).toBe(0);
    expect(world.timers.now()).toBe(10);
  });

  test("cancels and awaits a function that is late [X11]", () => {
    const world = new World();
    const { executor } = world;
    const log: string[] = [];
    const code = world.run(async () => {
      const found = await codeOf(
        timeout(executor, 10, async () => {
          try {
            await sleep(executor, 100);
          } finally {
            await sleep(executor, 7);
            log.push("cleaned up");
          }
        }),
      );
      log.push(`timed out at ${world.timers.now()}`);
      return found;
    });
    expect(code).toBe("ERR_TIMEOUT");
    expect(log).toEqual(["cleaned up", "timed out at 17"]);
    expect(world.timers.pending).toBe(0);
  });

  test("a result beats the deadline on a tie, in both forms and either order [X11] [K16]", () => {
    for (const armedFirst of ["the sleep", "the timeout"]) {
      const world = new World();
      const { executor } = world;
      // The work needs several turns of the microtask queue after its sleep.
      const work = async (): Promise<string> => {
        await sleep(executor, 10);
        for (let i = 0; i < 5; i++) await null;
        return "tie";
      };
      const result = world.run(() => {
        const form = armedFirst === "the sleep" ? work() : work;
        return timeout(executor, 10, form);
      });
      expect(result).toBe("tie");
    }
    const world = new World();
    const { executor } = world;
    // Here the timer's deadline is armed before the work's.
    const late = async (): Promise<string> => {
      let operation!: Suspension<string>;
      executor.spawn(async () => {
        await sleep(executor, 10);
        operation.wake("same instant");
      });
      return timeout(executor, 10, () => {
        operation = executor.suspend<string>("an operation");
        return operation.promise;
      });
    };
    expect(world.run(late)).toBe("same instant");
  });

  test("with zero or less the work has one turn [X11]", () => {
    const world = new World();
    const { executor } = world;
    expect(world.run(() => timeout(executor, 0, () => "at once"))).toBe("at once");
    expect(world.run(() => timeout(executor, -5, Promise.resolve("there")))).toBe("there");
    const codes = world.run(() =>
      Promise.all([
        codeOf(timeout(executor, 0, () => sleep(executor, 10))),
        codeOf(timeout(executor, 0, sleep(executor, 10))),
      ]),
    );
    expect(codes).toEqual(["ERR_TIMEOUT", "ERR_TIMEOUT"]);
  });

  test("passes errors on, and tells what a late child's clean-up threw as the cause", () => {
    const world = new World();
    const { executor } = world;
    const broken = world.run(() =>
      codeOf(timeout(executor, 10, () => Promise.reject(new Error("broken")))),
    );
    expect(broken).toBe("Error: broken");
    const late = world.run(() =>
      timeout(executor, 10, async () => {
        try {
          await sleep(executor, 100);
        } catch {
          throw new Error("clean-up broke");
        }
      }).catch((error: unknown) => error as ReelError),
    );
    expect((late as ReelError).code).toBe("ERR_TIMEOUT");
    expect(String((late as ReelError).cause)).toBe("Error: clean-up broke");
    expect(executor.failures).toEqual([]);
  });

  test("a child that finishes in spite of its cancellation gives its result, late", () => {
    const world = new World();
    const { executor } = world;
    const result = world.run(() =>
      timeout(executor, 10, async () => {
        await sleep(executor, 100).catch(() => {});
        await sleep(executor, 5);
        return "stubborn";
      }),
    );
    expect(result).toBe("stubborn");
    expect(world.timers.now()).toBe(15);
  });

  test("cancelling the caller cancels the child, which is over first", () => {
    const world = new World();
    const { executor } = world;
    const log: string[] = [];
    const caller = executor.spawn(() =>
      timeout(executor, 1000, async () => {
        try {
          await sleep(executor, 500);
        } finally {
          await sleep(executor, 5);
          log.push("child is over");
        }
      }),
    );
    world.run(async () => {
      await sleep(executor, 1);
      await caller.cancel();
      log.push("caller is over");
    });
    expect(log).toEqual(["child is over", "caller is over"]);
    expect(caller.cancelled).toBe(true);
    expect(world.timers.pending).toBe(0);
  });
});

describe("race", () => {
  test("the first to finish wins; the losers are cancelled and awaited [X11]", () => {
    const world = new World();
    const { executor } = world;
    const log: string[] = [];
    const runner = (name: string, delayNs: number) => async (): Promise<string> => {
      try {
        await sleep(executor, delayNs);
        return name;
      } finally {
        log.push(`${name} ends`);
        await sleep(executor, 3);
      }
    };
    const winner = world.run(() =>
      race(executor, [runner("a", 30), runner("b", 10), runner("c", 20)]),
    );
    expect(winner).toBe("b");
    expect(log).toEqual(["b ends", "a ends", "c ends"]);
    expect(world.timers.now()).toBe(16);
    expect(world.timers.pending).toBe(0);
  });

  test("of several that finish in the same round the leftmost wins [X11]", () => {
    const world = new World();
    const { executor } = world;
    const waits: Suspension<string>[] = [];
    const body = (index: number) => () => {
      waits[index] = executor.suspend<string>("a start");
      return waits[index].promise;
    };
    const raced = executor.spawn(() => race(executor, [body(0), body(1), body(2)]));
    world.settle();
    for (const index of [2, 1, 0]) waits[index]!.wake(`runner ${index}`);
    expect(world.run(() => raced.join())).toBe("runner 0");
    expect(world.run(() => race(executor, [() => "left", () => "right"]))).toBe("left");
  });

  test("a loser's late result is disposed of, the winner's is not [X11]", () => {
    const world = new World();
    const { executor } = world;
    const disposed: string[] = [];
    const resource = (name: string) => ({ name, [Symbol.dispose]: () => disposed.push(name) });
    const winner = world.run(() =>
      race(executor, [
        async () => {
          await sleep(executor, 10).catch(() => {});
          return resource("loser");
        },
        async () => {
          await yieldNow(executor);
          return resource("winner");
        },
      ]),
    );
    expect(winner.name).toBe("winner");
    expect(disposed).toEqual(["loser"]);
  });

  test("an error wins like a result; what a loser threw before is dropped [X11]", () => {
    const world = new World();
    const { executor } = world;
    const code = world.run(() =>
      codeOf(
        race(executor, [
          () => Promise.reject(new Error("left")),
          () => Promise.reject(new Error("right")),
        ]),
      ),
    );
    expect(code).toBe("Error: left");
    expect(executor.failures).toEqual([]);
  });

  test("cancelling the caller cancels all, and disposes of a result nobody gets [X11]", () => {
    const world = new World();
    const { executor } = world;
    const log: string[] = [];
    const caller = executor.spawn(() =>
      race(executor, [
        async () => {
          await sleep(executor, 10);
          return { [Symbol.dispose]: () => log.push("disposed") };
        },
        async () => {
          try {
            await sleep(executor, 100);
          } finally {
            await sleep(executor, 50);
            log.push("loser is over");
          }
        },
      ]),
    );
    world.run(async () => {
      await sleep(executor, 20); // the race is decided and the loser cleans up
      await caller.cancel();
    });
    expect(log).toEqual(["loser is over", "disposed"]);
    expect(caller.cancelled).toBe(true);
  });

  test("race() of nothing is refused", () => {
    const world = new World();
    expect(() => world.run(() => race(world.executor, []))).toThrow(RangeError);
  });
});
