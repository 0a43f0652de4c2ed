/** What a pool does twice: the same tasks on the same threads, and what its threads recorded. */
import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import {
  Runtime,
  isReelError,
  openRecording,
  type PoolOptions,
  type ReplayedTask,
} from "../../index.ts";
import { whyUnavailable } from "../testing/harness.ts";
import { JOBS, sharedWords } from "./jobs.fixture.ts";
import { threadSeed } from "./pool-options.ts";

const missing = await whyUnavailable("uring");
if (missing !== undefined) console.warn(`SKIPPED: recorded threads on uring: ${missing}`);

async function inFolder(body: (path: string) => Promise<void>): Promise<void> {
  const path = mkdtempSync(join(tmpdir(), "ioreel-pool-"));
  try {
    await body(path);
  } finally {
    rmSync(path, { recursive: true, force: true });
  }
}

/** Gives tasks in two goes, some of which wait for what was given before. */
async function draws(options: PoolOptions): Promise<unknown[]> {
  await using pool = await Runtime.pool({ threads: 2, backend: "emulated", ...options });
  const first = [3, 4, 5, 6].map((count) => pool.run(JOBS, "draw", count));
  await first[0]!.join();
  const bytes = new Uint8Array(6000).fill(2);
  const second = [
    pool.runOn(0, JOBS, "draw", 2),
    pool.runOn(1, JOBS, "throughPipe", bytes),
    pool.runOn(1, JOBS, "draw", 9),
  ];
  const results: unknown[] = [];
  for (const task of [...first.slice(1), ...second]) results.push(await task.join());
  return results;
}

test("equal seeds and places give equal results, whenever messages arrive", async () => {
  const once = await draws({ seed: 5 });
  expect(await draws({ seed: 5 })).toEqual(once);
  expect(await draws({ seed: 6 })).not.toEqual(once);
});

test("the seed of a thread follows from the pool's, its number and its life alone", () => {
  const seeds = [0, 1, 2].flatMap((thread) => [0, 1].map((life) => threadSeed(9, thread, life)));
  expect(new Set(seeds).size).toBe(6);
  expect(seeds.every((seed) => Number.isSafeInteger(seed) && seed >= 0)).toBe(true);
  expect(threadSeed(9, 1, 0)).toBe(seeds[2]!);
});

test("a machine that never comes to rest gets new work all the same", async () => {
  await using pool = await Runtime.pool({ threads: 1, backend: "emulated", seed: 1 });
  const restless = pool.run(JOBS, "tickForEver");
  expect(await pool.run<number>(JOBS, "add", 1, 2).join()).toBe(3);
  await Bun.sleep(1);
  expect(await pool.run<number>(JOBS, "add", 3, 4).join()).toBe(7);
  await restless.cancel();
  expect(restless.cancelled).toBe(true);
});

for (const [backend, blocking] of [
  ["emulated", false],
  ["uring", false],
  ["uring", true],
] as const) {
  const way = blocking ? `${backend}, blocking` : backend;
  test.skipIf(backend === "uring" && missing !== undefined)(
    `each thread records its own session, which replays identically (${way})`,
    () =>
      inFolder(async (recordDir) => {
        const pool = await Runtime.pool({ threads: 2, seed: 4, backend, blocking, recordDir });
        const draws = [2, 3, 4].map((count) => pool.run(JOBS, "draw", count));
        const results: unknown[] = [];
        for (const draw of draws) results.push(await draw.join());
        const waiting = pool.runOn(0, JOBS, "throughPipe", new Uint8Array(3000));
        results.push(await waiting.join());
        await pool
          .runOn(1, JOBS, "fail", "reel")
          .join()
          .catch(() => {});
        const { threads } = await pool.close();
        expect(await readdir(recordDir)).toEqual(["thread-0.reel", "thread-1.reel"]);
        const again: ReplayedTask[] = [];
        for (const [thread, { session }] of threads.entries()) {
          const path = join(recordDir, `thread-${thread}.reel`);
          expect([session?.path, session?.failure]).toEqual([path, undefined]);
          using recording = openRecording(path);
          const replay = await Runtime.replayThread(recording);
          again.push(...replay.tasks);
          expect([replay.session.identical, replay.session.failure]).toEqual([true, undefined]);
        }
        again.sort((a, b) => a.id - b.id);
        expect(again.map(({ status }) => status)).toEqual([
          ...Array.from({ length: 4 }, () => "completed" as const),
          "failed",
        ]);
        expect(again.slice(0, 4).map(({ value }) => value)).toEqual(results);
        expect(isReelError(again[4]!.error, "EPIPE")).toBe(true);
      }),
  );
}

