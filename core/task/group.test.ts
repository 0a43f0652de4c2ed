/** Tests of groups: no child outlives its scope, and errors find their way. */
import { describe, expect, test } from "bun:test";
import { TaskGroup } from "./group.ts";
import { sleep } from "./sleep.ts";
import { codeOf } from "./codes.fixture.ts";
import { World } from "./world.fixture.ts";

/** A child that sleeps and notes when it begins its clean-up and when that is done. */
function sleeper(world: World, log: string[], name: string, cleanUpNs = 10) {
  return async (): Promise<string> => {
    try {
      await sleep(world.executor, 1000);
      return name;
    } finally {
      log.push(`${name} ends`);
      await sleep(world.executor, cleanUpNs);
      log.push(`${name} is over`);
    }
  };
}

describe("TaskGroup", () => {
  test("join() gives the results in the order of the spawns [X8]", () => {
    const world = new World();
    const { executor } = world;
    const results = world.run(async () => {
      await using group = new TaskGroup<number>(executor);
      for (const delay of [30, 10, 20]) {
        group.spawn(async () => {
          await sleep(executor, delay);
          return delay;
        });
      }
      expect(group.size).toBe(3);
      return await group.join();
    });
    expect(results).toEqual([30, 10, 20]);
  });

  test("join() throws the first error after the rest has cleaned up [X8]", () => {
    const world = new World();
    const { executor } = world;
    const log: string[] = [];
    const code = world.run(async () => {
      await using group = new TaskGroup(executor);
      group.spawn(sleeper(world, log, "a"));
      group.spawn(async () => {
        await sleep(executor, 5);
        throw new Error("first");
      });
      group.spawn(async () => {
        await sleep(executor, 5);
        throw new Error("second");
      });
      group.spawn(sleeper(world, log, "b", 20));
      const found = await codeOf(group.join());
      log.push("joined");
      return found;
    });
    expect(code).toBe("Error: first");
    expect(log).toEqual(["a ends", "b ends", "a is over", "b is over", "joined"]);
    expect(executor.failures).toEqual([]);
    expect(world.timers.now()).toBe(25);
  });

  test("leaving the scope cancels the children and waits for their clean-up [X8]", () => {
    const world = new World();
    const { executor } = world;
    const log: string[] = [];
    world.run(async () => {
      {
        await using group = new TaskGroup(executor);
        group.spawn(sleeper(world, log, "a"));
        await sleep(executor, 1);
      }
      log.push("left");
    });
    expect(log).toEqual(["a ends", "a is over", "left"]);
    expect(world.timers.now()).toBe(11);
  });

  test("leaving the scope by an error cancels the children, and the error goes on", () => {
    const world = new World();
    const { executor } = world;
    const log: string[] = [];
    const scope = async (): Promise<void> => {
      await using group = new TaskGroup(executor);
      group.spawn(sleeper(world, log, "a"));
      await sleep(executor, 1);
      throw new Error("the scope broke");
    };
    expect(() => world.run(scope)).toThrow("the scope broke");
    expect(log).toEqual(["a ends", "a is over"]);
  });

  test("leaving the scope throws the error of a child that nobody joined", () => {
    const world = new World();
    const { executor } = world;
    const scope = async (): Promise<void> => {
      await using group = new TaskGroup(executor);
      group.spawn(() => Promise.reject(new Error("child broke")));
      await sleep(executor, 1);
    };
    expect(() => world.run(scope)).toThrow("child broke");
    expect(executor.failures).toEqual([]);
  });

  test("join() of an empty group and of one whose children are over [X8]", () => {
    const world = new World();
    const { executor } = world;
    expect(world.run(() => new TaskGroup(executor).join())).toEqual([]);
    const group = new TaskGroup<number>(executor);
    group.spawn(() => 1);
    group.spawn(() => 2);
    world.settle();
    const steps = executor.steps;
    expect(world.run(() => group.join())).toEqual([1, 2]);
    expect(executor.steps - steps).toBe(1);
  });

  test("join() twice, join() after close() and spawn() after either are refused", () => {
    const world = new World();
    const { executor } = world;
    const joined = new TaskGroup(executor, { name: "joined" });
    world.run(() => joined.join());
    expect(world.run(() => codeOf(joined.join()))).toBe("ERR_BAD_HANDLE");
    expect(() => joined.spawn(() => 1)).toThrow('Cannot spawn in group "joined": it is closed');
    const closed = new TaskGroup(executor);
    world.run(() => closed.close());
    world.run(() => closed.close());
    expect(world.run(() => codeOf(closed.join()))).toBe("ERR_CLOSED");
  });

  test("join() says so when the group is closed under its hands", () => {
    const world = new World();
    const { executor } = world;
    const forgetful = (): Promise<unknown> => {
      const scope = async (): Promise<unknown> => {
        await using group = new TaskGroup(executor);
        group.spawn(() => sleep(executor, 10));
        // Without await the scope ends, and closes the group, before the children are done.
        return group.join();
      };
      return codeOf(scope());
    };
    expect(world.run(forgetful)).toBe("ERR_CLOSED");
    expect(world.timers.pending).toBe(0);
  });

  test("a child cannot join or close its own group", () => {
    const world = new World();
    const { executor } = world;
    const codes = world.run(async () => {
      await using group = new TaskGroup<string[]>(executor);
      group.spawn(async () => [await codeOf(group.join()), await codeOf(group.close())]);
      return await group.join();
    });
    expect(codes).toEqual([["ERR_DEADLOCK", "ERR_DEADLOCK"]]);
  });

  test("children may start siblings while the group is being joined", () => {
    const world = new World();
    const { executor } = world;
    const results = world.run(async () => {
      await using group = new TaskGroup<string>(executor);
      group.spawn(async () => {
        await sleep(executor, 5);
        group.spawn(async () => {
          await sleep(executor, 5);
          return "sibling";
        });
        return "first";
      });
      return await group.join();
    });
    expect(results).toEqual(["first", "sibling"]);
  });

  test("a child that was cancelled on its own leaves undefined in its place", () => {
    const world = new World();
    const { executor } = world;
    const results = world.run(async () => {
      await using group = new TaskGroup<string>(executor);
      const ticker = group.spawn(sleeper(world, [], "ticker"));
      group.spawn(async () => {
        await ticker.cancel();
        return "worker";
      });
      return await group.join();
    });
    expect(results).toEqual([undefined, "worker"]);
  });

  test("cancelling the task that joins cancels the children first [X8]", () => {
    const world = new World();
    const { executor } = world;
    const log: string[] = [];
    const parent = executor.spawn(async () => {
      await using group = new TaskGroup(executor);
      group.spawn(sleeper(world, log, "child"));
      try {
        await group.join();
      } finally {
        log.push("parent ends");
      }
    });
    world.run(async () => {
      await sleep(executor, 1);
      await parent.cancel();
    });
    expect(log).toEqual(["child ends", "child is over", "parent ends"]);
    expect(parent.cancelled).toBe(true);
  });

  test("a cancellation during the clean-up does not leave children behind", () => {
    const world = new World();
    const { executor } = world;
    const log: string[] = [];
    const parent = executor.spawn(async () => {
      {
        await using group = new TaskGroup(executor);
        group.spawn(sleeper(world, log, "child", 50));
        await sleep(executor, 10);
      }
      log.push("never");
    });
    world.run(async () => {
      await sleep(executor, 20); // the child cleans up from 10 to 60
      await parent.cancel();
    });
    expect(log).toEqual(["child ends", "child is over"]);
    expect(parent.cancelled).toBe(true);
    expect(world.timers.now()).toBe(60);
  });

  test("what a cancelled child's clean-up throws fails the run", () => {
    const world = new World();
    const { executor } = world;
    world.run(async () => {
      await using group = new TaskGroup(executor);
      group.spawn(
        async () => {
          try {
            await sleep(executor, 1000);
          } catch {
            throw new Error("clean-up broke");
          }
        },
        { name: "child" },
      );
      await sleep(executor, 1);
    });
    expect(executor.failures.map((failure) => failure.name)).toEqual(["child"]);
  });

  test("a group that keeps no results forgets its finished children", () => {
    const world = new World();
    const { executor } = world;
    const group = new TaskGroup<number>(executor, { keepResults: false });
    for (let i = 0; i < 100; i++) group.spawn(() => i);
    world.settle();
    expect(group.size).toBe(0);
    expect(world.run(() => group.join())).toEqual([]);
  });

  test("the deadlock report names the group", () => {
    const world = new World();
    const { executor } = world;
    executor.spawn(
      async () => {
        await using group = new TaskGroup(executor, { name: "workers" });
        group.spawn(() => executor.suspend("the moon").promise, { name: "one" });
        await group.join();
      },
      { name: "main" },
    );
    world.drive();
    expect([...executor.live()].map((task) => [task.name, task.waits()])).toEqual([
      ["main", ['1 tasks of group "workers"']],
      ["one", ["the moon"]],
    ]);
  });
});
