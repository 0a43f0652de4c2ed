/** What a runtime says to those who use it wrongly, and host promises, which are no mistake. */
import { describe, expect, test } from "bun:test";
import { ms } from "../clock.ts";
import type { RuntimeOptions } from "./options.ts";
import { startRuntime } from "./start.ts";

const started = () => startRuntime({ backend: "emulated", seed: 1 });
const codeOf = (error: { code?: string; name: string }): string => error.code ?? error.name;

describe("run() with promises of the host", () => {
  test("run() ends when the main task awaited a promise that ioreel did not make", async () => {
    await using io = await started();
    const result = await io.run(async () => {
      await Bun.sleep(5);
      await io.sleep(ms(1));
      return "done";
    });
    expect(result).toBe("done");
  });

  test("adopt() is waited for: it is no deadlock that nothing else can happen", async () => {
    await using io = await started();
    expect(await io.run(() => io.adopt(Bun.sleep(20).then(() => 7)))).toBe(7);
  });
});

test("a closed runtime refuses everything with ERR_CLOSED and hangs in nothing", async () => {
  const io = await started();
  await io.close();
  const attempts: (() => unknown)[] = [
    () => io.run(() => 1),
    () => io.spawn(() => 1),
    () => io.sleep(1),
    () => io.open("pipe"),
    () => io.buffer(1),
  ];
  for (const attempt of attempts) {
    const code = await Promise.try(attempt).then(() => "nothing", codeOf);
    expect([String(attempt), code]).toEqual([String(attempt), "ERR_CLOSED"]);
  }
});

test("startRuntime() refuses what is no option, or a wrong one, by name", async () => {
  const wrong: Record<string, unknown>[] = [
    { bogus: 1 },
    { backend: "foo" },
    { clock: "x" },
    { ramBytes: 1 },
    { arenaBytes: 0 },
    { limits: { slots: 0 } },
    { providers: [{}] },
    { record: 5 },
  ];
  for (const options of wrong) {
    const [name] = Object.keys(options);
    const error = await startRuntime(options as RuntimeOptions).catch((reason) => reason);
    expect(error).toBeInstanceOf(TypeError);
    expect(error.message).toContain(name!);
  }
});
