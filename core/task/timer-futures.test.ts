/** Tests of time for futures: deadlines, ties, latest wakers, and nothing left behind. */
import { describe, expect, test } from "bun:test";
import { isReelError } from "../errors.ts";
import { awaitFuture, spawnFuture } from "./await-future.ts";
import { type Future, PENDING } from "./future.ts";
import { OneShot } from "./leaf-futures.ts";
import { sleep } from "./sleep.ts";
import { World } from "./world.fixture.ts";
import { SleepFuture, TimeoutFuture } from "./timer-futures.ts";
import { currentWaker } from "./waker.ts";

describe("SleepFuture", () => {
  test("is ready at its deadline, and at the first poll when that is past [K16]", () => {
    const world = new World();
    const { executor, timers } = world;
    world.run(() => awaitFuture(executor, new SleepFuture(timers, 20)));
    expect(timers.now()).toBe(20);
    const steps = executor.steps;
    world.run(() => awaitFuture(executor, new SleepFuture(timers, 20)));
    expect(executor.steps - steps).toBe(1);
    expect(timers.pending).toBe(0);
  });

  test("wakes the latest poller, not the first [K16]", () => {
    const world = new World();
    const { executor, timers } = world;
    const shared = new SleepFuture(timers, 10);
    executor.spawn(async () => {
      shared.poll({ waker: currentWaker(executor) });
      await awaitFuture(executor, new OneShot<void>());
    });
    const latest = spawnFuture(executor, shared);
    world.drive();
    expect(latest.finished).toBe(true);
  });

  test("takes its timer along when it is dropped [K16]", () => {
    const world = new World();
    const { executor, timers } = world;
    const handle = spawnFuture(executor, new SleepFuture(timers, 3_600_000_000_000));
    world.settle();
    expect(timers.pending).toBe(1);
    void handle.cancel();
    world.settle();
    expect(timers.pending).toBe(0);
  });
});

describe("TimeoutFuture", () => {
  test("polls the work before it looks at the clock: the result beats the deadline [K16]", () => {
    const world = new World();
    const { executor, timers } = world;
    const shot = new OneShot<string>();
    const handle = spawnFuture(executor, new TimeoutFuture(timers, shot, 10));
    executor.spawn(async () => {
      await sleep(executor, 10);
      shot.complete("tie");
    });
    world.settle();
    timers.advance(); // wakes the future first, then the task that completes it
    shot.complete("tie");
    world.settle();
    expect(handle.task.outcome).toBe("tie");
    expect(timers.pending).toBe(0);
  });

  test("drops the work at the deadline and throws ERR_TIMEOUT [K16]", () => {
    const world = new World();
    const { executor, timers } = world;
    let drops = 0;
    const never: Future<void> = { poll: () => PENDING, drop: () => void drops++ };
    const code = world.run(() =>
      awaitFuture(executor, new TimeoutFuture(timers, never, 10)).catch((error: unknown) =>
        isReelError(error) ? error.code : error,
      ),
    );
    expect([code, drops, timers.now(), timers.pending]).toEqual(["ERR_TIMEOUT", 1, 10, 0]);
  });

  test("leaves no timer behind when the work throws or the whole is dropped [K16]", () => {
    const world = new World();
    const { executor, timers } = world;
    let polls = 0;
    const breaking: Future<void> = {
      poll: (cx) => {
        if (polls++ > 0) throw new Error("broken");
        cx.waker.wake();
        return PENDING;
      },
    };
    expect(() =>
      world.run(() => awaitFuture(executor, new TimeoutFuture(timers, breaking, 10))),
    ).toThrow("broken");
    expect(timers.pending).toBe(0);
    const handle = spawnFuture(executor, new TimeoutFuture(timers, new OneShot<void>(), 10));
    world.settle();
    void handle.cancel();
    world.settle();
    expect(timers.pending).toBe(0);
  });
});
