/** Tests of adopted promises: what comes from outside comes in through the ready queue. */
import { describe, expect, test } from "bun:test";
import { adopt } from "./adopt.ts";
import { World } from "./world.fixture.ts";

describe("adopt", () => {
  test("a task goes on in a turn of its own after a foreign promise", async () => {
    const world = new World();
    const { executor } = world;
    const foreign = Promise.withResolvers<string>();
    const seen: unknown[] = [];
    executor.spawn(
      async () => {
        seen.push(await adopt(executor, foreign.promise, "a fetch"));
        seen.push(executor.current?.name);
      },
      { name: "t" },
    );
    world.settle();
    expect([...executor.live()].map((task) => task.waits())).toEqual([["a fetch"]]);
    const wakeUps = world.wakeUps;
    foreign.resolve("fetched");
    await Bun.sleep(0);
    expect([seen, executor.hasReady(), world.wakeUps - wakeUps]).toEqual([[], true, 1]);
    world.settle();
    expect(seen).toEqual(["fetched", "t"]);
  });

  test("an error of the foreign promise reaches the task", async () => {
    const world = new World();
    const handle = world.executor.spawn(() =>
      adopt(world.executor, Promise.reject(new Error("from outside"))).catch(String),
    );
    world.settle();
    await Bun.sleep(0);
    world.settle();
    expect(handle.task.outcome).toBe("Error: from outside");
  });

  test("a cancelled task leaves the foreign promise, whose outcome reaches nobody", async () => {
    const world = new World();
    const foreign = Promise.withResolvers<void>();
    const handle = world.executor.spawn(() => adopt(world.executor, foreign.promise));
    world.settle();
    void handle.cancel();
    world.settle();
    expect(handle.cancelled).toBe(true);
    foreign.reject(new Error("too late"));
    await Bun.sleep(0);
    expect(world.executor.hasReady()).toBe(false);
  });
});
