/** Tests of the hooks around turns: balanced, nested, and there for every single turn. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { awaitFuture } from "./await-future.ts";
import { YieldFuture } from "./leaf-futures.ts";
import { sleep } from "./sleep.ts";
import type { TurnHooks } from "./task.ts";
import { World } from "./world.fixture.ts";
import { yieldNow } from "./yield-now.ts";

/** Hooks that note when they are entered and left. */
function noting(log: string[], name: string): TurnHooks {
  return {
    before: (task) => void log.push(`${name}+${task.name}`),
    after: (task) => void log.push(`${name}-${task.name}`),
  };
}

describe("HookStack", () => {
  test("hooks run around every turn: first, waiting and last alike [K6] [K18]", () => {
    const world = new World();
    const { executor } = world;
    const log: string[] = [];
    executor.hooks.push(noting(log, "h"));
    executor.spawn(
      async () => {
        log.push("one");
        await yieldNow(executor);
        log.push("two");
        await awaitFuture(executor, new YieldFuture());
        log.push("three");
      },
      { name: "t" },
    );
    world.settle();
    expect(log).toEqual(["h+t", "one", "h-t", "h+t", "two", "h-t", "h+t", "three", "h-t"]);
  });

  test("hooks are left when the body throws, at once or later [K6]", () => {
    const world = new World();
    const { executor } = world;
    const log: string[] = [];
    executor.hooks.push(noting(log, "h"));
    executor.spawn(
      () => {
        throw new Error("at once");
      },
      { name: "a" },
    );
    executor.spawn(
      async () => {
        await yieldNow(executor);
        throw new Error("later");
      },
      { name: "b" },
    );
    world.settle();
    expect(log).toEqual(["h+a", "h-a", "h+b", "h-b", "h+b", "h-b"]);
    expect(executor.failures).toHaveLength(2);
  });

  test("hooks nest and are left in the reverse order, the task's own innermost [K6]", () => {
    const world = new World();
    const { executor } = world;
    const log: string[] = [];
    executor.hooks.push(noting(log, "outer"));
    executor.hooks.push(noting(log, "inner"));
    executor.spawn(() => void log.push("runs"), { name: "t", hooks: noting(log, "own") });
    world.settle();
    expect(log).toEqual(["outer+t", "inner+t", "own+t", "runs", "own-t", "inner-t", "outer-t"]);
  });

  test("a hook sees the process that runs, which its body does not notice [K6] [K7]", () => {
    // An address space per process, switched around its turns as a kernel does.
    const world = new World();
    const { executor } = world;
    let addressSpace = "kernel";
    const spawnProcess = (name: string): void => {
      const hooks: TurnHooks = {
        before: (task) => {
          expect(executor.current).toBe(task);
          expect(addressSpace).toBe("kernel");
          addressSpace = name;
        },
        after: () => void (addressSpace = "kernel"),
      };
      executor
        .spawn(
          async () => {
            for (let i = 0; i < 5; i++) {
              expect(addressSpace).toBe(name);
              if (i % 2 === 0) await yieldNow(executor);
              else await sleep(executor, 3);
            }
          },
          { name, hooks },
        )
        .detach();
    };
    spawnProcess("init");
    spawnProcess("shell");
    executor.spawn(async () => {
      await yieldNow(executor);
      expect(addressSpace).toBe("kernel");
    });
    world.drive();
    expect(addressSpace).toBe("kernel");
    expect(executor.failures).toEqual([]);
    expect([...executor.live()]).toEqual([]);
  });

  test("hooks are there for the turn in which a task is cancelled [K6]", () => {
    const world = new World();
    const { executor } = world;
    const log: string[] = [];
    const handle = executor.spawn(
      async () => {
        try {
          await sleep(executor, 100);
        } finally {
          log.push("clean-up");
        }
      },
      { name: "t" },
    );
    world.settle();
    executor.hooks.push(noting(log, "h"));
    void handle.cancel();
    world.settle();
    expect(log).toEqual(["h+t", "clean-up", "h-t"]);
  });

  test("a hook pushed or removed inside a turn counts from the next turn on", () => {
    const world = new World();
    const { executor } = world;
    const log: string[] = [];
    const remove = executor.hooks.push(noting(log, "old"));
    executor.spawn(
      async () => {
        remove();
        executor.hooks.push(noting(log, "new"));
        await yieldNow(executor);
      },
      { name: "t" },
    );
    world.settle();
    expect(log).toEqual(["old+t", "old-t", "new+t", "new-t"]);
  });

  test("the same hooks can be pushed twice and removed once", () => {
    const world = new World();
    const { executor } = world;
    const log: string[] = [];
    const hooks = noting(log, "h");
    const removeFirst = executor.hooks.push(hooks);
    executor.hooks.push(hooks);
    removeFirst();
    removeFirst();
    executor.spawn(() => {}, { name: "t" });
    world.settle();
    expect(log).toEqual(["h+t", "h-t"]);
  });

  test("a hook that throws changes nothing about the turn and leaves runReady() afterwards", () => {
    const world = new World();
    const { executor } = world;
    const log: string[] = [];
    executor.hooks.push(noting(log, "outer"));
    const remove = executor.hooks.push({
      before: () => {
        throw new Error("hook broke");
      },
    });
    executor.spawn(() => void log.push("runs"), { name: "t" });
    executor.spawn(() => void log.push("next"), { name: "n" });
    expect(() => executor.runReady(10)).toThrow("hook broke");
    expect(log).toEqual(["outer+t", "runs", "outer-t"]);
    expect(executor.current).toBeUndefined();
    remove();
    executor.runReady(10);
    expect(log.slice(3)).toEqual(["outer+n", "next", "outer-n"]);
  });

  test("enters and leaves are balanced under every program [K6]", () => {
    const body = fc.array(fc.constantFrom("yield", "sleep", "spawn", "throw", "push", "pop"), {
      maxLength: 6,
    });
    const property = fc.property(fc.array(body, { maxLength: 5 }), (bodies) => {
      const world = new World();
      const { executor } = world;
      const stack: string[] = [];
      let turns = 0;
      let serial = 0;
      const removals: (() => void)[] = [];
      const push = (): void => {
        const name = `hook ${serial++}`;
        removals.push(
          executor.hooks.push({
            before: () => void stack.push(name),
            after: () => void expect(stack.pop()).toBe(name),
          }),
        );
      };
      executor.hooks.push({
        before: () => {
          expect(stack).toEqual([]);
          turns++;
        },
        after: () => void expect(stack).toEqual([]),
      });
      const run = (steps: readonly string[]) => async (): Promise<void> => {
        for (const step of steps) {
          if (step === "yield") await yieldNow(executor);
          else if (step === "sleep") await sleep(executor, 1);
          else if (step === "spawn") executor.spawn(() => yieldNow(executor));
          else if (step === "push") push();
          else if (step === "pop") removals.shift()?.();
          else throw new Error("thrown");
        }
      };
      for (const steps of bodies) executor.spawn(run(steps));
      world.drive();
      expect(turns).toBe(executor.steps);
      expect([...executor.live()]).toEqual([]);
    });
    fc.assert(property, { seed: 4, numRuns: 200 });
  });
});
