/** Tests of the order of turns: batches, seeds, and wakes that are neither lost nor doubled. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Random } from "../random.ts";
import type { Suspension } from "./suspension.ts";
import { World } from "./world.fixture.ts";
import { yieldNow } from "./yield-now.ts";

/** A task that logs each of its turns and waits to be woken in between. */
function spawnWaiter(world: World, log: string[], name: string): { current?: Suspension<void> } {
  const box: { current?: Suspension<void> } = {};
  world.executor.spawn(
    async () => {
      for (;;) {
        log.push(name);
        box.current = world.executor.suspend<void>("a wake by the test");
        await box.current.promise;
      }
    },
    { name },
  );
  return box;
}

describe("ReadyQueue", () => {
  test("the same seed permutes in the same way, and another seed in another", () => {
    const orderOf = (seed: number): string => {
      const world = new World(new Random(seed));
      const log: string[] = [];
      for (let i = 0; i < 8; i++) spawnWaiter(world, log, `${i}`);
      world.settle();
      return log.join("");
    };
    expect(orderOf(1)).toBe(orderOf(1));
    expect(orderOf(1)).not.toBe("01234567");
    expect(orderOf(1)).not.toBe(orderOf(2));
    expect([...orderOf(1)].toSorted().join("")).toBe("01234567");
  });

  test("no seed breaks the promise of batches: no starvation, and self-wakes go last", () => {
    const property = fc.property(
      fc.integer({ min: 0, max: 1e6 }),
      fc.integer({ min: 1, max: 9 }),
      (seed, others) => {
        const world = new World(new Random(seed));
        const { executor } = world;
        const turns = new Map<string, number>();
        const count = (name: string): number => {
          const next = (turns.get(name) ?? 0) + 1;
          turns.set(name, next);
          return next;
        };
        for (let i = 0; i < others; i++) {
          executor.spawn(async () => {
            // in every round all have had as many turns as any, give or take the running round
            while (count(`${i}`) < 6) {
              await yieldNow(executor);
              const counts = [...turns.values()];
              expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
            }
          });
        }
        world.settle();
        expect([...turns.values()]).toEqual(new Array(others).fill(6));
        expect(executor.failures).toEqual([]);
      },
    );
    fc.assert(property, { seed: 1, numRuns: 200 });
  });

  test("the queue grows and keeps its order", () => {
    const world = new World();
    const order: number[] = [];
    for (let i = 0; i < 1000; i++) {
      world.executor.spawn(async () => {
        await yieldNow(world.executor);
        order.push(i);
      });
    }
    world.settle();
    expect(order).toEqual(Array.from({ length: 1000 }, (_, index) => index));
  });
});

describe("no lost and no duplicate wake", () => {
  test("every wait is delivered exactly once, in the order of the wakes of its task", () => {
    // Each step wakes one of the pending waits of one of three tasks, or gives some turns.
    const step = fc.oneof(
      fc.record({ kind: fc.constant("wake" as const), pick: fc.nat(30) }),
      fc.record({ kind: fc.constant("run" as const), pick: fc.nat(3) }),
    );
    const property = fc.property(fc.array(step, { maxLength: 60 }), fc.nat(1000), (steps, seed) => {
      const world = new World(new Random(seed));
      const { executor } = world;
      const pending: { wait: Suspension<number>; task: number }[] = [];
      const delivered: number[][] = [[], [], []];
      const woken: number[][] = [[], [], []];
      for (let task = 0; task < 3; task++) {
        const branch = async (): Promise<void> => {
          for (let round = 0; round < 8; round++) {
            const wait = executor.suspend<number>("a step");
            pending.push({ wait, task });
            delivered[task]!.push(await wait.promise);
          }
        };
        executor.spawn(() => Promise.all([branch(), branch()]));
      }
      let serial = 0;
      const wakeOne = (pick: number): void => {
        if (pending.length === 0) return;
        const [chosen] = pending.splice(pick % pending.length, 1);
        woken[chosen!.task]!.push(serial);
        chosen!.wait.wake(serial++);
      };
      executor.runUntilIdle();
      for (const { kind, pick } of steps) {
        if (kind === "wake") wakeOne(pick);
        else executor.runReady(pick);
      }
      while (pending.length > 0 || executor.hasReady()) {
        wakeOne(0);
        executor.runUntilIdle();
      }
      expect(delivered).toEqual(woken);
      expect(serial).toBe(3 * 2 * 8);
      expect([...executor.live()]).toEqual([]);
    });
    fc.assert(property, { seed: 2, numRuns: 300 });
  });
});
