/** Tests of the mutex: order, hand-over, and what becomes of those who give up. */
import { describe, expect, test } from "bun:test";
import { race } from "../task/race.ts";
import { sleep } from "../task/sleep.ts";
import { codeOf, codeOfThrow } from "../task/codes.fixture.ts";
import { World } from "../task/world.fixture.ts";
import { yieldNow } from "../task/yield-now.ts";
import { AsyncMutex } from "./mutex.ts";

/** A task that locks, notes its name, keeps the lock for a while and releases it. */
function contender(world: World, mutex: AsyncMutex, log: string[], name: string) {
  return async (): Promise<void> => {
    using _lock = await mutex.lock();
    log.push(name);
    await sleep(world.executor, 10);
  };
}

describe("lock", () => {
  test("lock() of a free mutex completes without suspending [M2.6]", () => {
    const world = new World();
    const { executor } = world;
    const mutex = new AsyncMutex(executor);
    world.run(async () => {
      for (let i = 0; i < 3; i++) {
        using lock = await mutex.lock();
        expect(mutex.locked).toBe(true);
        expect(lock.released).toBe(false);
      }
    });
    expect(mutex.locked).toBe(false);
    expect(executor.steps).toBe(1);
  });

  test("tryLock() takes a free lock, and still does after hand-overs [M2.6]", () => {
    const world = new World();
    const { executor } = world;
    const mutex = new AsyncMutex(executor);
    const log: string[] = [];
    for (const name of ["a", "b", "c"]) executor.spawn(contender(world, mutex, log, name));
    world.settle();
    expect(mutex.tryLock()).toBeUndefined();
    world.drive();
    expect(log).toEqual(["a", "b", "c"]);
    const lock = mutex.tryLock();
    expect(lock).toBeDefined();
    lock?.release();
    expect(mutex.tryLock()).toBeDefined();
  });

  test("waiters are served first in, first out [M2.7] [K17]", () => {
    const world = new World();
    const { executor } = world;
    const mutex = new AsyncMutex(executor);
    const log: string[] = [];
    const names = Array.from({ length: 10 }, (_, index) => `${index}`);
    for (const name of names) executor.spawn(contender(world, mutex, log, name));
    world.settle();
    expect(mutex.waiting).toBe(9);
    world.drive();
    expect(log).toEqual(names);
    expect(world.timers.now()).toBe(100);
  });

  test("a released lock belongs to the first waiter: nobody barges in [K17]", () => {
    const world = new World();
    const { executor } = world;
    const mutex = new AsyncMutex(executor);
    const log: string[] = [];
    const first = mutex.tryLock()!;
    executor.spawn(contender(world, mutex, log, "waiter"));
    world.settle();
    first.release();
    expect(mutex.locked).toBe(true);
    expect(mutex.tryLock()).toBeUndefined();
    const barger = codeOf(mutex.lock());
    expect(mutex.waiting).toBe(1);
    world.drive();
    expect(log).toEqual(["waiter"]);
    expect(world.run(() => barger)).toBe("fulfilled");
  });

  test("release() twice and use after release are refused; disposing afterwards is not", () => {
    const world = new World();
    const mutex = new AsyncMutex(world.executor, { value: 5 });
    const lock = mutex.tryLock()!;
    expect(lock.value).toBe(5);
    lock.release();
    expect(codeOfThrow(() => lock.release())).toBe("ERR_BAD_HANDLE");
    expect(codeOfThrow(() => lock.value)).toBe("ERR_BAD_HANDLE");
    expect(codeOfThrow(() => lock.enter())).toBe("ERR_BAD_HANDLE");
    const next = mutex.tryLock()!;
    lock[Symbol.dispose]();
    expect(mutex.locked).toBe(true);
    next.release();
  });

  test("the lock is released when the scope is left by an error", () => {
    const world = new World();
    const { executor } = world;
    const mutex = new AsyncMutex(executor);
    const scope = async (): Promise<void> => {
      await using _lock = await mutex.lock();
      await sleep(executor, 1);
      throw new Error("inside");
    };
    expect(() => world.run(scope)).toThrow("inside");
    expect(mutex.locked).toBe(false);
    expect(mutex.poison).toBeUndefined();
  });

  test("the deadlock report names the mutex and its holder", () => {
    const world = new World();
    const { executor } = world;
    const mutex = new AsyncMutex(executor, { name: "disk" });
    const hoard = async (): Promise<void> => {
      await mutex.lock();
      await executor.suspend("for ever").promise;
    };
    executor.spawn(hoard, { name: "hoarder" });
    executor.spawn(() => mutex.lock(), { name: "starved" });
    world.drive();
    expect([...executor.live()].map((task) => task.waits())).toEqual([
      ["for ever"],
      ['the lock of mutex "disk", held by task "hoarder"'],
    ]);
  });
});

describe("giving up", () => {
  test("a cancelled waiter leaves the line wherever it stands [M2.8]", () => {
    for (const victim of [0, 1, 2]) {
      const world = new World();
      const { executor } = world;
      const mutex = new AsyncMutex(executor);
      const log: string[] = [];
      const held = mutex.tryLock()!;
      const waiters = ["a", "b", "c"].map((name) =>
        executor.spawn(contender(world, mutex, log, name)),
      );
      world.settle();
      void waiters[victim]!.cancel();
      world.settle();
      expect(mutex.waiting).toBe(2);
      held.release();
      world.drive();
      expect(log).toEqual(["a", "b", "c"].toSpliced(victim, 1));
      expect(mutex.locked).toBe(false);
    }
  });

  test("a lock that reached a waiter which is cancelled goes to the next [M2.8] [K17]", () => {
    const world = new World();
    const { executor } = world;
    const mutex = new AsyncMutex(executor);
    const log: string[] = [];
    const held = mutex.tryLock()!;
    const [first] = ["a", "b", "c"].map((name) =>
      executor.spawn(contender(world, mutex, log, name)),
    );
    world.settle();
    held.release(); // handed to a, which has not had its turn
    void first!.cancel();
    world.drive();
    expect(log).toEqual(["b", "c"]);
    expect(first!.cancelled).toBe(true);
    expect(mutex.locked).toBe(false);
  });

  test("a lock that reaches the loser of a race is not lost [M2.8]", () => {
    const world = new World();
    const { executor } = world;
    const mutex = new AsyncMutex(executor);
    let held = mutex.tryLock()!;
    const raced = executor.spawn(() =>
      race(executor, [() => yieldNow(executor), () => mutex.lock(), () => mutex.lock()]),
    );
    executor.runReady(4); // the race and its three children have begun
    held.release();
    expect(world.run(() => raced.join())).toBeUndefined();
    held = mutex.tryLock()!;
    expect(held).toBeDefined();
  });

  test("a lock that arrives for a wait which nobody awaits any more is passed on [M2.7]", () => {
    const world = new World();
    const { executor } = world;
    const mutex = new AsyncMutex(executor);
    const held = mutex.tryLock()!;
    executor.spawn(async () => {
      void mutex.lock();
      await yieldNow(executor);
      held.release();
    });
    world.settle();
    expect(mutex.locked).toBe(false);
  });
});
