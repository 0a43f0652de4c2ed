/** What a strict run traps: every name of the table, in tasks and in providers, and who did it. */
import { describe, expect, test } from "bun:test";
import { isReelError } from "../errors.ts";
import { startRuntime } from "../runtime/start.ts";
import { curious, type Deeds } from "./curious.fixture.ts";
import { escaped, refusal, USES } from "./uses.fixture.ts";

const strict = (deeds: Deeds = {}, backend: "emulated" | "uring" = "emulated") =>
  startRuntime({ backend, seed: 1, strict: true, providers: [curious(deeds)] });

const codeOf = (error: unknown): unknown => (isReelError(error) ? error.code : error);

describe("a strict run on the emulated machine", () => {
  test("traps every name of the table in a task, and says where it was used", async () => {
    await using io = await strict();
    expect(USES.length).toBeGreaterThan(400);
    expect(await io.run(async () => escaped())).toEqual([]);
    expect(await io.run(async () => (await io.yieldNow(), escaped()))).toEqual([]);
  });

  test("traps every name of the table in a provider's layers", async () => {
    const found: string[][] = [];
    const look = (): void => void found.push(escaped());
    await using io = await strict({ wait: look, complete: look });
    await io.run(async () => {
      const end = await io.open("curious");
      await end.perform("look");
    });
    expect(found).toEqual([[], []]);
  });

  test("traps what a driver does when it is made, opened, described and closed", async () => {
    const found: Record<string, string | undefined> = {};
    const deeds: Deeds = {};
    for (const name of ["factory", "open", "closeEnd", "release"] as const) {
      deeds[name] = () => {
        found[name] = refusal(() => [Date.now()])?.code;
      };
    }
    const io = await strict(deeds);
    // The host's code asks for it here, outside all tasks.
    const end = await io.open("curious");
    await end.close();
    await io.close();
    const code = "ERR_NONDETERMINISM";
    expect(found).toEqual({ factory: code, open: code, closeEnd: code, release: code });
  });

  test("ends with the provider's own error, which no task can swallow", async () => {
    const deeds: Deeds = { complete: () => void Math.random() };
    await using io = await strict(deeds);
    const error = await io
      .run(async () => {
        const end = await io.open("curious");
        await end.perform("look").catch(() => {});
        await end.perform("look").catch(() => {});
      })
      .catch((reason) => reason);
    expect(codeOf(error)).toBe("ERR_NONDETERMINISM");
    expect(error.message).toMatch(/Cannot call Math\.random\(\).+strict\.test\.ts:\d+/);
    expect(error.mend).toBe("Use io.random, in a provider cx.random");
  });

  test("names the line of a call that is the last thing its function does", async () => {
    await using io = await strict();
    const error = await io.run(() => Date.now()).catch((reason) => reason);
    expect(error.details.callSite).toMatch(/strict\.test\.ts:\d+:\d+/);
    expect(error.details.name).toBe("Date.now()");
  });

  test("names the task where no line is to be had", async () => {
    await using io = await strict();
    const main = globalThis.fetch as unknown as () => Promise<never>;
    const error = await io.run(main, { name: "main" }).catch((reason) => reason);
    expect(error.details.callSite).toBe('task "main"');
  });

  test("leaves alone what a replay can repeat", async () => {
    await using io = await strict();
    const seen = await io.run(async () => {
      await Promise.resolve();
      queueMicrotask(() => {});
      const date = new Date(86_400_000);
      const again = new (date.constructor as DateConstructor)(5);
      return [
        date.getHours(),
        again.getTime(),
        date instanceof Date,
        Date.UTC(1970, 0),
        Math.max(1),
      ];
    });
    expect(seen).toEqual([0, 5, true, 0, 1]);
  });
});
