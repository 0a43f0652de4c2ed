/** Tests of how tasks end: by being cancelled, and with waits left over. */
import { describe, expect, test } from "bun:test";
import { ReelError } from "../errors.ts";
import { sleep } from "./sleep.ts";
import type { Suspension } from "./suspension.ts";
import { codeOf } from "./codes.fixture.ts";
import { World } from "./world.fixture.ts";
import { yieldNow } from "./yield-now.ts";

describe("cancel", () => {
  test("cancel() before the first run: the body never runs [X8]", () => {
    const world = new World();
    let ran = false;
    const handle = world.executor.spawn(() => {
      ran = true;
    });
    const cancelled = handle.cancel();
    expect(world.run(() => cancelled)).toBeUndefined();
    expect(ran).toBe(false);
    expect(world.executor.steps).toBe(1); // the turn of run's own task
    expect([handle.finished, handle.cancelled]).toEqual([true, true]);
  });

  test("cancel() gives the value of a task that had finished [X8]", () => {
    const world = new World();
    const handle = world.executor.spawn(() => "value");
    world.settle();
    expect(world.run(() => handle.cancel())).toBe("value");
    expect([handle.finished, handle.cancelled]).toEqual([true, false]);
  });

  test("cancel() settles after the clean-up, which may wait again [X8]", () => {
    const world = new World();
    const { executor } = world;
    const log: string[] = [];
    const handle = executor.spawn(async () => {
      try {
        await sleep(executor, 1_000_000);
      } catch (error) {
        log.push((error as ReelError).code);
        throw error;
      } finally {
        await sleep(executor, 30);
        await yieldNow(executor);
        log.push(`cleaned up at ${world.timers.now()}`);
      }
    });
    world.run(async () => {
      await sleep(executor, 5);
      expect(await handle.cancel()).toBeUndefined();
      log.push(`cancelled at ${world.timers.now()}`);
    });
    expect(log).toEqual(["ERR_CANCELLED", "cleaned up at 35", "cancelled at 35"]);
    expect(handle.cancelled).toBe(true);
    expect(world.timers.pending).toBe(0);
  });

  test("cancel() fails a wait in a turn of the task, never on the caller [X8]", () => {
    const world = new World();
    const { executor } = world;
    const seen: (string | undefined)[] = [];
    const handle = executor.spawn(
      () => executor.suspend("a hook", () => void seen.push(executor.current?.name)).promise,
      { name: "victim" },
    );
    world.settle();
    void handle.cancel();
    expect(seen).toEqual([]);
    world.settle();
    expect(seen).toEqual(["victim"]);
  });

  test("cancel() twice, and cancel() with join(), settle together and cancel once [X8]", () => {
    const world = new World();
    const { executor } = world;
    let edges = 0;
    const handle = executor.spawn(async () => {
      for (;;) {
        try {
          await sleep(executor, 100);
          return "survived";
        } catch {
          edges++;
        }
      }
    });
    world.settle();
    const results = world.run(() =>
      Promise.all([handle.cancel(), handle.cancel(), handle.join(), handle.cancel()]),
    );
    expect(results).toEqual(["survived", "survived", "survived", "survived"]);
    expect(edges).toBe(1);
    expect(handle.cancelled).toBe(false);
  });

  test("join() of a cancelled task rejects with ERR_CANCELLED, which fails nothing [X8]", () => {
    const world = new World();
    const { executor } = world;
    const handle = executor.spawn(() => sleep(executor, 100));
    world.settle();
    const code = world.run(async () => {
      await handle.cancel();
      return codeOf(handle.join());
    });
    expect(code).toBe("ERR_CANCELLED");
    expect(executor.failures).toEqual([]);
  });

  test("cancel() rejects with what the clean-up threw instead", () => {
    const world = new World();
    const { executor } = world;
    const handle = executor.spawn(async () => {
      try {
        await sleep(executor, 100);
      } finally {
        await Promise.reject(new Error("clean-up broke"));
      }
    });
    world.settle();
    expect(world.run(() => codeOf(handle.cancel()))).toBe("Error: clean-up broke");
    expect(handle.cancelled).toBe(false);
    expect(executor.failures).toEqual([]);
  });

  test("a body that throws ERR_CANCELLED unasked has failed", () => {
    const world = new World();
    const { executor } = world;
    executor.spawn(() => Promise.reject(new ReelError("ERR_CANCELLED", "An operation was")));
    world.settle();
    expect(executor.failures).toHaveLength(1);
  });

  test("a value on its way is delivered, and the next wait is cancelled instead [X8]", () => {
    const world = new World();
    const { executor } = world;
    const log: string[] = [];
    let operation!: Suspension<string>;
    const handle = executor.spawn(async () => {
      operation = executor.suspend<string>("an accept");
      log.push(await operation.promise);
      try {
        await sleep(executor, 100);
      } finally {
        log.push("next wait cancelled");
      }
    });
    world.settle();
    operation.wake("a socket");
    void handle.cancel();
    world.settle();
    expect(log).toEqual(["a socket", "next wait cancelled"]);
    expect(handle.cancelled).toBe(true);
  });

  test("a left-over wait does not swallow the cancellation", () => {
    const world = new World();
    const { executor } = world;
    let operation!: Suspension<void>;
    const handle = executor.spawn(async () => {
      const forgotten = sleep(executor, 1000);
      operation = executor.suspend<void>("an operation");
      await operation.promise;
      await executor.suspend("for ever").promise;
      await forgotten;
    });
    world.settle();
    operation.wake();
    void handle.cancel();
    world.settle();
    expect(handle.cancelled).toBe(true);
    expect(world.timers.pending).toBe(0);
  });

  test("a task that only ever yields can be cancelled", () => {
    const world = new World();
    const { executor } = world;
    const handle = executor.spawn(async () => {
      for (;;) await yieldNow(executor);
    });
    executor.runReady(10);
    expect(world.run(() => handle.cancel())).toBeUndefined();
    expect(handle.cancelled).toBe(true);
  });

  test("a cancel hook decides when its wait is over; one that throws fails it", () => {
    const world = new World();
    const { executor } = world;
    let operation!: Suspension<number>;
    const slow = executor.spawn(() => {
      operation = executor.suspend<number>("an operation in flight", () => {});
      return operation.promise;
    });
    const broken = executor.spawn(
      () =>
        executor.suspend("a broken hook", () => {
          throw new Error("hook broke");
        }).promise,
    );
    world.settle();
    const slowEnd = slow.cancel();
    const brokenEnd = codeOf(broken.cancel());
    world.settle();
    expect(slow.finished).toBe(false);
    operation.wake(4);
    expect(world.run(() => slowEnd)).toBe(4);
    expect(world.run(() => brokenEnd)).toBe("Error: hook broke");
  });

  test("await using a handle cancels the task at the scope's end [X8]", () => {
    const world = new World();
    const { executor } = world;
    let cleaned = false;
    world.run(async () => {
      await using child = executor.spawn(async () => {
        try {
          await sleep(executor, 1000);
        } finally {
          cleaned = true;
        }
      });
      await sleep(executor, 1);
      expect(child.finished).toBe(false);
    });
    expect(cleaned).toBe(true);
    expect(world.timers.now()).toBe(1);
  });

  test("await using throws the error of a task that failed unjoined [X8] [X13]", () => {
    const world = new World();
    const { executor } = world;
    const scope = async (): Promise<void> => {
      await using _child = executor.spawn(() => Promise.reject(new Error("child broke")));
      await yieldNow(executor);
    };
    expect(() => world.run(scope)).toThrow("child broke");
    expect(executor.failures).toEqual([]);
  });

  test("cancelling the joiner leaves the joined task alone", () => {
    const world = new World();
    const { executor } = world;
    const inner = executor.spawn(async () => {
      await sleep(executor, 50);
      return "inner";
    });
    const outer = executor.spawn(() => inner.join());
    world.run(async () => {
      await sleep(executor, 1);
      await outer.cancel();
    });
    expect(outer.cancelled).toBe(true);
    expect(inner.task.outcome).toBe("inner");
  });
});

describe("the end of a task", () => {
  test("waits that the body did not await leave their queues and timers", () => {
    const world = new World();
    const { executor } = world;
    let cancels = 0;
    world.run(() => {
      void sleep(executor, 1000);
      executor.suspend("an operation", () => void cancels++);
    });
    expect(world.timers.pending).toBe(0);
    expect(cancels).toBe(1);
  });

  test("a promise of an ended task that somebody else awaits rejects with ERR_CANCELLED", () => {
    const world = new World();
    const { executor } = world;
    let given!: Promise<void>;
    executor.spawn(() => {
      given = sleep(executor, 1000);
    });
    world.settle();
    expect(world.run(() => codeOf(given))).toBe("ERR_CANCELLED");
  });
});
