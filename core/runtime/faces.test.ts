/** The methods that providers add to a runtime, and what they are made of. */
import { describe, expect, test } from "bun:test";
import { seconds } from "../clock.ts";
import { isReelError } from "../errors.ts";
import { assertNothingLeft } from "../testing/harness.ts";
import { faceOnly, makeNet } from "./net.fixture.ts";
import { startBlockingRuntime, startRuntime } from "./start.ts";

const net = () => makeNet().provider;
const started = () => startRuntime({ backend: "emulated", seed: 1, providers: [net()] });

describe("a provider's face", () => {
  test("adds its methods to every runtime with the provider, also in run() [O4]", async () => {
    await using io = await started();
    const handle: number = await io.dial();
    expect(await io.run(async (inside) => inside.dial())).not.toBe(handle);
    const blocking = startBlockingRuntime({ backend: "emulated", seed: 1, providers: [net()] });
    expect(blocking.runBlocking((inside) => inside.dial())).toBe(handle);
    await blocking.close();
    // It is no part of a runtime without the provider, and none that a copy would take along.
    const without = await startRuntime({ backend: "emulated", seed: 1 });
    expect(["dial" in without, Object.keys(io).includes("dial")]).toEqual([false, false]);
    await without.close();
  });

  test("is given the runtime's clock, buffers, sleep and ends, and no more", async () => {
    await using io = await started();
    const host = io.host();
    await io.run(() => host.sleep(seconds(1)));
    expect([host.backend, host.now(), io.now()]).toEqual(["emulated", seconds(1), seconds(1)]);
    const buffer = host.buffer(8);
    expect(buffer.sizeBytes).toBe(8);
    buffer.dispose();
    const end = await host.open("net");
    expect([host.end(end.handle) === end, io.end(end.handle) === end]).toEqual([true, true]);
    expect([end.kind, end.name]).toEqual(["net", "main"]);
    await end.close();
    expect(() => host.end(end.handle)).toThrow("it was closed");
    expect(() => host.end(7)).toThrow("no such handle");
  });

  test("opens nothing that has several ends, and nothing in a closed runtime", async () => {
    const providers = [net(), faceOnly("two", {})] as const;
    const io = await startRuntime({ backend: "emulated", seed: 1, providers });
    const host = io.host();
    expect(await host.open("two").catch((error) => error.message)).toContain("it has 2 ends");
    assertNothingLeft(io as never);
    await io.close();
    const uses: (() => unknown)[] = [() => host.open("net"), () => host.buffer(8)];
    const codes = uses.map((use) => Promise.try(use).catch((error) => error.code));
    expect(await Promise.all(codes)).toEqual(["ERR_CLOSED", "ERR_CLOSED"]);
  });

  test("that takes a name of the runtime's or another's, or no method, is refused", async () => {
    const wrong: [string, unknown, string][] = [
      ["open", () => {}, 'it adds "open" to the runtime: the name is taken'],
      ["seed", () => {}, '"seed" to the runtime: the name is taken'],
      ["then", () => {}, '"then" to the runtime: the name is taken'],
      ["dial", () => {}, '"dial" to the runtime: the name is taken'],
      ["toString", () => {}, '"toString" to the runtime: the name is taken'],
      ["port", 80, '"port" to the runtime: it must be a function'],
    ];
    for (const [name, method, text] of wrong) {
      const providers = [net(), faceOnly("two", { [name]: method })];
      const error = await startRuntime({ backend: "emulated", providers }).catch(
        (thrown) => thrown,
      );
      expect([name, isReelError(error, "ERR_PLUGIN_INVALID")]).toEqual([name, true]);
      expect(error.message).toContain(text);
    }
  });

  test("has methods that may use each other", async () => {
    const methods = {
      base: () => 41,
      next(this: { base(): number }) {
        return this.base() + 1;
      },
    };
    const providers = [faceOnly("counter", methods)];
    await using io = await startRuntime({ backend: "emulated", seed: 1, providers });
    const { next } = io as unknown as { next(): number };
    expect(next()).toBe(42);
  });
});
