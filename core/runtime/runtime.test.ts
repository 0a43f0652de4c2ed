/** Runs: what `run` waits for, what makes it fail, and how it knows that nothing can happen. */
import { describe, expect, test } from "bun:test";
import { ms, seconds } from "../clock.ts";
import { startBlockingRuntime, startRuntime } from "./start.ts";

const started = () => startRuntime({ backend: "emulated", seed: 1 });

describe("run()", () => {
  test("run() gives 123 from a spawned task that slept, as in the notes [X6, X7]", async () => {
    await using io = await started();
    const result = await io.run(async () => {
      const handle = io.spawn(async () => {
        await io.sleep(seconds(1));
        return 123;
      });
      return handle.join();
    });
    expect(result).toBe(123);
    expect(io.now()).toBe(seconds(1));
  });

  test("run() waits for tasks that are left, cancels or detaches them as told [X6]", async () => {
    for (const [tasks, wanted] of [
      ["wait", 1],
      ["cancel", -1],
      ["detach", 0],
    ] as const) {
      await using io = await started();
      let seen = 0;
      await io.run(
        async () => {
          io.spawn(async () => {
            await io.sleep(ms(5)).catch((error) => {
              seen = -1;
              throw error;
            });
            seen = 1;
          });
          await io.yieldNow();
        },
        { tasks },
      );
      expect(seen).toBe(wanted);
    }
  });

  test("run() fails when a task fails that nobody joins [X7, X13]", async () => {
    await using io = await started();
    const run = io.run(async () => {
      io.spawn(async () => {
        throw new Error("lost");
      });
    });
    expect(await run.catch((error) => error.message)).toBe("lost");
  });

  test("run() ends with ERR_CLOSED when the runtime is closed under it", async () => {
    const io = await started();
    const log: string[] = [];
    const run = io.run(async () => {
      try {
        await io.executor.suspend("nothing").promise;
      } finally {
        await io.sleep(ms(1));
        log.push("cleaned");
      }
    });
    await Bun.sleep(0);
    const [error] = await Promise.all([run.catch((reason) => reason), io.close()]);
    expect(error.code).toMatch(/ERR_CLOSED|ERR_DEADLOCK/);
    expect(log).toEqual(["cleaned"]);
  });

  test("run() hears of a close that comes before its first turn", async () => {
    const io = await started();
    const run = io.run(() => 1).catch((reason) => reason.code);
    await io.close();
    expect(await run).toBe("ERR_CLOSED");
  });

  test("run() ends with ERR_CLOSED although a task waits for what never comes", async () => {
    const io = await started();
    const run = io.run(async () => {
      io.spawn(() => new Promise(() => {}));
      await new Promise(() => {});
    });
    await Bun.sleep(0);
    await io.close();
    expect(await run.catch((error) => error.code)).toBe("ERR_CLOSED");
  });

  test("run() ends with ERR_DEADLOCK although a task takes no notice of its end", async () => {
    const io = await started();
    const stubborn = async (): Promise<never> => {
      for (;;) await io.executor.suspend("Godot").promise.catch(() => {});
    };
    expect(await io.run(stubborn).catch((error) => error.code)).toBe("ERR_DEADLOCK");
    await io.close();
  });

  test("run() refuses to nest [X6]", async () => {
    await using io = await started();
    const code = await io.run(() => io.run(() => 1).catch((error) => error.code));
    expect(code).toBe("ERR_OPERATION_BUSY");
  });

  test("run() ends with ERR_DEADLOCK, listing what each task waits for", async () => {
    await using io = await started();
    const run = io.run(async () => {
      const first = io.spawn(() => io.executor.suspend("the second task").promise, { name: "one" });
      await first.join();
    });
    const error = await run.catch((reason) => reason);
    expect(error.code).toBe("ERR_DEADLOCK");
    expect(error.message).toContain("one waits for the second task");
    expect(error.message).toContain('main waits for task "one" to end');
  });

  test("run() cleans up after a deadlock: finally-blocks run", async () => {
    await using io = await started();
    let cleaned = false;
    const run = io.run(async () => {
      try {
        await io.executor.suspend("nothing").promise;
      } finally {
        await io.sleep(ms(1));
        cleaned = true;
      }
    });
    expect(await run.catch((error) => error.code)).toBe("ERR_DEADLOCK");
    expect(cleaned).toBe(true);
  });

  test("runBlocking() drives on its own thread, also through timers [X6]", () => {
    const io = startBlockingRuntime({ backend: "emulated", seed: 1 });
    expect(
      io.runBlocking(async () => {
        await io.sleep(ms(3));
        return io.now();
      }),
    ).toBe(ms(3));
  });

  test("a task holds its turn until it waits: nobody runs beside it [X2]", async () => {
    await using io = await started();
    const log: string[] = [];
    await io.run(async () => {
      const other = io.spawn(() => void log.push("other"));
      for (let i = 0; i < 1000; i++) log.push("main");
      await other.join();
    });
    expect(log.indexOf("other")).toBe(1000);
  });

  test("a runtime driven inside a task of another leaves that task current [C9]", async () => {
    await using outer = await started();
    await outer.run(async () => {
      const before = outer.executor.current;
      const inner = startBlockingRuntime({ backend: "emulated", seed: 2 });
      const seen = inner.runBlocking(async () => {
        await inner.sleep(ms(1));
        return inner.executor.current?.name;
      });
      expect(seen).toBe("main");
      expect(outer.executor.current).toBe(before);
      await outer.sleep(ms(1));
      expect(outer.executor.current).toBe(before);
    });
  });

  test("the same seed permutes ready tasks in the same way, another differently", async () => {
    const order = async (seed: number): Promise<number[]> => {
      await using io = await startRuntime({ backend: "emulated", seed, permute: true });
      const log: number[] = [];
      await io.run(async () => {
        for (let i = 0; i < 8; i++) io.spawn(() => void log.push(i));
      });
      return log;
    };
    expect(await order(5)).toEqual(await order(5));
    expect(await order(5)).not.toEqual(await order(6));
    expect((await order(5)).toSorted()).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  });
});

describe("startRuntime()", () => {
  test("startRuntime() falls back and says why when io_uring is forbidden", async () => {
    await using io = await startRuntime({ uring: { faults: { setupErrno: 38 } }, seed: 1 });
    expect(io.backend).toBe("emulated");
    expect(io.rejected.map(({ name }) => name)).toEqual(["uring"]);
    expect(io.rejected[0]!.mend.length).toBeGreaterThan(10);
  });

  test("startRuntime() fails when io_uring is insisted on and cannot be had", async () => {
    const attempt = startRuntime({ backend: "uring", uring: { faults: { setupErrno: 1 } } });
    const error = await attempt.catch((reason) => reason);
    expect(error.code).toBe("ERR_BACKEND_UNAVAILABLE");
    expect(error.mend.length).toBeGreaterThan(10);
  });

  test("startRuntime() refuses a seed that is no whole number", async () => {
    const error = await startRuntime({ seed: 1.5 }).catch((reason) => reason);
    expect(error).toBeInstanceOf(RangeError);
  });
});
