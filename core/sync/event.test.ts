/** Tests of the event: triggers are neither lost nor doubled, in both kinds. */
import { describe, expect, test } from "bun:test";
import { sleep } from "../task/sleep.ts";
import { World } from "../task/world.fixture.ts";
import { AsyncEvent } from "./event.ts";

function spawnWaiters(world: World, event: AsyncEvent, names: readonly string[], log: string[]) {
  const handles = names.map((name) =>
    world.executor.spawn(async () => {
      await event.wait();
      log.push(name);
    }),
  );
  world.settle();
  return handles;
}

describe("auto-reset", () => {
  test("a trigger before the wait is not lost, and is used up [M2.9]", () => {
    const world = new World();
    const { executor } = world;
    const event = new AsyncEvent(executor);
    event.trigger();
    event.trigger();
    expect(event.triggered).toBe(true);
    world.run(() => event.wait());
    expect([event.triggered, executor.steps]).toEqual([false, 1]);
    const log: string[] = [];
    spawnWaiters(world, event, ["second"], log);
    expect(log).toEqual([]);
  });

  test("each trigger lets one waiter through, first in, first out [M2.9]", () => {
    const world = new World();
    const event = new AsyncEvent(world.executor);
    const log: string[] = [];
    spawnWaiters(world, event, ["a", "b", "c"], log);
    event.trigger();
    world.settle();
    expect(log).toEqual(["a"]);
    event.trigger();
    event.trigger();
    expect(event.triggered).toBe(false);
    world.settle();
    expect(log).toEqual(["a", "b", "c"]);
  });

  test("a trigger in the gap before a waiter's turn is not lost [M2.9]", () => {
    const world = new World();
    const { executor } = world;
    const event = new AsyncEvent(executor);
    let rounds = 0;
    executor.spawn(async () => {
      for (; rounds < 2; rounds++) await event.wait();
    });
    world.settle();
    event.trigger(); // for the waiter, which is queued and not waiting from now on
    event.trigger(); // in the gap: it has to find this one when it waits again
    world.settle();
    expect(rounds).toBe(2);
  });

  test("a cancelled waiter leaves the line and does not swallow a trigger [M2.9]", () => {
    const world = new World();
    const event = new AsyncEvent(world.executor);
    const log: string[] = [];
    const [first, second] = spawnWaiters(world, event, ["a", "b", "c"], log);
    void second!.cancel();
    world.settle();
    expect(event.waiting).toBe(2);
    event.trigger(); // reaches a, which is cancelled before its turn
    void first!.cancel();
    world.settle();
    expect(log).toEqual(["c"]);
    event.trigger();
    expect(event.triggered).toBe(true);
  });

  test("a trigger whose only waiter is gone stays for the next", () => {
    const world = new World();
    const event = new AsyncEvent(world.executor);
    const [only] = spawnWaiters(world, event, ["a"], []);
    event.trigger();
    void only!.cancel();
    world.settle();
    expect(event.triggered).toBe(true);
    event.clear();
    expect(event.triggered).toBe(false);
  });
});

describe("manual-reset", () => {
  test("a trigger lets everybody through until it is cleared [M2.9]", () => {
    const world = new World();
    const { executor } = world;
    const event = new AsyncEvent(executor, { reset: "manual", name: "ready" });
    const log: string[] = [];
    const [, second] = spawnWaiters(world, event, ["a", "b", "c"], log);
    event.trigger();
    void second!.cancel();
    world.settle();
    expect(log).toEqual(["a", "c"]);
    spawnWaiters(world, event, ["d"], log);
    expect(log).toEqual(["a", "c", "d"]);
    event.clear();
    executor.spawn(() => event.wait(), { name: "late" });
    world.run(() => sleep(executor, 1));
    expect([...executor.live()].map((task) => task.waits())).toEqual([['the event "ready"']]);
  });
});
