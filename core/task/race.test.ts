/** Tests of races: who wins, and what becomes of the losers and their results. */
import { describe, expect, test } from "bun:test";
import { race } from "./race.ts";
import { sleep } from "./sleep.ts";
import type { Suspension } from "./suspension.ts";
import { codeOf } from "./codes.fixture.ts";
import { World } from "./world.fixture.ts";
import { yieldNow } from "./yield-now.ts";

describe("race", () => {
  test("the first to finish wins; the losers are cancelled and awaited [X11]", () => {
    const world = new World();
    const { executor } = world;
    const log: string[] = [];
    const runner = (name: string, delayNs: number) => async (): Promise<string> => {
      try {
        await sleep(executor, delayNs);
        return name;
      } finally {
        log.push(`${name} ends`);
        await sleep(executor, 3);
      }
    };
    const winner = world.run(() =>
      race(executor, [runner("a", 30), runner("b", 10), runner("c", 20)]),
    );
    expect(winner).toBe("b");
    expect(log).toEqual(["b ends", "a ends", "c ends"]);
    expect(world.timers.now()).toBe(16);
    expect(world.timers.pending).toBe(0);
  });

  test("of several that finish in the same round the leftmost wins [X11]", () => {
    const world = new World();
    const { executor } = world;
    const waits: Suspension<string>[] = [];
    const body = (index: number) => () => {
      waits[index] = executor.suspend<string>("a start");
      return waits[index].promise;
    };
    const raced = executor.spawn(() => race(executor, [body(0), body(1), body(2)]));
    world.settle();
    for (const index of [2, 1, 0]) waits[index]!.wake(`runner ${index}`);
    expect(world.run(() => raced.join())).toBe("runner 0");
    expect(world.run(() => race(executor, [() => "left", () => "right"]))).toBe("left");
  });

  test("a loser's late result is disposed of, the winner's is not [X11]", () => {
    const world = new World();
    const { executor } = world;
    const disposed: string[] = [];
    const resource = (name: string) => ({ name, [Symbol.dispose]: () => disposed.push(name) });
    const winner = world.run(() =>
      race(executor, [
        async () => {
          await sleep(executor, 10).catch(() => {});
          return resource("loser");
        },
        async () => {
          await yieldNow(executor);
          return resource("winner");
        },
      ]),
    );
    expect(winner.name).toBe("winner");
    expect(disposed).toEqual(["loser"]);
  });

  test("an error wins like a result; what a loser threw before is dropped [X11]", () => {
    const world = new World();
    const { executor } = world;
    const code = world.run(() =>
      codeOf(
        race(executor, [
          () => Promise.reject(new Error("left")),
          () => Promise.reject(new Error("right")),
        ]),
      ),
    );
    expect(code).toBe("Error: left");
    expect(executor.failures).toEqual([]);
  });

  test("cancelling the caller cancels all; a result that comes all the same is given [X11]", () => {
    const world = new World();
    const { executor } = world;
    const log: unknown[] = [];
    const stubborn = (name: string) => async () => {
      await sleep(executor, 100).catch(() => {});
      return { name, [Symbol.dispose]: () => log.push(`${name} disposed of`) };
    };
    const caller = executor.spawn(async () => {
      const { name } = await race(executor, [stubborn("left"), stubborn("right")]);
      log.push(name);
      await sleep(executor, 100);
    });
    const plain = executor.spawn(() =>
      race(executor, [() => sleep(executor, 100), () => sleep(executor, 200)]),
    );
    world.run(async () => {
      await sleep(executor, 20);
      await Promise.all([caller.cancel(), plain.cancel()]);
    });
    expect(log).toEqual(["right disposed of", "left"]);
    expect([caller.cancelled, plain.cancelled]).toEqual([true, true]);
    expect(world.timers.now()).toBe(20);
  });

  test("a caller cancelled while the losers clean up gets the winner's result [X11]", () => {
    const world = new World();
    const { executor } = world;
    const log: unknown[] = [];
    const caller = executor.spawn(async () => {
      const slowLoser = async (): Promise<void> => {
        try {
          await sleep(executor, 100);
        } finally {
          await sleep(executor, 50);
          log.push("loser is over");
        }
      };
      log.push(await race(executor, [slowLoser, () => "winner"]));
      await sleep(executor, 1000);
    });
    world.run(async () => {
      await sleep(executor, 20); // the race is decided and the loser cleans up
      await caller.cancel();
    });
    expect(log).toEqual(["loser is over", "winner"]);
    expect(caller.cancelled).toBe(true);
    expect(world.timers.now()).toBe(50);
  });

  test("a cancellation does not cut the disposal of a loser's result short [X11]", () => {
    const world = new World();
    const { executor } = world;
    const log: string[] = [];
    const connect = async () => {
      await sleep(executor, 100).catch(() => {});
      const close = async (): Promise<void> => {
        await sleep(executor, 30);
        log.push(`closed at ${world.timers.now()}`);
      };
      return { [Symbol.asyncDispose]: close };
    };
    const caller = executor.spawn(async () => {
      log.push(String(await race(executor, [() => sleep(executor, 10), connect])));
      await sleep(executor, 1000);
    });
    world.run(async () => {
      await sleep(executor, 20);
      await caller.cancel();
    });
    expect(log).toEqual(["closed at 40", "undefined"]);
    expect(caller.cancelled).toBe(true);
    const broken = { [Symbol.dispose]: () => void log.at(99)!.length };
    const late = () => sleep(executor, 5).then(undefined, () => broken);
    const breaking = (): Promise<unknown> => race(executor, [() => yieldNow(executor), late]);
    expect(() => world.run(breaking)).toThrow(TypeError);
  });

  test("race() of nothing is refused", () => {
    const world = new World();
    expect(() => world.run(() => race(world.executor, []))).toThrow(RangeError);
  });
});
