/** Tests of awaiting futures: polls, errors, cancellation. */
import { describe, expect, test } from "bun:test";
import { awaitFuture, spawnFuture } from "./await-future.ts";
import { JoinFuture, MapFuture, SelectFuture } from "./combinators.ts";
import { type Context, type Future, isReady, PENDING } from "./future.ts";
import { OneShot, WakerFuture, YieldFuture } from "./leaf-futures.ts";
import { codeOfThrow } from "./codes.fixture.ts";
import { CountingWaker, Scripted } from "./scripted-future.fixture.ts";
import { World } from "./world.fixture.ts";

describe("poll", () => {
  test("polling is the only way to progress [K1]", () => {
    const world = new World();
    const future = new Scripted("value", 2);
    const handle = spawnFuture(world.executor, future);
    expect(future.polls).toBe(0);
    world.executor.runReady(1);
    expect(future.polls).toBe(1);
    world.executor.runReady(1);
    expect([future.polls, handle.finished]).toEqual([2, false]);
    world.settle();
    expect([future.polls, handle.task.outcome]).toEqual([3, "value"]);
  });

  test("every future of ours throws when it is polled after its result [K1]", () => {
    const cx: Context = { waker: new CountingWaker() };
    const shot = new OneShot<number>();
    shot.complete(1);
    const futures: Future<unknown>[] = [
      new MapFuture(new Scripted(1, 0), (value) => value),
      new JoinFuture([new Scripted(1, 0)]),
      new SelectFuture([new Scripted(1, 0)]),
      new WakerFuture(),
      shot,
    ];
    for (const future of futures) {
      expect(isReady(future.poll(cx))).toBe(true);
      expect(codeOfThrow(() => future.poll(cx))).toBe("ERR_POLLED_AFTER_READY");
    }
    const yielding = new YieldFuture();
    expect([yielding.poll(cx), yielding.poll(cx)]).toEqual([PENDING, undefined]);
    expect(codeOfThrow(() => yielding.poll(cx))).toBe("ERR_POLLED_AFTER_READY");
    const dropped = new OneShot<number>();
    dropped.drop();
    expect(codeOfThrow(() => dropped.poll(cx))).toBe("ERR_POLLED_AFTER_READY");
    expect(dropped.complete(1)).toBe(false);
  });

  test("a future that is ready at once costs its task no turn", () => {
    const world = new World();
    const { executor } = world;
    const result = world.run(() => awaitFuture(executor, new Scripted("now", 0)));
    expect([result, executor.steps]).toEqual(["now", 1]);
  });

  test("awaitFuture() passes on what a poll throws, the first and a later one", () => {
    const world = new World();
    const { executor } = world;
    for (const delays of [0, 2]) {
      const broken = new Scripted(0, delays, new Error("broken"));
      expect(() => world.run(() => awaitFuture(executor, broken))).toThrow("broken");
    }
  });

  test("awaitFuture() works in host code", () => {
    const world = new World();
    const shot = new OneShot<string>();
    let result: string | undefined;
    void awaitFuture(world.executor, shot).then((value) => void (result = value));
    world.settle();
    shot.complete("host");
    world.settle();
    expect(result).toBe("host");
  });
});

describe("cancelling a future's task", () => {
  test("drops the future in a turn of the task, never on the caller [X8]", () => {
    const world = new World();
    const { executor } = world;
    const dropped: (string | undefined)[] = [];
    const future: Future<void> = {
      poll: () => PENDING,
      drop: () => void dropped.push(executor.current?.name),
    };
    const handle = spawnFuture(executor, future, { name: "owner" });
    world.settle();
    void handle.cancel();
    expect(dropped).toEqual([]);
    world.settle();
    expect(dropped).toEqual(["owner"]);
    expect(handle.cancelled).toBe(true);
  });

  test("drops a future that was never polled", () => {
    const world = new World();
    const future = new Scripted(1, 0);
    const handle = spawnFuture(world.executor, future);
    void handle.cancel();
    world.settle();
    expect([future.polls, future.drops]).toEqual([0, 1]);
  });

  test("an error of drop() reaches the one who cancels", () => {
    const world = new World();
    const { executor } = world;
    const future: Future<void> = {
      poll: () => PENDING,
      drop: () => {
        throw new Error("drop broke");
      },
    };
    const handle = spawnFuture(executor, future);
    world.settle();
    expect(() => world.run(() => handle.cancel())).toThrow("drop broke");
  });
});
