/** Tests of the executor: turns, wakes, order, and what the driver sees. */
import { describe, expect, test } from "bun:test";
import { isReelError } from "../errors.ts";
import type { Suspension } from "./suspension.ts";
import { World } from "./world.fixture.ts";
import { yieldNow } from "./yield-now.ts";

/** A task that logs each of its turns and waits to be woken in between. */
function spawnWaiter(world: World, log: string[], name: string): { current?: Suspension<void> } {
  const box: { current?: Suspension<void> } = {};
  world.executor.spawn(
    async () => {
      for (;;) {
        log.push(name);
        box.current = world.executor.suspend<void>("a wake by the test");
        await box.current.promise;
      }
    },
    { name },
  );
  return box;
}

describe("turns", () => {
  test("runReady() sets a waiting task aside and runs another [X3]", () => {
    const world = new World();
    const log: string[] = [];
    const { executor } = world;
    let operation!: Suspension<number>;
    executor.spawn(async () => {
      operation = executor.suspend<number>("an operation");
      log.push("first waits");
      log.push(`first has ${await operation.promise}`);
    });
    executor.spawn(() => void log.push("second runs"));
    executor.runUntilIdle();
    expect(log).toEqual(["first waits", "second runs"]);
    operation.wake(7);
    expect(log).toHaveLength(2);
    executor.runUntilIdle();
    expect(log.at(-1)).toBe("first has 7");
  });

  test("wake() puts tasks back first in, first out [X5] [K5]", () => {
    const world = new World();
    const log: string[] = [];
    const boxes = ["a", "b", "c"].map((name) => spawnWaiter(world, log, name));
    world.settle();
    log.length = 0;
    for (const index of [2, 0, 1]) boxes[index]!.current!.wake();
    world.settle();
    expect(log).toEqual(["c", "a", "b"]);
  });

  test("a task is in the ready queue once, however many of its waits are settled [X5] [K5]", () => {
    const world = new World();
    const { executor } = world;
    const waits: Suspension<number>[] = [];
    const order: number[] = [];
    const wait = async (): Promise<void> => {
      const suspension = executor.suspend<number>("a number");
      waits.push(suspension);
      order.push(await suspension.promise);
    };
    executor.spawn(() => Promise.all([wait(), wait(), wait()]));
    world.settle();
    for (const [index, value] of [
      [1, 10],
      [0, 11],
      [2, 12],
    ] as const)
      waits[index]!.wake(value);
    expect(executor.runReady(100)).toBe(1);
    expect(order).toEqual([10, 11, 12]);
    expect(executor.steps).toBe(2);
  });

  test("wake() reaches a wait once and says whether it did", () => {
    const world = new World();
    let wait!: Suspension<string>;
    const handle = world.executor.spawn(() => {
      wait = world.executor.suspend<string>("a word");
      return wait.promise;
    });
    world.settle();
    expect(wait.wake("first")).toBe(true);
    expect(wait.wake("second")).toBe(false);
    expect(wait.fail(new Error("late"))).toBe(false);
    world.settle();
    expect(handle.task.outcome).toBe("first");
  });

  test("a wake before the first turn and one during the turn are not lost", () => {
    const world = new World();
    const { executor } = world;
    const early = executor.spawn(async () => {
      const wait = executor.suspend<number>("itself");
      wait.wake(1);
      return (await wait.promise) + 1;
    });
    expect(executor.runReady(1)).toBe(1);
    expect(early.finished).toBe(false);
    expect(executor.runReady(1)).toBe(1);
    expect(early.task.outcome).toBe(2);
  });

  test("a task that wakes itself runs again only after all others had their turn [X5]", () => {
    const world = new World();
    const log: string[] = [];
    const spin = async (): Promise<void> => {
      for (let i = 0; i < 3; i++) {
        log.push("self");
        await yieldNow(world.executor);
      }
    };
    world.executor.spawn(spin);
    for (const name of ["a", "b"]) spawnWaiter(world, log, name);
    world.settle();
    expect(log).toEqual(["self", "a", "b", "self", "self"]);
  });

  test("a wake after the end of a task does nothing [X5]", () => {
    const world = new World();
    const { executor } = world;
    let leftOver!: Suspension<void>;
    executor.spawn(() => {
      leftOver = executor.suspend<void>("nobody");
    });
    world.settle();
    const steps = executor.steps;
    expect(leftOver.wake()).toBe(false);
    expect(executor.hasReady()).toBe(false);
    world.settle();
    expect(executor.steps).toBe(steps);
  });

  test("runReady() stops at its budget and keeps the rest", () => {
    const world = new World();
    for (let i = 0; i < 5; i++) world.executor.spawn(() => i);
    expect(world.executor.runReady(2)).toBe(2);
    expect(world.executor.hasReady()).toBe(true);
    expect(world.executor.runReady(100)).toBe(3);
    expect(world.executor.hasReady()).toBe(false);
  });

  test("runUntilIdle() returns when the queue is empty, not when tasks are finished [K5]", () => {
    const world = new World();
    const log: string[] = [];
    spawnWaiter(world, log, "waits for ever");
    expect(world.executor.runUntilIdle()).toBe(1);
    expect([...world.executor.live()].map((task) => task.name)).toEqual(["waits for ever"]);
  });

  test("a long turn holds everybody up: nothing else runs inside it [X2]", () => {
    const world = new World();
    const log: string[] = [];
    world.executor.spawn(() => {
      log.push("begin");
      for (let i = 0; i < 1000; i++) if (log.length > 1) throw new Error("pre-empted");
      log.push("end");
    });
    world.executor.spawn(() => void log.push("other"));
    world.settle();
    expect(log).toEqual(["begin", "end", "other"]);
  });

  test("runReady() refuses to run inside a turn", () => {
    const world = new World();
    const code = world.run(() => {
      try {
        world.executor.runReady(1);
      } catch (error) {
        return isReelError(error) ? error.code : error;
      }
      return "accepted";
    });
    expect(code).toBe("ERR_OPERATION_BUSY");
  });

  test("current names the task of a continuation, also deep inside its promises", () => {
    const world = new World();
    const { executor } = world;
    const seen: (string | undefined)[] = [];
    const deep = async (): Promise<void> => {
      await Promise.resolve();
      await Promise.all([null, (async () => void (await Promise.resolve()))()]);
      seen.push(executor.current?.name);
    };
    executor.spawn(deep, { name: "a" });
    executor.spawn(deep, { name: "b" });
    world.settle();
    expect(seen).toEqual(["a", "b"]);
    expect(executor.current).toBeUndefined();
  });

  test("runReady() lets due host continuations run before a task, outside its name", async () => {
    const world = new World();
    const seen: (string | undefined)[] = [];
    const host = (async () => {
      await Promise.resolve();
      seen.push(world.executor.current?.name);
    })();
    world.executor.spawn(() => void seen.push("task"));
    world.executor.runUntilIdle();
    expect(seen).toEqual([undefined, "task"]);
    await host;
  });

  test("spawn() rejects what is not a function", () => {
    const world = new World();
    expect(() => world.executor.spawn(7 as never)).toThrow(TypeError);
  });
});

