/** Tests of the condition variable: keys close the gap between looking and waiting. */
import { describe, expect, test } from "bun:test";
import { World } from "../task/world.fixture.ts";
import { yieldNow } from "../task/yield-now.ts";
import { Condvar } from "./condvar.ts";
import { AsyncMutex } from "./mutex.ts";

function spawnWaiters(world: World, condvar: Condvar, names: readonly string[], log: string[]) {
  const handles = names.map((name) =>
    world.executor.spawn(async () => {
      await condvar.wait(condvar.key());
      log.push(name);
    }),
  );
  world.settle();
  return handles;
}

describe("Condvar", () => {
  test("wait() returns at once if there was a notification since the key was read", () => {
    for (const notify of ["notifyOne", "notifyAll"] as const) {
      const world = new World();
      const condvar = new Condvar(world.executor);
      const key = condvar.key();
      condvar[notify](); // in the gap between looking and waiting
      world.run(() => condvar.wait(key));
      expect(world.executor.steps).toBe(1);
    }
  });

  test("a notification before the key was read does not count", () => {
    const world = new World();
    const condvar = new Condvar(world.executor);
    condvar.notifyAll();
    const log: string[] = [];
    spawnWaiters(world, condvar, ["a"], log);
    expect([condvar.waiting, log]).toEqual([1, []]);
  });

  test("notifyOne() wakes the one who waits longest, notifyAll() wakes all in order", () => {
    const world = new World();
    const condvar = new Condvar(world.executor);
    const log: string[] = [];
    spawnWaiters(world, condvar, ["a", "b", "c", "d"], log);
    condvar.notifyOne();
    world.settle();
    expect(log).toEqual(["a"]);
    condvar.notifyAll();
    world.settle();
    expect(log).toEqual(["a", "b", "c", "d"]);
  });

  test("a cancelled waiter leaves the line, and passes on a wake meant for one", () => {
    const world = new World();
    const condvar = new Condvar(world.executor);
    const log: string[] = [];
    const [first, second] = spawnWaiters(world, condvar, ["a", "b", "c", "d"], log);
    void second!.cancel();
    world.settle();
    expect(condvar.waiting).toBe(3);
    condvar.notifyOne();
    void first!.cancel();
    world.settle();
    expect(log).toEqual(["c"]);
    expect(condvar.waiting).toBe(1);
  });

  test("a cancelled waiter does not pass on a wake that was meant for all", () => {
    const world = new World();
    const condvar = new Condvar(world.executor);
    const log: string[] = [];
    const [first] = spawnWaiters(world, condvar, ["a", "b"], log);
    condvar.notifyAll();
    void condvar.wait(condvar.key()).then(() => void log.push("late"));
    void first!.cancel();
    world.settle();
    expect(log).toEqual(["b"]);
    expect(condvar.waiting).toBe(1);
  });

  test("a consumer under a lock misses nothing, though it waits without the lock", () => {
    const world = new World();
    const { executor } = world;
    const queue = new AsyncMutex<number[]>(executor, { value: [] });
    const filled = new Condvar(executor);
    const taken: number[] = [];
    const consume = async (): Promise<void> => {
      while (taken.length < 20) {
        const key = filled.key();
        {
          using lock = await queue.lock();
          const next = lock.value.shift();
          if (next !== undefined) taken.push(next);
          if (next !== undefined || taken.length >= 20) continue;
        }
        await yieldNow(executor); // the gap in which a naive condition loses its wake
        await filled.wait(key);
      }
      filled.notifyAll();
    };
    executor.spawn(consume);
    executor.spawn(consume);
    world.run(async () => {
      for (let i = 0; i < 20; i++) {
        using lock = await queue.lock();
        lock.value.push(i);
        filled.notifyOne();
        if (i % 3 === 0) await yieldNow(executor);
      }
    });
    expect(taken).toEqual(Array.from({ length: 20 }, (_, index) => index));
    expect([...executor.live()]).toEqual([]);
  });

  test("wait() refuses a key that was not read from it", () => {
    const world = new World();
    const condvar = new Condvar(world.executor);
    for (const wrong of [1, -1, 0.5, Number.NaN]) {
      expect(() => condvar.wait(wrong)).toThrow(RangeError);
    }
  });
});
