/** Tests of lock requests: taking once, dropping, and standing in the same line as lock(). */
import { describe, expect, test } from "bun:test";
import { awaitFuture, spawnFuture } from "../task/await-future.ts";
import { sleep } from "../task/sleep.ts";
import { codeOfThrow } from "../task/codes.fixture.ts";
import { World } from "../task/world.fixture.ts";
import { AsyncMutex } from "./mutex.ts";

/** A task that locks, notes its name, keeps the lock for a while and releases it. */
function contender(world: World, mutex: AsyncMutex, log: string[], name: string) {
  return async (): Promise<void> => {
    using _lock = await mutex.lock();
    log.push(name);
    await sleep(world.executor, 10);
  };
}

describe("request and take", () => {
  test("take() while waiting and take() twice are refused [M2.7]", () => {
    const world = new World();
    const mutex = new AsyncMutex(world.executor);
    const held = mutex.tryLock()!;
    const request = mutex.request();
    expect(request.ready).toBe(false);
    expect(codeOfThrow(() => request.take())).toBe("ERR_OPERATION_BUSY");
    held.release();
    expect(request.ready).toBe(true);
    const lock = request.take();
    expect(codeOfThrow(() => request.take())).toBe("ERR_BAD_HANDLE");
    request.drop(); // taken: the lock is not the request's any more
    expect(mutex.locked).toBe(true);
    lock.release();
    expect(mutex.locked).toBe(false);
  });

  test("a request of a free mutex is complete at once [M2.6]", () => {
    const world = new World();
    const mutex = new AsyncMutex(world.executor);
    const request = mutex.request();
    expect(request.ready).toBe(true);
    request.take().release();
  });

  test("dropping a request that is complete and not taken releases the lock [M2.7]", () => {
    const world = new World();
    const mutex = new AsyncMutex(world.executor);
    {
      using request = mutex.request();
      expect(request.ready).toBe(true);
    }
    expect(mutex.locked).toBe(false);
  });

  test("dropping a queued request unlinks it; one the lock has reached passes it on [M2.8]", () => {
    const world = new World();
    const mutex = new AsyncMutex(world.executor);
    const held = mutex.tryLock()!;
    const [first, second, third] = [1, 2, 3].map(() => mutex.request());
    second!.drop();
    expect(mutex.waiting).toBe(2);
    held.release();
    expect(first!.ready).toBe(true);
    first!.drop();
    first!.drop();
    expect(third!.ready).toBe(true);
    expect(codeOfThrow(() => first!.take())).toBe("ERR_BAD_HANDLE");
  });

  test("requests and lock() share one line, and a request is a future [M2.7]", () => {
    const world = new World();
    const { executor } = world;
    const mutex = new AsyncMutex(executor);
    const log: string[] = [];
    const held = mutex.tryLock()!;
    executor.spawn(contender(world, mutex, log, "lock"));
    world.settle();
    executor.spawn(async () => {
      using _lock = await awaitFuture(executor, mutex.request());
      log.push("future");
    });
    world.settle();
    executor.spawn(contender(world, mutex, log, "lock again"));
    world.settle();
    held.release();
    world.drive();
    expect(log).toEqual(["lock", "future", "lock again"]);
  });

  test("cancelling a task whose outermost future is a request passes the lock on [M2.8]", () => {
    const world = new World();
    const { executor } = world;
    const mutex = new AsyncMutex(executor);
    const held = mutex.tryLock()!;
    const first = spawnFuture(executor, mutex.request());
    const second = spawnFuture(executor, mutex.request());
    world.settle();
    held.release();
    void first.cancel();
    world.settle();
    expect(first.cancelled).toBe(true);
    expect(second.task.outcome).toBeDefined();
  });
});
