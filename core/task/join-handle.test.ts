/** Tests of spawning, joining and letting go. */
import { describe, expect, test } from "bun:test";
import { sleep } from "./sleep.ts";
import { codeOf } from "./codes.fixture.ts";
import { World } from "./world.fixture.ts";
import { yieldNow } from "./yield-now.ts";

describe("join", () => {
  test("spawn() starts without being awaited and join() gives the result [X7]", () => {
    const world = new World();
    const { executor } = world;
    let ran = false;
    const result = world.run(async () => {
      const handle = executor.spawn(() => {
        ran = true;
        return 123;
      });
      expect(ran).toBe(false);
      await yieldNow(executor);
      expect(ran).toBe(true);
      expect(handle.finished).toBe(true);
      return handle.join();
    });
    expect(result).toBe(123);
  });

  test("join() waits for a running task, and needs no turn when it is finished [X7]", () => {
    const world = new World();
    const { executor } = world;
    const handle = executor.spawn(async () => {
      await sleep(executor, 10);
      return "done";
    });
    expect(world.run(() => handle.join())).toBe("done");
    const other = executor.spawn(() => "at once");
    world.settle();
    const steps = executor.steps;
    expect(world.run(() => other.join())).toBe("at once");
    expect(executor.steps - steps).toBe(1);
  });

  test("join() consumes the handle [X7]", () => {
    const world = new World();
    const handle = world.executor.spawn(() => 1);
    expect(world.run(() => handle.join())).toBe(1);
    expect(world.run(() => codeOf(handle.join()))).toBe("ERR_BAD_HANDLE");
    expect(() => handle.detach()).toThrow("joined before");
  });

  test("a dropped handle and a detached one let the task run to its end [X7]", () => {
    const world = new World();
    const { executor } = world;
    const ends: string[] = [];
    const body = (name: string) => async (): Promise<void> => {
      await sleep(executor, 5);
      ends.push(name);
    };
    executor.spawn(body("dropped"));
    const detached = executor.spawn(body("detached"));
    detached.detach();
    expect(world.run(() => codeOf(detached.cancel()))).toBe("ERR_BAD_HANDLE");
    expect(world.run(() => codeOf(detached.join()))).toBe("ERR_BAD_HANDLE");
    world.drive();
    expect(ends).toEqual(["dropped", "detached"]);
  });

  test("a task can neither join nor cancel itself [X8]", () => {
    const world = new World();
    const { executor } = world;
    const codes: string[] = [];
    const handle = executor.spawn(async () => {
      await yieldNow(executor);
      codes.push(await codeOf(handle.join()), await codeOf(handle.cancel()));
      return "unharmed";
    });
    world.drive();
    expect(handle.task.outcome).toBe("unharmed");
    expect(codes).toEqual(["ERR_DEADLOCK", "ERR_DEADLOCK"]);
  });

  test("join() from host code settles when the driver flushes the host", async () => {
    const world = new World();
    const handle = world.executor.spawn(() => 5);
    const joined = handle.join();
    world.settle();
    expect(await joined).toBe(5);
  });
});
