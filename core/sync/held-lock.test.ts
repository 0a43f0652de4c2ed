/** Tests of mutations: what poisons a mutex, and what does not. */
import { describe, expect, test } from "bun:test";
import { sleep } from "../task/sleep.ts";
import { codeOf, codeOfThrow } from "../task/codes.fixture.ts";
import { World } from "../task/world.fixture.ts";
import type { HeldLock } from "./held-lock.ts";
import { AsyncMutex } from "./mutex.ts";

describe("mutations", () => {
  interface Account {
    from: number;
    to: number;
  }

  function accounts(world: World): AsyncMutex<Account> {
    return new AsyncMutex<Account>(world.executor, { name: "bank", value: { from: 10, to: 0 } });
  }

  async function transfer(world: World, mutex: AsyncMutex<Account>): Promise<void> {
    using lock = await mutex.lock();
    using change = lock.enter();
    change.value.from -= 5;
    await sleep(world.executor, 10);
    change.value.to += 5;
    change.exit();
  }

  test("a mutation that comes to its end leaves the mutex sound [X15]", () => {
    const world = new World();
    const mutex = accounts(world);
    world.run(() => transfer(world, mutex));
    expect(mutex.poison).toBeUndefined();
    expect(mutex.tryLock()!.value).toEqual({ from: 5, to: 5 });
  });

  test("cancelled inside a mutation: locking fails until somebody clears the poison [X15]", () => {
    const world = new World();
    const { executor } = world;
    const mutex = accounts(world);
    const victim = executor.spawn(() => transfer(world, mutex));
    const waiting = executor.spawn(() => codeOf(mutex.lock()));
    const codes = world.run(async () => {
      await sleep(executor, 5);
      await victim.cancel();
      return [await codeOf(mutex.lock()), await waiting.join()];
    });
    expect(codes).toEqual(["ERR_MUTATION_CANCELLED", "ERR_MUTATION_CANCELLED"]);
    expect(codeOfThrow(() => mutex.tryLock())).toBe("ERR_MUTATION_CANCELLED");
    expect(codeOfThrow(() => mutex.request().take())).toBe("ERR_MUTATION_CANCELLED");
    expect(mutex.poison?.mend).toContain("clearPoison()");
    mutex.clearPoison();
    using lock = mutex.tryLock()!;
    expect(lock.value).toEqual({ from: 5, to: 0 });
  });

  test("cancelled while it holds the lock outside a mutation: nothing is poisoned [X15]", () => {
    const world = new World();
    const { executor } = world;
    const mutex = accounts(world);
    const victim = executor.spawn(async () => {
      using _lock = await mutex.lock();
      await sleep(executor, 100);
    });
    world.settle();
    void victim.cancel();
    world.settle();
    expect([mutex.locked, mutex.poison]).toEqual([false, undefined]);
  });

  test("a throw inside a mutation poisons with ERR_LOCK_POISONED [X15]", () => {
    const world = new World();
    const mutex = accounts(world);
    const broken = async (): Promise<void> => {
      using lock = await mutex.lock();
      using _change = lock.enter();
      throw new Error("half-way");
    };
    expect(() => world.run(broken)).toThrow("half-way");
    expect(world.run(() => codeOf(mutex.lock()))).toBe("ERR_LOCK_POISONED");
    expect(mutex.locked).toBe(false);
  });

  test("mutate() marks a whole function, and tells what it threw as the cause [X15]", () => {
    const world = new World();
    const { executor } = world;
    const mutex = accounts(world);
    const result = world.run(async () => {
      using lock = await mutex.lock();
      const sync = await lock.mutate((account) => (account.from = 7));
      return [sync, await lock.mutate(async (account) => (account.to = 3))];
    });
    expect(result).toEqual([7, 3]);
    const broken = async (): Promise<void> => {
      using lock = await mutex.lock();
      await lock.mutate(() => Promise.reject(new Error("half-way")));
    };
    expect(() => world.run(broken)).toThrow("half-way");
    expect(mutex.poison?.code).toBe("ERR_LOCK_POISONED");
    expect(String(mutex.poison?.cause)).toBe("Error: half-way");
    mutex.clearPoison();
    const victim = executor.spawn(async () => {
      using lock = await mutex.lock();
      await lock.mutate(() => sleep(executor, 100));
    });
    world.settle();
    void victim.cancel();
    world.settle();
    expect(mutex.poison?.code).toBe("ERR_MUTATION_CANCELLED");
  });

  test("one mutation at a time; release() inside one and exit() twice are refused [X15]", () => {
    const world = new World();
    const mutex = accounts(world);
    const lock: HeldLock<Account> = mutex.tryLock()!;
    const change = lock.enter();
    expect(codeOfThrow(() => lock.enter())).toBe("ERR_OPERATION_BUSY");
    expect(codeOfThrow(() => lock.release())).toBe("ERR_OPERATION_BUSY");
    change.exit();
    expect(codeOfThrow(() => change.exit())).toBe("ERR_BAD_HANDLE");
    lock.enter().exit();
    lock.release();
    expect(mutex.poison).toBeUndefined();
  });

  test("dropping the lock inside a mutation poisons [X15]", () => {
    const world = new World();
    const mutex = accounts(world);
    {
      using lock = mutex.tryLock()!;
      lock.enter();
    }
    expect([mutex.locked, mutex.poison?.code]).toEqual([false, "ERR_LOCK_POISONED"]);
  });
});
