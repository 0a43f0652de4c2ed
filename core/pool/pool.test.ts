/** The pool of threads: who runs where and when, and what comes back. */
import { afterAll, expect, test as plainTest } from "bun:test";

import { Runtime, isReelError } from "../../index.ts";
import { whyUnavailable } from "../testing/harness.ts";
import { JOBS, SHARED, sharedWords } from "./jobs.fixture.ts";
import type { Pool } from "./pool.ts";

const missing = await whyUnavailable("uring");
if (missing !== undefined) console.warn(`SKIPPED: pools on uring: ${missing}`);

const WAYS = ["emulated", "uring", "uring, blocking"] as const;

const pools = new Map<string, Promise<Pool>>();

function start(way: (typeof WAYS)[number]): Promise<Pool> {
  const backend = way === "emulated" ? "emulated" : "uring";
  return Runtime.pool({ threads: 2, seed: 7, backend, blocking: way === "uring, blocking" });
}

afterAll(async () => {
  for (const pool of pools.values()) await (await pool).close();
});

/** Declares the test once for each kind of thread, on a pool that these tests share. */
function test(title: string, body: (pool: Pool) => Promise<void>): void {
  for (const way of WAYS) {
    plainTest.skipIf(way !== "emulated" && missing !== undefined)(`${title} (${way})`, async () => {
      const pool = pools.get(way) ?? start(way);
      pools.set(way, pool);
      await body(await pool);
    });
  }
}

/** The same on a pool of the test's own. */
function onFresh(title: string, body: (pool: Pool) => Promise<void>): void {
  for (const way of WAYS) {
    plainTest.skipIf(way !== "emulated" && missing !== undefined)(`${title} (${way})`, async () => {
      await using pool = await start(way);
      await body(pool);
    });
  }
}

test("turns of N threads overlap, and never more than N go on at once [X1]", async (pool) => {
  const words = sharedWords();
  // Each turn lasts until both threads have had one at the same time.
  const tasks = [0, 1, 2, 3, 4, 5].map(() => pool.run(JOBS, "overlap", words, 2, 4));
  for (const task of tasks) await task.join();
  expect(words[SHARED.MOST]).toBe(2);
  expect(words[SHARED.INSIDE]).toBe(0);
});

test("a task has all of its turns on the thread that it was given to [X1]", async (pool) => {
  const words = sharedWords();
  const places = await Promise.all(
    pool.each<{ threadId: number }>(JOBS, "whereAmI").map((task) => task.join()),
  );
  expect(new Set(places.map(({ threadId }) => threadId)).size).toBe(2);
  const tasks = Array.from({ length: 8 }, () => pool.run<number[]>(JOBS, "overlap", words, 2, 6));
  expect(tasks.map(({ thread }) => thread)).toEqual([0, 1, 0, 1, 0, 1, 0, 1]);
  for (const task of tasks) expect(await task.join()).toEqual([places[task.thread]!.threadId]);
});

test("run() gives a task to the thread that has the fewest, the first on a tie", async (pool) => {
  const words = sharedWords();
  const waiting = [0, 0, 1, 0].map((thread) => pool.runOn(thread, JOBS, "waitForEver", words));
  expect(pool.threads.map(({ load }) => load)).toEqual([3, 1]);
  const more = [1, 2, 3].map(() => pool.run(JOBS, "waitForEver", words));
  expect(more.map(({ thread }) => thread)).toEqual([1, 1, 0]);
  for (const task of waiting) await task.cancel();
  expect(pool.threads.map(({ load }) => load)).toEqual([1, 2]);
  for (const task of more) await task.cancel();
  expect(pool.threads.map(({ load }) => load)).toEqual([0, 0]);
});

test("arguments and results are clones, and shared memory stays shared", async (pool) => {
  expect(await pool.run<number>(JOBS, "add", 2, 3).join()).toBe(5);
  const bytes = new Uint8Array(9000).map((_, at) => at & 0xff);
  const task = pool.run<Uint8Array>(JOBS, "throughPipe", bytes);
  expect(await task.join()).toEqual(bytes);
  expect([task.finished, task.cancelled]).toEqual([true, false]);
  expect(() => pool.run(JOBS, "add", () => 1)).toThrow("its arguments cannot be cloned");
  const back = pool.run(JOBS, "uncloneable").join();
  expect(await back.catch((error: Error) => error.message)).toContain(
    "result: it cannot be cloned",
  );
});

test("join() throws what the function threw, with all that is known of it", async (pool) => {
  const thrown = async (kind: string): Promise<unknown> =>
    pool
      .run(JOBS, "fail", kind)
      .join()
      .catch((error: unknown) => error);
  const reel = await thrown("reel");
  if (!isReelError(reel, "EPIPE")) throw new Error(Bun.inspect(reel));
  expect([reel.mend, reel.details, reel.cause]).toEqual([
    "Read",
    { bytes: 5 },
    new TypeError("the cause"),
  ]);
  expect(reel.stack).toContain("jobs.fixture.ts");
  const range = (await thrown("range")) as RangeError & { code: string };
  expect([range instanceof RangeError, range.code, range.message]).toEqual([
    true,
    "EFAR",
    "out of range",
  ]);
  const many = (await thrown("many")) as AggregateError;
  expect([many instanceof AggregateError, many.errors]).toEqual([true, [new RangeError("one")]]);
  expect(await thrown("text")).toBe("no error at all");
});

