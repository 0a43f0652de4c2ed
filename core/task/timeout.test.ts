/** Tests of timeouts: results, ties, late children, cancelled callers. */
import { describe, expect, test } from "bun:test";
import type { ReelError } from "../errors.ts";
import { sleep } from "./sleep.ts";
import type { Suspension } from "./suspension.ts";
import { codeOf } from "./codes.fixture.ts";
import { World } from "./world.fixture.ts";
import { timeout } from "./timeout.ts";

describe("timeout", () => {
  test("gives the result of work that is in time and leaves no timer [X11]", () => {
    const world = new World();
    const { executor } = world;
    const work = async (): Promise<string> => {
      await sleep(executor, 5);
      return "work";
    };
    expect(world.run(() => timeout(executor, 10, work))).toBe("work");
    expect(world.run(() => timeout(executor, 10, work()))).toBe("work");
    expect(world.timers.pending).toBe(0);
    expect(world.timers.now()).toBe(10);
  });

  test("cancels and awaits a function that is late [X11]", () => {
    const world = new World();
    const { executor } = world;
    const log: string[] = [];
    const code = world.run(async () => {
      const found = await codeOf(
        timeout(executor, 10, async () => {
          try {
            await sleep(executor, 100);
          } finally {
            await sleep(executor, 7);
            log.push("cleaned up");
          }
        }),
      );
      log.push(`timed out at ${world.timers.now()}`);
      return found;
    });
    expect(code).toBe("ERR_TIMEOUT");
    expect(log).toEqual(["cleaned up", "timed out at 17"]);
    expect(world.timers.pending).toBe(0);
  });

  test("a result beats the deadline on a tie, in both forms and either order [X11] [K16]", () => {
    for (const armedFirst of ["the sleep", "the timeout"]) {
      const world = new World();
      const { executor } = world;
      // The work needs several turns of the microtask queue after its sleep.
      const work = async (): Promise<string> => {
        await sleep(executor, 10);
        for (let i = 0; i < 5; i++) await Promise.resolve();
        return "tie";
      };
      const result = world.run(() => {
        const form = armedFirst === "the sleep" ? work() : work;
        return timeout(executor, 10, form);
      });
      expect(result).toBe("tie");
    }
    const world = new World();
    const { executor } = world;
    // Here the timer's deadline is armed before the work's.
    const late = async (): Promise<string> => {
      let operation!: Suspension<string>;
      executor.spawn(async () => {
        await sleep(executor, 10);
        operation.wake("same instant");
      });
      return timeout(executor, 10, () => {
        operation = executor.suspend<string>("an operation");
        return operation.promise;
      });
    };
    expect(world.run(late)).toBe("same instant");
  });

  test("with zero or less the work has one turn [X11]", () => {
    const world = new World();
    const { executor } = world;
    expect(world.run(() => timeout(executor, 0, () => "at once"))).toBe("at once");
    expect(world.run(() => timeout(executor, -5, Promise.resolve("there")))).toBe("there");
    const codes = world.run(() =>
      Promise.all([
        codeOf(timeout(executor, 0, () => sleep(executor, 10))),
        codeOf(timeout(executor, 0, sleep(executor, 10))),
      ]),
    );
    expect(codes).toEqual(["ERR_TIMEOUT", "ERR_TIMEOUT"]);
  });

  test("passes errors on, and tells what a late child's clean-up threw as the cause", () => {
    const world = new World();
    const { executor } = world;
    const broken = world.run(() =>
      codeOf(timeout(executor, 10, () => Promise.reject(new Error("broken")))),
    );
    expect(broken).toBe("Error: broken");
    const late = world.run(() =>
      timeout(executor, 10, async () => {
        try {
          await sleep(executor, 100);
        } catch {
          throw new Error("clean-up broke");
        }
      }).catch((error: unknown) => error as ReelError),
    );
    expect((late as ReelError).code).toBe("ERR_TIMEOUT");
    expect(String((late as ReelError).cause)).toBe("Error: clean-up broke");
    expect(executor.failures).toEqual([]);
  });

  test("a child that finishes in spite of its cancellation gives its result, late", () => {
    const world = new World();
    const { executor } = world;
    const result = world.run(() =>
      timeout(executor, 10, async () => {
        await sleep(executor, 100).catch(() => {});
        await sleep(executor, 5);
        return "stubborn";
      }),
    );
    expect(result).toBe("stubborn");
    expect(world.timers.now()).toBe(15);
  });

  test("cancelling the caller cancels the child, which is over first", () => {
    const world = new World();
    const { executor } = world;
    const log: string[] = [];
    const caller = executor.spawn(() =>
      timeout(executor, 1000, async () => {
        try {
          await sleep(executor, 500);
        } finally {
          await sleep(executor, 5);
          log.push("child is over");
        }
      }),
    );
    world.run(async () => {
      await sleep(executor, 1);
      await caller.cancel();
      log.push("caller is over");
    });
    expect(log).toEqual(["child is over", "caller is over"]);
    expect(caller.cancelled).toBe(true);
    expect(world.timers.pending).toBe(0);
  });

  test("a result that is there when the caller hears of its cancellation is given [X11]", () => {
    const world = new World();
    const { executor } = world;
    const messages = ["the only message"];
    let operation!: Suspension<void>;
    const received: (string | undefined)[] = [];
    const caller = executor.spawn(async () => {
      operation = executor.suspend<void>("an operation");
      await operation.promise;
      received.push(await timeout(executor, 100, () => messages.shift()));
      await sleep(executor, 1000);
    });
    world.settle();
    operation.wake();
    void caller.cancel(); // fails the timeout's wait before its child has had its first turn
    world.drive();
    expect(received).toEqual(["the only message"]);
    expect(caller.cancelled).toBe(true);
    expect(world.timers.now()).toBe(0);
  });
});
