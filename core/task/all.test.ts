/** Tests of all(): several bodies at the same time, and the results of all. */
import { describe, expect, test } from "bun:test";
import { all } from "./all.ts";
import { sleep } from "./sleep.ts";
import type { Suspension } from "./suspension.ts";
import { codeOf } from "./codes.fixture.ts";
import { World } from "./world.fixture.ts";

describe("all", () => {
  test("all() runs bodies at the same time and gives their results in order", () => {
    const world = new World();
    const { executor } = world;
    const [number, word] = world.run(() =>
      all(executor, [
        async () => {
          await sleep(executor, 20);
          return 1;
        },
        async () => {
          await sleep(executor, 10);
          return "two";
        },
      ]),
    );
    const typed: [number, string] = [number, word];
    expect(typed).toEqual([1, "two"]);
    expect(world.timers.now()).toBe(20);
    expect(world.run(() => all(executor, [])) as unknown).toEqual([]);
  });

  test("all() cancels the rest at the first error", () => {
    const world = new World();
    const { executor } = world;
    const log: string[] = [];
    const code = world.run(() =>
      codeOf(
        all(executor, [
          async () => {
            try {
              await sleep(executor, 1000);
            } finally {
              log.push("a ends");
              await sleep(executor, 10);
              log.push("a is over");
            }
          },
          async () => {
            await sleep(executor, 3);
            throw new Error("b");
          },
        ]),
      ),
    );
    expect(code).toBe("Error: b");
    expect(log).toEqual(["a ends", "a is over"]);
  });

  test("all() gives results that are there when the caller hears of its cancellation", () => {
    const world = new World();
    const { executor } = world;
    let operation!: Suspension<void>;
    const log: unknown[] = [];
    const caller = executor.spawn(async () => {
      operation = executor.suspend<void>("an operation");
      await operation.promise;
      log.push(await all(executor, [() => "one", () => "two"]));
      await sleep(executor, 1000);
    });
    world.settle();
    operation.wake();
    void caller.cancel(); // fails the wait for the children before they have had their turns
    world.drive();
    expect(log).toEqual([["one", "two"]]);
    expect(caller.cancelled).toBe(true);
    expect(world.timers.now()).toBe(0);
  });
});