test("cancel() ends a task in its thread, and settles after its clean-up", async (pool) => {
  const words = sharedWords();
  const tasks = pool.each(JOBS, "waitForEver", words);
  for (let inside = 0; inside < 2; inside = Atomics.load(words, SHARED.INSIDE)) {
    const wait = Atomics.waitAsync(words, SHARED.INSIDE, inside);
    if (wait.async) await wait.value;
  }
  expect(await tasks[0]!.cancel()).toBeUndefined();
  expect(tasks.map(({ cancelled }) => cancelled)).toEqual([true, false]);
  expect(Atomics.load(words, SHARED.INSIDE)).toBe(1);
  expect(await tasks[0]!.cancel()).toBeUndefined();
  expect(await tasks[0]!.join().catch((error: { code: string }) => error.code)).toBe(
    "ERR_CANCELLED",
  );
  // One that has not begun never does.
  const unbegun = pool.run(JOBS, "waitForEver", words);
  await unbegun.cancel();
  expect([unbegun.cancelled, Atomics.load(words, SHARED.INSIDE)]).toEqual([true, 1]);
  await tasks[1]!.cancel();
  const done = pool.run<number>(JOBS, "add", 1, 1);
  expect(await done.cancel().then((sum) => sum ?? 2)).toBe(2);
});

onFresh("close() cancels what is left, and every thread ends by itself", async (pool) => {
  const words = sharedWords();
  const tasks = pool.each(JOBS, "waitForEver", words);
  const joins = tasks.map((task) => task.join().catch((error: { code: string }) => error.code));
  const end = await pool.close();
  expect(end.threads.map(({ ended, error }) => [ended, error])).toEqual([
    ["closed", undefined],
    ["closed", undefined],
  ]);
  expect(end.failures).toEqual([]);
  expect(await Promise.all(joins)).toEqual(["ERR_CANCELLED", "ERR_CANCELLED"]);
  expect(Atomics.load(words, SHARED.INSIDE)).toBe(0);
  expect(() => pool.run(JOBS, "add", 1, 1)).toThrow("Cannot run a task: the pool is closed");
  expect(await pool.close()).toBe(end);
});

test("what is wrong with a module or an export fails that task alone", async (pool) => {
  const message = (name: string, module: string | URL = JOBS): Promise<string> =>
    pool
      .run(module, name)
      .join()
      .then(String, (error: Error) => error.message);
  expect(await message("nowhere")).toContain("must export a function of that name: found no such");
  expect(await message("notAFunction")).toContain("found number");
  expect(await message("x", new URL("./no-such-module.ts", JOBS))).toContain("no-such-module");
  expect(() => pool.run("./no-such-module.ts", "x")).toThrow('Cannot find the module "./no-such');
  expect(() => pool.run("", "x")).toThrow("it must be a URL or a path");
  expect(() => pool.runOn(2, JOBS, "add")).toThrow("thread must be from 0 to 1: found 2");
  expect(await pool.run<number>(JOBS, "add", 20, 3).join()).toBe(23);
});

test("a handle is joined or detached once, and a lost failure is told at the end", async (pool) => {
  const task = pool.run(JOBS, "add", 1, 2);
  await task.join();
  expect(await task.join().catch((error: { code: string }) => error.code)).toBe("ERR_BAD_HANDLE");
  expect(() => task.detach()).toThrow("its handle was joined before");
  const ended = pool.runOn(1, JOBS, "fail", "range");
  const detached = pool.runOn(1, JOBS, "fail", "reel");
  detached.detach();
  expect(await detached.cancel().catch((error: { code: string }) => error.code)).toBe(
    "ERR_BAD_HANDLE",
  );
  await pool.runOn(0, JOBS, "leaveFailure").join();
  await pool.runOn(1, JOBS, "add", 1, 1).join();
  const { failures, threads } = await pool.close();
  const told = failures.map(({ name, thread, error }) => [name, thread, error]);
  expect(told).toEqual([ended, detached].map(({ name, failure }) => [name, 1, failure]));
  expect((threads[0]!.error as Error).message).toBe("nobody joined me");
});

plainTest("a pool that goes out of scope throws what nobody took", async () => {
  const leave = async (kinds: string[]): Promise<void> => {
    await using pool = await Runtime.pool({ threads: 1, backend: "emulated" });
    for (const kind of kinds) pool.run(JOBS, "fail", kind);
    await pool.run(JOBS, "add", 1, 1).join();
  };
  await leave([]);
  await expect(leave(["range"])).rejects.toThrow("out of range");
  await expect(leave(["range", "reel"])).rejects.toThrow("failed and not joined: fail of file:");
});
