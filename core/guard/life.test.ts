/** When the traps are there: for how long, for whom, with how many runtimes, and what is left. */
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { randomUUID } from "node:crypto";
import { hrtime } from "node:process";
import { ms } from "../clock.ts";
import { startBlockingRuntime, startRuntime } from "../runtime/start.ts";
import { curious } from "./curious.fixture.ts";
import { HOLDERS, TRAPS } from "./names.ts";
import { escaped, refusal, USES } from "./uses.fixture.ts";

const start = (strict = true) => startRuntime({ backend: "emulated", seed: 1, strict });

/** The host as it is: every property that can be trapped, and some named imports. */
function host(): unknown[] {
  const properties = TRAPS.flatMap(({ names, on }) => {
    const holder = HOLDERS[on]?.() ?? (import.meta.require(on) as object);
    const list = names === "all" ? Object.keys(holder) : names;
    return list.map((name) => [on, name, Object.getOwnPropertyDescriptor(holder, name)]);
  });
  return [...properties, readFileSync, randomUUID, hrtime, Date.prototype.constructor];
}

const now = (): unknown => [Date.now()];
const file = (): unknown => [readFileSync(import.meta.path)];
const code = (call: () => unknown): string | undefined => refusal(call)?.code;
const TRAPPED = "ERR_NONDETERMINISM";

describe("the traps of strict runs", () => {
  test("are not there without a strict runtime, and gone after it without a trace", async () => {
    const before = host();
    const io = await start();
    expect(host()).not.toEqual(before);
    await io.run(async () => expect(code(file)).toBe(TRAPPED));
    await io.close();
    const after = host();
    expect(after.length).toBe(before.length);
    for (const [at, wanted] of before.entries()) expect(after[at]).toEqual(wanted);
    await (
      await start(false)
    ).run(async () => {
      expect([code(now), code(file)]).toEqual([undefined, undefined]);
    });
  });

  test("let the host's code pass, also while tasks wait", async () => {
    await using io = await start();
    const running = io.run(async () => {
      const before = code(now);
      await io.sleep(ms(5));
      return [before, code(now)];
    });
    expect([code(now), code(file)]).toEqual([undefined, undefined]);
    await Bun.sleep(1);
    expect([code(now), code(file)]).toEqual([undefined, undefined]);
    expect(await running).toEqual([TRAPPED, TRAPPED]);
    expect([code(now), code(file)]).toEqual([undefined, undefined]);
  });

  test("stay until the last strict runtime is closed, in whichever order", async () => {
    const first = await start();
    const second = await start();
    const lax = await start(false);
    await first.close();
    await first.close();
    expect(await second.run(async () => code(now))).toBe(TRAPPED);
    expect(await lax.run(async () => code(now))).toBeUndefined();
    const third = await start();
    await second.close();
    expect(await third.run(async () => escaped(USES.slice(0, 20)))).toEqual([]);
    await third.close();
    expect(await lax.run(async () => code(file))).toBeUndefined();
    await lax.close();
  });

  test("nest: a strict run inside a lax one, and a lax one inside a strict one", async () => {
    await using lax = await start(false);
    await using strict = await start();
    const inner = startBlockingRuntime({ backend: "emulated", seed: 2, strict: true });
    const other = startBlockingRuntime({ backend: "emulated", seed: 3 });
    const nested = await lax.run(async () => {
      const before = code(now);
      const inside = inner.runBlocking(async () => code(now));
      return [before, inside, code(now)];
    });
    expect(nested).toEqual([undefined, TRAPPED, undefined]);
    // What runs inside a strict task is the strict task's doing.
    const around = await strict.run(async () => {
      const inside = other.runBlocking(async () => code(now));
      const deeper = inner.runBlocking(async () => code(now));
      return [inside, deeper, code(now)];
    });
    expect(around).toEqual([TRAPPED, TRAPPED, TRAPPED]);
    await inner.close();
    await other.close();
  });

  test("are taken away again when the start fails", async () => {
    const before = host();
    const providers = [
      curious({
        factory() {
          throw new Error("no such thing");
        },
      }),
    ];
    const failed = startRuntime({ backend: "emulated", seed: 1, strict: true, providers });
    expect(await failed.catch((error) => error.code)).toBe("ERR_PLUGIN_INVALID");
    expect(host()).toEqual(before);
  });

  test("go with a run that fails, is interrupted, or throws in the middle of a turn", async () => {
    const io = await start();
    await io.run(() => Promise.reject(new Error("out"))).catch(() => {});
    expect(code(now)).toBeUndefined();
    const running = io.run(async () => io.sleep(ms(1e9)));
    io.interrupt();
    await running.catch(() => {});
    expect(code(now)).toBeUndefined();
    await io.close();
    expect(code(now)).toBeUndefined();
  });

  test("leave what the program puts in their place, and what was there before", async () => {
    const before = globalThis.fetch;
    const { random } = Math;
    const mine = (async () => new Response("mine")) as unknown as typeof fetch;
    Math.random = () => 0.5;
    const io = await start();
    await io.run(async () => {
      globalThis.fetch = mine;
      expect(await (await fetch("")).text()).toBe("mine");
      expect(code(() => [Math.random()])).toBe(TRAPPED);
    });
    await io.close();
    expect([globalThis.fetch, Math.random()]).toEqual([mine, 0.5]);
    Object.assign(globalThis, { fetch: before });
    Math.random = random;
    expect(Object.getOwnPropertyDescriptor(globalThis, "fetch")).toMatchObject({ writable: true });
  });

  test("come with a fixed time zone, which the host gets back", async () => {
    const zone = (): string => new Intl.DateTimeFormat().resolvedOptions().timeZone;
    const before = zone();
    process.env["TZ"] = "Asia/Kolkata";
    const io = await start();
    expect(await io.run(async () => [zone(), new Date(0).getHours()])).toEqual(["UTC", 0]);
    await io.close();
    expect([zone(), new Date(0).getMinutes()]).toEqual(["Asia/Kolkata", 30]);
    process.env["TZ"] = before;
  });

  test("leave modules whole for whoever imports them later, by default or by name", async () => {
    const index = JSON.stringify(new URL("../../index.ts", import.meta.url).pathname);
    const importer = `
      import { Runtime } from ${index};
      const io = await Runtime.start({ backend: "emulated", seed: 1, strict: true });
      const during = (await import("node:child_process")).default;
      await io.run(() => io.sleep(1));
      await io.close();
      const after = await import("node:child_process");
      const { Http2ServerRequest } = await import("node:http2");
      const { readFile } = (await import("node:fs/promises")).default;
      console.log(typeof during.spawn, typeof after.default.spawn, typeof after.spawn);
      console.log(typeof Http2ServerRequest, typeof readFile);`;
    const child = Bun.spawn([process.execPath, "-e", importer], { stderr: "inherit" });
    expect(await new Response(child.stdout).text()).toBe(
      "function function function\nfunction function\n",
    );
  });
});
