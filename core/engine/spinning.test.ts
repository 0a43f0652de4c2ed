/** Drivers that would spin for ever are found by counting, and named. */
import { describe, expect, test } from "bun:test";
import { ms } from "../clock.ts";
import {
  NO_OPTIONS,
  defineProvider,
  layer,
  struct,
  type Driver,
  type Layer,
  type LayerContext,
  type Provider,
  type Wait,
} from "../provider/index.ts";
import { startRuntime } from "../runtime/start.ts";
import { assertNothingLeft } from "../testing/harness.ts";
import { SPINS_MAX, SpinWatch, WAKES_PER_INSTANT_MAX } from "./spin-watch.ts";

/** `spin` waits in the given way, and again, for ever; `nap` takes a millisecond. */
function spinning(wait: (run: LayerContext) => Wait): Provider {
  const spin = layer({
    name: "top.spin",
    frame: struct({}),
    wait: (_frame, run) => wait(run),
    complete: (_frame, run) => run.again(),
  });
  const nap = layer({
    name: "top.nap",
    frame: struct({}),
    wait: (_frame, run) => run.after(ms(1)),
    complete: (_frame, run) => run.done(0),
  });
  const driver = (): Driver => ({
    operations: { spin: spin as unknown as Layer, nap: nap as unknown as Layer },
    open() {},
    release() {},
  });
  return defineProvider({
    kind: "top",
    version: "1.0.0",
    stateVersion: 1,
    summary: "Spins",
    options: NO_OPTIONS,
    operations: {
      spin: { direction: "none", summary: "Never waits" },
      nap: { direction: "none", summary: "Waits a little" },
    },
    ends: { main: { operations: ["spin", "nap"] } },
    capabilities: { shortTransfers: false, cancel: true, restore: [] },
    emulated: driver,
  }) as unknown as Provider;
}

describe("a driver that spins", () => {
  test("without a wait fails its operation, and the others go on", async () => {
    const providers = [spinning((run) => run.ready())];
    const io = await startRuntime({ backend: "emulated", seed: 1, providers });
    await io.run(async () => {
      const end = (await io.open("top")) as { perform(name: string): Promise<number> };
      const nap = end.perform("nap");
      const error = await end.perform("spin").catch((reason: Error & { code: string }) => reason);
      expect(error).toMatchObject({ code: "ERR_PROVIDER_FAULT" });
      expect((error as Error).message).toContain("top.spin goes on for ever");
      expect(await nap).toBe(0);
    });
    await io.close();
    assertNothingLeft(io as never);
  });

  test("at one moment of virtual time ends the run with the layer's name", async () => {
    const providers = [spinning((run) => run.until(run.now()))];
    const io = await startRuntime({ backend: "emulated", seed: 1, providers });
    const run = io.run(async () => {
      const end = (await io.open("top")) as { perform(name: string): Promise<number> };
      await end.perform("spin");
    });
    const error = await run.catch((reason) => reason);
    expect(error.code).toBe("ERR_LIMIT");
    expect(error.message).toContain("the last one top.spin");
    await io.close();
  });
});

describe("SpinWatch", () => {
  test("usedUp() blames who never waits, and nobody who waits in between", () => {
    const watch = new SpinWatch();
    let isBlamed = false;
    for (let turn = 0; turn < 3 * SPINS_MAX; turn++) {
      isBlamed ||= watch.usedUp(7);
      if (turn % 1000 === 0) watch.suspect = -1;
    }
    expect(isBlamed).toBe(false);
    // Two that spin: the first is at fault, then the other one.
    const blamed: number[] = [];
    for (let turn = 0; turn < 2 * SPINS_MAX + 10; turn++) {
      for (const slot of [7, 8]) {
        if (blamed.includes(slot) || !watch.usedUp(slot)) continue;
        blamed.push(slot);
        watch.suspect = -1;
      }
    }
    expect(blamed).toEqual([7, 8]);
  });

  test("woken() minds neither time that moves nor operations that settle", () => {
    const watch = new SpinWatch();
    let stands = false;
    for (let i = 0; i < WAKES_PER_INSTANT_MAX; i++) stands ||= watch.woken(5, i >> 10);
    for (let i = 0; i < WAKES_PER_INSTANT_MAX; i++) stands ||= watch.woken(i >> 10, 5);
    expect(stands).toBe(false);
    for (let i = 0; i <= WAKES_PER_INSTANT_MAX; i++) stands = watch.woken(5, 5);
    expect(stands).toBe(true);
  });
});