test("a recorded task whose arguments cannot be kept is told of when it is replayed", () =>
  inFolder(async (recordDir) => {
    const pool = await Runtime.pool({ threads: 1, backend: "emulated", recordDir });
    await pool.run(JOBS, "throughPipe", new Uint8Array(20_000)).join();
    await pool.close();
    const path = join(recordDir, "thread-0.reel");
    using recording = openRecording(path);
    await expect(Runtime.replayThread(recording)).rejects.toThrow("its arguments were not kept");
  }));

test("a thread that took another's place has a recording of its own", () =>
  inFolder(async (recordDir) => {
    const pool = await Runtime.pool({ threads: 1, backend: "emulated", recordDir });
    await pool
      .run(JOBS, "exit", 1)
      .join()
      .catch(() => {});
    await pool.run(JOBS, "add", 1, 1).join();
    await pool.close();
    expect(await readdir(recordDir)).toContain("thread-0-2.reel");
    using recording = openRecording(join(recordDir, "thread-0-2.reel"));
    const { program } = recording.info.options as { program: unknown };
    expect(program).toMatchObject({ pool: { seed: pool.seed, thread: 0, life: 1 } });
  }));

test("options that make no pool are refused by name, before anything starts", async () => {
  const refused: [object, string][] = [
    [{ threads: 0 }, "threads must be a whole number from 1 to 1024: found 0"],
    [{ threads: 1.5 }, "threads must be a whole number"],
    [{ seed: -1 }, "seed must be a whole number from 0"],
    [{ record: "x.reel" }, "record is for one runtime: use recordDir"],
    [{ recordDir: "" }, "recordDir must be a path"],
    [{ blocking: "yes" }, "blocking must be true or false: found yes"],
    [{ blocking: true, backend: "emulated" }, "which the emulated backend has not"],
    [{ nothing: 1 }, 'there is no option "nothing"'],
    [{ providers: {} }, "providers must be a list of modules"],
    [{ providers: ["./not-there.ts"] }, 'Cannot find the module "./not-there.ts"'],
    [{ uring: { faults: { enter: () => 0 } } }, "its options must be plain data"],
    [{ closeTimeoutMs: 0 }, "closeTimeoutMs must be a whole number from 1"],
  ];
  for (const [options, message] of refused) {
    await expect(Runtime.pool(options as PoolOptions)).rejects.toThrow(message);
  }
  await expect(Runtime.pool({ recordDir: "/dev/null/x" })).rejects.toThrow("folder for recordings");
});

test.skipIf(missing !== undefined)(
  "threads that cannot be heard in the kernel have their event loops instead",
  async () => {
    const uring = { faults: { messages: "refuse" } } as const;
    await using pool = await Runtime.pool({ threads: 1, backend: "uring", blocking: true, uring });
    const words = sharedWords();
    const waiting = pool.run(JOBS, "waitForEver", words);
    // A timer of Bun's moves there.
    expect(await pool.run<string>(JOBS, "hostTimer").join()).toBe("fired");
    await waiting.cancel();
    expect(pool.threads[0]!.backend).toBe("uring");
  },
);
