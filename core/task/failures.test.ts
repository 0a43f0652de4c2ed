/** Tests of what becomes of failures: no error of a task disappears. */
import { describe, expect, test } from "bun:test";
import { World } from "./world.fixture.ts";

describe("failures", () => {
  test("failures lists a failed task that nobody joined, also a detached one [X13]", () => {
    const world = new World();
    const { executor } = world;
    executor.spawn(() => Promise.reject(new Error("a")), { name: "a" });
    executor
      .spawn(
        () => {
          throw new Error("b");
        },
        { name: "b" },
      )
      .detach();
    world.settle();
    expect(executor.failures.map((failure) => failure.name)).toEqual(["a", "b"]);
    expect(executor.failures.map((failure) => String(failure.error))).toEqual([
      "Error: a",
      "Error: b",
    ]);
  });

  test("joining a failed task takes its error off the list [X13]", () => {
    const world = new World();
    const { executor } = world;
    const handle = executor.spawn(() => Promise.reject(new Error("late")));
    world.settle();
    expect(executor.failures).toHaveLength(1);
    expect(() => world.run(() => handle.join())).toThrow("late");
    expect(executor.failures).toHaveLength(0);
  });

  test("a failure goes to the joiner and nowhere else [X13]", () => {
    const world = new World();
    const { executor } = world;
    const caught = world.run(async () => {
      const handle = executor.spawn(() => Promise.reject(new Error("mine")));
      return handle.join().catch(String);
    });
    expect(caught).toBe("Error: mine");
    expect(executor.failures).toHaveLength(0);
  });
});