describe("the driver's side", () => {
  test("onWork is called once for a batch of wakes from outside, not from inside a turn", () => {
    const world = new World();
    const log: string[] = [];
    const boxes = ["a", "b"].map((name) => spawnWaiter(world, log, name));
    expect(world.wakeUps).toBe(1);
    world.settle();
    boxes[0]!.current!.wake();
    boxes[1]!.current!.wake();
    expect(world.wakeUps).toBe(2);
    world.settle();
    world.run(() => boxes[0]!.current!.wake());
    expect(world.wakeUps).toBe(3);
  });

  test("flushHost() settles the waits of host code in one batch, first in, first out", () => {
    const world = new World();
    const { executor } = world;
    const order: string[] = [];
    const wait = async (name: string): Promise<void> => {
      const suspension = executor.suspend<void>(name);
      waits.set(name, suspension);
      await suspension.promise;
      order.push(name);
    };
    const waits = new Map<string, Suspension<void>>();
    for (const name of ["a", "b", "c"]) void wait(name);
    expect(executor.hostWaits()).toEqual(["a", "b", "c"]);
    for (const name of ["c", "a"]) waits.get(name)!.wake();
    expect(world.wakeUps).toBe(1);
    expect(executor.hasHostReady()).toBe(true);
    world.settle();
    expect(order).toEqual(["c", "a"]);
    expect(executor.hostWaits()).toEqual(["b"]);
  });

  test("live() tells what each unfinished task waits for", () => {
    const world = new World();
    const { executor } = world;
    executor.spawn(() => executor.suspend("the moon").promise, { name: "one" });
    executor.spawn(() => executor.suspend(() => "the sun").promise, { name: "two" });
    executor.spawn(() => new Promise(() => {}), { name: "three" });
    executor.spawn(() => {});
    world.settle();
    expect([...executor.live()].map((task) => [task.name, task.waits()])).toEqual([
      ["one", ["the moon"]],
      ["two", ["the sun"]],
      ["three", ["a promise from outside the runtime"]],
    ]);
  });
});
