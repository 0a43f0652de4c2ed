/** Tests of the semaphore: counts, order, and permits that find their way back. */
import { describe, expect, test } from "bun:test";
import { isReelError } from "../errors.ts";
import { sleep } from "../task/sleep.ts";
import { World } from "../task/world.fixture.ts";
import { Semaphore } from "./semaphore.ts";

function spawnUsers(
  world: World,
  semaphore: Semaphore,
  users: readonly (readonly [name: string, count: number])[],
  log: string[],
) {
  const handles = users.map(([name, count]) =>
    world.executor.spawn(async () => {
      using _permit = await semaphore.acquire(count);
      log.push(name);
      await sleep(world.executor, 10);
    }),
  );
  world.settle();
  return handles;
}

describe("Semaphore", () => {
  test("lets in as many as there are permits, without suspending", () => {
    const world = new World();
    const { executor } = world;
    const semaphore = new Semaphore(executor, { permits: 3 });
    let inside = 0;
    let most = 0;
    for (let i = 0; i < 10; i++) {
      executor.spawn(async () => {
        using _permit = await semaphore.acquire();
        most = Math.max(most, ++inside);
        await sleep(executor, 10);
        inside--;
      });
    }
    world.drive();
    expect([most, inside, semaphore.available]).toEqual([3, 0, 3]);
    expect(world.timers.now()).toBe(40);
    const steps = executor.steps;
    world.run(() => semaphore.acquire(3));
    expect(executor.steps - steps).toBe(1);
  });

  test("serves first in, first out: a large request is not starved by small ones", () => {
    const world = new World();
    const semaphore = new Semaphore(world.executor, { permits: 2 });
    const log: string[] = [];
    spawnUsers(
      world,
      semaphore,
      [
        ["a", 1],
        ["large", 2],
        ["b", 1],
        ["c", 1],
      ],
      log,
    );
    expect(log).toEqual(["a"]);
    expect(semaphore.available).toBe(1);
    expect(semaphore.tryAcquire()).toBeUndefined(); // somebody stands in line
    world.drive();
    expect(log).toEqual(["a", "large", "b", "c"]);
  });

  test("a large request that gives up lets those behind it through", () => {
    const world = new World();
    const semaphore = new Semaphore(world.executor, { permits: 2 });
    const log: string[] = [];
    const [, large] = spawnUsers(
      world,
      semaphore,
      [
        ["a", 1],
        ["large", 2],
        ["b", 1],
      ],
      log,
    );
    void large!.cancel();
    world.settle();
    expect(log).toEqual(["a", "b"]);
    expect(semaphore.waiting).toBe(0);
  });

  test("permits that reach a request which is gone go to the next", () => {
    const world = new World();
    const semaphore = new Semaphore(world.executor, { permits: 1 });
    const log: string[] = [];
    const permit = semaphore.tryAcquire()!;
    const [first] = spawnUsers(
      world,
      semaphore,
      [
        ["a", 1],
        ["b", 1],
      ],
      log,
    );
    permit.release();
    void first!.cancel();
    world.drive();
    expect(log).toEqual(["b"]);
    expect(semaphore.available).toBe(1);
  });

  test("releasing twice is refused, and counts nothing", () => {
    const world = new World();
    const semaphore = new Semaphore(world.executor, { permits: 2, name: "slots" });
    const permit = semaphore.tryAcquire(2)!;
    permit.release();
    let found: unknown;
    try {
      permit.release();
    } catch (error) {
      found = error;
    }
    expect(isReelError(found, "ERR_BAD_HANDLE")).toBe(true);
    permit[Symbol.dispose]();
    expect(semaphore.available).toBe(2);
  });

  test("counts that cannot be are refused", () => {
    const world = new World();
    for (const permits of [0, -1, 1.5, 2 ** 31]) {
      expect(() => new Semaphore(world.executor, { permits })).toThrow(RangeError);
    }
    const semaphore = new Semaphore(world.executor, { permits: 2 });
    for (const count of [0, 3, 0.5]) expect(() => semaphore.acquire(count)).toThrow(RangeError);
  });
});
