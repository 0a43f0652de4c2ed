/** Operations that an AbortSignal ends, and what errors say about the place where they happened. */
import { describe, expect, test } from "bun:test";
import { ms } from "../clock.ts";
import { assertNothingLeft } from "../testing/harness.ts";
import { makeNet } from "./net.fixture.ts";
import { startRuntime } from "./start.ts";

async function started(limits = {}) {
  const { provider } = makeNet();
  const io = await startRuntime({ backend: "emulated", seed: 1, providers: [provider], limits });
  return { io, end: await io.open("net") };
}

/** A signal that counts its listeners. */
function counted() {
  const controller = new AbortController();
  const { signal } = controller;
  let listeners = 0;
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  signal.addEventListener = (...words: Parameters<typeof add>) => (listeners++, add(...words));
  signal.removeEventListener = (...words: Parameters<typeof remove>) => {
    listeners--;
    remove(...words);
  };
  return { controller, signal, listeners: () => listeners };
}

describe("an operation with a signal", () => {
  test("that is aborted before it starts rejects with the reason and starts nothing", async () => {
    const { io, end } = await started();
    const reason = new Error("never mind");
    const signal = AbortSignal.abort(reason);
    const attempts = [
      end.receive(8, { signal }),
      end.read(8, { signal }),
      end.write("go", { signal }),
      end.readInto(new Uint8Array(8), { signal }),
      end.perform("accept", undefined, { signal }),
    ];
    for (const attempt of attempts) expect(await attempt.catch((error) => error)).toBe(reason);
    expect([io.counters()["started"], io.engine.state.pool.live]).toEqual([2, 0]);
    await io.close();
  });

  test("is cancelled when it is aborted, and rejects with the reason", async () => {
    const { io, end } = await started();
    const { controller, listeners, signal } = counted();
    const buffer = io.buffer(8);
    const reads = [end.receive(8, { signal }), end.readInto(buffer, { signal })];
    expect(listeners()).toBe(2);
    controller.abort("enough");
    for (const read of reads) expect(await read.catch((error) => error)).toBe("enough");
    expect([listeners(), buffer.isBorrowed]).toEqual([0, false]);
    buffer.dispose();
    await end.close();
    assertNothingLeft(io as never);
    await io.close();
  });

  test("that was over first delivers what it brought, and loses nothing", async () => {
    const { io, end } = await started();
    const { controller, listeners, signal } = counted();
    const read = end.receive(8, { signal });
    await end.write("go");
    controller.abort();
    expect((await read).length).toBe(5);
    expect(listeners()).toBe(0);
    await io.close();
  });

  test("gives up its place where it waits for a slot, and takes none", async () => {
    const { io, end } = await started({ table: { slots: 2 } });
    const { controller, listeners, signal } = counted();
    const first = end.receive(8);
    const second = end.readInto(new Uint8Array(8), { signal });
    const third = end.receive(8);
    controller.abort("enough");
    expect(await second.catch((error) => error)).toBe("enough");
    expect([listeners(), io.engine.state.pool.live]).toEqual([0, 0]);
    for (const read of [first, third]) read.catch(() => {});
    await io.close();
  });

  test("leaves no listener behind, however many there were, and however they end", async () => {
    const { io, end } = await started();
    const { listeners, signal } = counted();
    await io.run(async () => {
      for (let i = 0; i < 1000; i++) await end.write("go", { signal });
      const reads = Array.from({ length: 100 }, () => end.receive(1, { signal }));
      await end.write("reset");
      expect((await Promise.allSettled(reads)).every(({ status }) => status === "rejected")).toBe(
        true,
      );
      const task = io.spawn(() => end.receive(8, { signal }));
      await io.yieldNow();
      await task.cancel();
    });
    expect(listeners()).toBe(0);
    const last = end.receive(8, { signal });
    last.catch(() => {});
    await io.close();
    expect(listeners()).toBe(0);
  });

  test("ends an opening that waits, and leaves nothing open", async () => {
    const { io, end } = await started();
    const { controller, listeners, signal } = counted();
    const dialled = io.dial(signal);
    await io.sleep(ms(1));
    controller.abort("enough");
    expect(await dialled.catch((error) => error)).toBe("enough");
    expect([await io.dial(signal).catch((error) => error), listeners()]).toEqual(["enough", 0]);
    await end.close();
    assertNothingLeft(io as never);
    await io.close();
  });
});

describe("the error of an operation", () => {
  test("says where it happened and why, in words, for as long as the driver knows", async () => {
    const { io, end } = await started();
    const read = end.receive(8);
    await end.write("reset");
    const error = await read.catch((reason) => reason);
    expect(error.message).toBe("Cannot read net host 0: the connection was reset (ECONNRESET)");
    expect(error.details).toMatchObject({ address: "host 0", kind: "net", operation: "read" });
    const late = end.receive(8);
    const closing = end.close();
    const cancelled = await late.catch((reason) => reason);
    expect(cancelled.message).toMatch(
      /^Cannot read net( host 0)?: it was cancelled \(ECANCELED\)$/,
    );
    await closing;
    await io.close();
  });

  test("stands a driver that cannot say where it happened", async () => {
    const { io, end } = await started();
    const [entry] = io.engine.state.providers;
    entry!.driver.describe = () => {
      throw new Error("the socket has no name");
    };
    const read = end.receive(8);
    await end.write("reset");
    const error = await read.catch((reason) => reason);
    expect(error.message).toBe("Cannot read net: the connection was reset (ECONNRESET)");
    expect("address" in error.details).toBe(false);
    await io.close();
  });
});
