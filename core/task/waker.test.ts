/** Tests of wakers, and of the leaf futures that deal in them. */
import { describe, expect, test } from "bun:test";
import { awaitFuture, spawnFuture } from "./await-future.ts";
import { JoinFuture, MapFuture } from "./combinators.ts";
import { type Future, PENDING, type Waker } from "./future.ts";
import { OneShot, WakerFuture, YieldFuture } from "./leaf-futures.ts";
import { codeOfThrow } from "./codes.fixture.ts";
import { Scripted } from "./scripted-future.fixture.ts";
import type { Suspension } from "./suspension.ts";
import { World } from "./world.fixture.ts";
import { currentWaker } from "./waker.ts";
import { yieldNow } from "./yield-now.ts";

describe("wakers", () => {
  test("a waker wakes the outermost task, whatever lies in between [K4]", () => {
    const world = new World();
    const { executor } = world;
    const shot = new OneShot<number>();
    const nested = new MapFuture(
      new JoinFuture([new MapFuture(shot, (n) => n + 1)]),
      ([n]) => n * 2,
    );
    const handle = spawnFuture(executor, nested);
    world.settle();
    shot.complete(4);
    expect(executor.hasReady()).toBe(true);
    world.settle();
    expect(handle.task.outcome).toBe(10);
  });

  test("wakes coalesce while the task is queued; one during a poll queues it again [K4]", () => {
    const world = new World();
    const { executor } = world;
    const future = new Scripted("x", 1);
    let waker!: Waker;
    executor.spawn(async () => {
      waker = currentWaker(executor);
      await awaitFuture(executor, new OneShot<void>());
    });
    world.settle();
    for (let i = 0; i < 5; i++) waker.wake();
    expect(executor.runReady(10)).toBe(1);
    spawnFuture(executor, future);
    expect(executor.runReady(1)).toBe(1);
    expect(executor.hasReady()).toBe(true); // it woke itself inside its poll
  });

  test("clones wake and drop independently; a dropped one is silent [K4]", () => {
    const world = new World();
    const { executor } = world;
    const wakers: Waker[] = [];
    const other: Waker[] = [];
    const keep = (list: Waker[]) => async (): Promise<void> => {
      list.push(currentWaker(executor));
      list.push(list[0]!.clone(), list[0]!.clone());
      await awaitFuture(executor, new OneShot<void>());
    };
    executor.spawn(keep(wakers));
    executor.spawn(keep(other));
    world.settle();
    const [first, second, third] = wakers as [Waker, Waker, Waker];
    expect([first.willWake(third), first.willWake(other[0]!)]).toEqual([true, false]);
    first.drop();
    first.wake();
    first.clone().wake();
    expect(executor.hasReady()).toBe(false);
    second.wake();
    expect(executor.hasReady()).toBe(true);
    world.settle();
    second.drop();
    third.wake();
    expect(executor.hasReady()).toBe(true);
  });

  test("a waker that outlives its task does nothing [K4] [X5]", () => {
    const world = new World();
    let waker!: Waker;
    world.run(() => void (waker = currentWaker(world.executor)));
    waker.wake();
    expect(world.executor.hasReady()).toBe(false);
  });

  test("WakerFuture is ready at once with the waker of the task that polls it [K13]", () => {
    const world = new World();
    const { executor } = world;
    let flag = false;
    let callback!: () => void;
    const flagged: Future<string> = { poll: () => (flag ? "called back" : PENDING) };
    const handle = executor.spawn(async () => {
      const waker = await awaitFuture(executor, new WakerFuture());
      expect(executor.steps).toBe(1);
      callback = () => {
        flag = true;
        waker.wake();
      };
      return awaitFuture(executor, flagged);
    });
    world.settle();
    expect(handle.finished).toBe(false);
    callback();
    world.settle();
    expect(handle.task.outcome).toBe("called back");
  });

  test("currentWaker() is refused outside any task [K13]", () => {
    const world = new World();
    expect(codeOfThrow(() => currentWaker(world.executor))).toBe("ERR_NOT_RUNNING");
  });

  test("YieldFuture is pending once; all who are queued have a turn first [K12] [X12]", () => {
    const world = new World();
    const { executor } = world;
    const log: string[] = [];
    executor.spawn(async () => {
      log.push("before");
      await awaitFuture(executor, new YieldFuture());
      log.push("after");
    });
    for (const name of ["a", "b", "c"]) executor.spawn(() => void log.push(name));
    world.settle();
    expect(log).toEqual(["before", "a", "b", "c", "after"]);
  });

  test("yieldNow() lets everybody queued have a turn [X12]", () => {
    const world = new World();
    const { executor } = world;
    const log: string[] = [];
    executor.spawn(async () => {
      await yieldNow(executor);
      log.push("after");
    });
    for (const name of ["a", "b", "c"]) executor.spawn(() => void log.push(name));
    world.settle();
    expect(log).toEqual(["a", "b", "c", "after"]);
  });

  test("an operation begun in one task and awaited in another wakes the last poller [X3]", () => {
    const world = new World();
    const { executor } = world;
    const operation = new OneShot<string>();
    executor.spawn(async () => {
      operation.poll({ waker: currentWaker(executor) });
      await awaitFuture(executor, new OneShot<void>());
    });
    const last = spawnFuture(executor, operation);
    world.settle();
    const steps = executor.steps;
    operation.complete("done");
    world.settle();
    expect(last.task.outcome).toBe("done");
    expect(executor.steps - steps).toBe(1);
  });

  test("each future of a task is polled once in a turn, however often it is woken", () => {
    const world = new World();
    const { executor } = world;
    const polls = [0, 0];
    const counting = (index: number): Future<void> => ({
      poll: () => {
        polls[index]!++;
        return PENDING;
      },
    });
    let waker!: Waker;
    executor.spawn(() => {
      waker = currentWaker(executor);
      return Promise.all([0, 1].map((index) => awaitFuture(executor, counting(index))));
    });
    world.settle();
    waker.wake();
    waker.wake();
    world.settle();
    expect(polls).toEqual([2, 2]);
  });

  test("a poll that ends sibling waits does not confuse the walk over the others", () => {
    const world = new World();
    const { executor } = world;
    const shots = Array.from({ length: 4 }, () => new OneShot<number>());
    const siblings = [1, 2, 3].map((index) => shots[index]!);
    // The first future, when polled for the second time, completes all the others.
    let polls = 0;
    const first: Future<string> = {
      poll: (cx) => {
        if (++polls === 1) return PENDING;
        siblings.forEach((shot, index) => void shot.complete(index));
        cx.waker.wake();
        return "first";
      },
    };
    let waker!: Waker;
    const handle = executor.spawn(() => {
      waker = currentWaker(executor);
      return Promise.all([
        awaitFuture(executor, first),
        ...siblings.map((shot) => awaitFuture(executor, shot)),
      ]);
    });
    world.settle();
    waker.wake();
    world.settle();
    expect(handle.task.outcome).toEqual(["first", 0, 1, 2]);
  });

  test("a future that a poll begins is not polled a second time in the same turn", () => {
    const world = new World();
    const { executor } = world;
    let innerPolls = 0;
    const inner: Future<void> = {
      poll: () => {
        innerPolls++;
        return PENDING;
      },
    };
    let polls = 0;
    const outer: Future<void> = {
      poll: () => {
        if (++polls === 2) void awaitFuture(executor, inner);
        return PENDING;
      },
    };
    let waker!: Waker;
    executor.spawn(() => {
      waker = currentWaker(executor);
      // The second future is polled after the first, when the inner one stands behind it.
      return Promise.all([outer, new OneShot<void>()].map((each) => awaitFuture(executor, each)));
    });
    world.settle();
    waker.wake();
    world.settle();
    expect([polls, innerPolls]).toEqual([2, 1]);
  });

  test("a poll that ends the very next wait does not keep the others from being polled", () => {
    const world = new World();
    const { executor } = world;
    let plain!: Suspension<string>;
    let polls = 0;
    const first: Future<void> = {
      poll: () => {
        if (++polls === 2) plain.wake("woken");
        return PENDING;
      },
    };
    const last = new OneShot<string>();
    const ends: string[] = [];
    executor.spawn(async () => {
      void awaitFuture(executor, first);
      plain = executor.suspend<string>("a plain wait");
      void plain.promise.then((value) => void ends.push(value));
      ends.push(await awaitFuture(executor, last));
    });
    world.settle();
    last.complete("polled"); // wakes the task; the first poll takes the plain wait off the list
    expect(executor.runReady(1)).toBe(1);
    expect(ends[0]).toBe("polled");
  });

  test("a turn for another wait polls no future: polls answer wakes", () => {
    const world = new World();
    const { executor } = world;
    let polls = 0;
    const counting: Future<void> = {
      poll: () => {
        polls++;
        return PENDING;
      },
    };
    let plain!: Suspension<void>;
    let waker!: Waker;
    executor.spawn(async () => {
      waker = currentWaker(executor);
      void awaitFuture(executor, counting);
      for (;;) {
        plain = executor.suspend<void>("a plain wait");
        await plain.promise;
      }
    });
    world.settle();
    for (const wake of [() => plain.wake(), () => waker.wake(), () => plain.wake()]) {
      wake();
      world.settle();
    }
    expect(polls).toBe(2);
  });
});
