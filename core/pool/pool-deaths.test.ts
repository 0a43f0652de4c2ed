/** Threads of a pool that die, do not end, or cannot begin; and what is left of those that end. */
import { expect, test } from "bun:test";
import { readFileSync, readdirSync, readlinkSync } from "node:fs";

import { Runtime, isReelError } from "../../index.ts";
import { whyUnavailable } from "../testing/harness.ts";
import { JOBS, SHARED, sharedWords } from "./jobs.fixture.ts";

const missing = await whyUnavailable("uring");
if (missing !== undefined) console.warn(`SKIPPED: deaths of threads on uring: ${missing}`);
const uringTest = test.skipIf(missing !== undefined);

const WAYS = [
  ["emulated", false],
  ["uring", false],
  ["uring", true],
] as const;

async function errorOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: unknown) => error,
  );
}

/** Rings among the descriptors, all of them, and threads that are workers: Bun has others. */
function leftovers(): { rings: number; descriptors: number; workers: number } {
  const links = readdirSync("/proc/self/fd").map((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      return "";
    }
  });
  const names = readdirSync("/proc/self/task").map((task) => {
    try {
      return readFileSync(`/proc/self/task/${task}/comm`, "utf8");
    } catch {
      return "";
    }
  });
  return {
    rings: links.filter((link) => link.includes("io_uring")).length,
    descriptors: links.length,
    workers: names.filter((name) => name.trim() === "Worker").length,
  };
}

/** What there was before, once the threads are gone: their last moments come after their exit. */
async function settled(before: ReturnType<typeof leftovers>): Promise<void> {
  for (let looks = 0; leftovers().workers > before.workers && looks < 2000; looks++) {
    await Bun.sleep(1);
  }
  // Descriptors of what came before this test may be closed meanwhile: fewer are no leftovers.
  const { descriptors, ...others } = leftovers();
  expect({ ...others, descriptors: Math.max(descriptors, before.descriptors) }).toEqual(before);
}

for (const [backend, blocking] of WAYS) {
  const way = blocking ? `${backend}, blocking` : backend;
  test.skipIf(backend === "uring" && missing !== undefined)(
    `a thread that exits fails its own tasks, loses no others, and is replaced (${way})`,
    async () => {
      const before = leftovers();
      const words = sharedWords();
      const pool = await Runtime.pool({ threads: 2, seed: 3, backend, blocking });
      const lost = pool.runOn(0, JOBS, "waitForEver", words);
      const other = pool.runOn(1, JOBS, "waitForEver", words);
      const mortal = pool.runOn(0, JOBS, "exit", 7);
      const error = await errorOf(mortal.join());
      if (!isReelError(error, "ERR_WORKER_DIED")) throw error;
      expect(error.message).toContain("thread 0 of the pool: it exited with code 7");
      expect(error.details).toEqual({ thread: 0, exitCode: 7 });
      expect(await errorOf(lost.join())).toBe(error);
      expect([lost.finished, lost.cancelled, other.finished]).toEqual([true, false, false]);
      const [first] = pool.threads;
      const fresh = pool.run<{ seed: number }>(JOBS, "whereAmI");
      // The thread has nothing to do any more, so it comes first.
      expect(fresh.thread).toBe(0);
      expect((await fresh.join()).seed).not.toBe(first!.seed);
      await other.cancel();
      expect(other.cancelled).toBe(true);
      const { threads, failures } = await pool.close();
      expect(threads.map(({ ended }) => ended)).toEqual(["closed", "closed"]);
      expect(failures).toEqual([]);
      await settled(before);
    },
  );
}

uringTest("what a thread throws outside of its tasks is told to all of its tasks", async () => {
  const pool = await Runtime.pool({ threads: 1, backend: "uring" });
  const words = sharedWords();
  const tasks = [pool.run(JOBS, "waitForEver", words), pool.run(JOBS, "throwOutside")];
  const [first, second] = await Promise.all(tasks.map((task) => errorOf(task.join())));
  if (!isReelError(first, "ERR_WORKER_DIED")) throw first;
  expect(second).toBe(first);
  expect(first.message).toContain("it failed: thrown in a timer");
  expect(String(first.cause)).toContain("thrown in a timer");
  const { threads } = await pool.close();
  expect(threads[0]).toMatchObject({ ended: "died", error: first });
});

test("a thread that does not end is terminated, and the end says so", async () => {
  const pool = await Runtime.pool({ threads: 1, backend: "emulated", closeTimeoutMs: 50 });
  const words = sharedWords();
  const spinning = pool.run(JOBS, "spin", words);
  const arrived = Atomics.waitAsync(words, SHARED.ARRIVED, 0);
  if (arrived.async) await arrived.value;
  const { threads } = await pool.close();
  expect(threads.map(({ ended }) => ended)).toEqual(["terminated"]);
  const error = await errorOf(spinning.join());
  expect(isReelError(error, "ERR_WORKER_DIED")).toBe(true);
  expect(String(error)).toContain("it was terminated, because it did not end in time");
});

uringTest("close() leaves no ring, no descriptor and no thread behind", async () => {
  const once = async (blocking: boolean, completions: "loop" | "thread"): Promise<void> => {
    const uring = { completions };
    await using pool = await Runtime.pool({ threads: 2, backend: "uring", blocking, uring });
    const bytes = new Uint8Array(20_000).fill(1);
    await Promise.all(pool.each(JOBS, "throughPipe", bytes).map((task) => task.join()));
  };
  const before = leftovers();
  await once(false, "loop");
  await once(true, "loop");
  await once(false, "thread");
  await settled(before);
});

test("a pool whose threads cannot start a runtime says why, and leaves none", async () => {
  const before = leftovers();
  const error = await errorOf(
    Runtime.pool({ threads: 2, backend: "uring", uring: { faults: { setupErrno: 1 } } }),
  );
  if (!isReelError(error, "ERR_BACKEND_UNAVAILABLE")) throw error;
  expect(error.mend).toBeDefined();
  const broken = await errorOf(
    Runtime.pool({ threads: 1, backend: "emulated", providers: [new URL("nowhere.ts", JOBS)] }),
  );
  expect(String(broken)).toContain("nowhere.ts");
  await settled(before);
});

test("a process ends although its idle pool is not closed, and not before its tasks", async () => {
  const program = `
    import { Runtime } from ${JSON.stringify(`${import.meta.dir}/../../index.ts`)};
    const pool = await Runtime.pool({ threads: 2, backend: "auto" });
    pool.run(${JSON.stringify(JOBS.href)}, "draw", 3).join().then(({ length }) => {
      console.log(length);
      pool.run(${JSON.stringify(JOBS.href)}, "add", 1, 1).detach();
    });`;
  const child = Bun.spawn([process.execPath, "-e", program], { stdout: "pipe", timeout: 10_000 });
  expect(await new Response(child.stdout).text()).toBe("4\n");
  expect(await child.exited).toBe(0);
});
