/** Services in a runtime: with opening and closing, the end of a program, faults and deadlocks. */
import { describe, expect, test } from "bun:test";
import { ms, seconds } from "../clock.ts";
import {
  NO_OPTIONS,
  OPCODE,
  defineProvider,
  layer,
  struct,
  type Driver,
  type DriverContext,
  type Layer,
  type LayerContext,
  type Provider,
  type Wait,
} from "../provider/index.ts";
import { assertNothingLeft, whyUnavailable } from "../testing/harness.ts";
import { GREETING, makeNet } from "./net.fixture.ts";
import type { OpenEnd } from "./open-end.ts";
import { startRuntime } from "./start.ts";

const missing = await whyUnavailable("uring");
if (missing !== undefined) console.warn(`SKIPPED: services on uring: ${missing}`);

async function started(limits = {}) {
  const { provider, log } = makeNet();
  const io = await startRuntime({ backend: "emulated", seed: 1, providers: [provider], limits });
  return { io, log };
}

describe("a service in a runtime", () => {
  test("starts when opening is over, and is cancelled and awaited by close()", async () => {
    const { io, log } = await started();
    const end = await io.open("net");
    expect([log.served, io.waits().map(({ operation }) => operation)]).toEqual([[0], ["service"]]);
    await end.close();
    assertNothingLeft(io as never);
    const error = await io.open("net", { refused: true }).catch((reason) => reason);
    expect(error.message).toBe("Cannot open net host 0: the connection was refused (ECONNREFUSED)");
    expect([log.served, log.released]).toEqual([[0], [0, 0]]);
    assertNothingLeft(io as never);
    await io.close();
  });

  test("that finds the table full makes open() fail, and leaves nothing", async () => {
    const { io, log } = await started({ table: { slots: 2 } });
    const first = await io.open("net");
    const read = first.receive(8);
    read.catch(() => {});
    const code = await io.open("net").catch((error) => error.code);
    expect([code, log.served, log.released]).toEqual(["ERR_TABLE_FULL", [0], [1]]);
    await first.close();
    expect(await read.catch((error) => error.code)).toBe("ECANCELED");
    assertNothingLeft(io as never);
    await io.close();
  });

  test("of an accepted connection starts by itself, and its end is handed out [O4]", async () => {
    const { io, log } = await started();
    const listener = await io.open("net");
    const handle = await io.run(() => listener.perform("accept"));
    const connection = io.end(handle);
    expect([connection.kind, log.served, io.end(handle) === connection]).toEqual([
      "net",
      [0, 1],
      true,
    ]);
    const read = connection.receive(3);
    await connection.write("go");
    expect(new TextDecoder().decode(await read)).toBe("hel");
    await connection.close();
    await connection.close();
    expect(() => io.end(handle)).toThrow("it was closed");
    await listener.close();
    assertNothingLeft(io as never);
    await io.close();
  });

  test("whose layer throws closes its end, cancels what waits there, fails the run", async () => {
    const { io } = await started();
    const seen: unknown[] = [];
    const run = io.run(async () => {
      const end = await io.open("net");
      const reader = io.spawn(() => end.receive(8).catch((error) => seen.push(error.code)));
      await end.write("break");
      await reader.join();
      await io.sleep(ms(1));
      seen.push(await end.receive(8).catch((error) => error.code));
      await end.close();
      return "came to its end";
    });
    const error = await run.catch((reason) => reason);
    expect(seen).toEqual(["ECANCELED", "ERR_CLOSED"]);
    expect([error.code, error.cause.message]).toEqual([
      "ERR_PROVIDER_FAULT",
      "the receiver is broken",
    ]);
    assertNothingLeft(io as never);
    expect(await io.run(() => "again")).toBe("again");
    await io.close();
  });

  test("does not keep close() from awaiting the cleanup of tasks", async () => {
    const { io } = await started();
    const end = await io.open("net");
    const log: string[] = [];
    const run = io.run(async () => {
      try {
        await end.receive(8);
      } finally {
        await io.sleep(seconds(2));
        await end.write("bye");
        log.push("cleaned up");
      }
    });
    run.catch(() => {});
    await Bun.sleep(1);
    await io.close();
    expect(log).toEqual(["cleaned up"]);
    assertNothingLeft(io as never);
  });

  test("goes on in a restored session, and so does a read without a buffer", async () => {
    const { io } = await started();
    const end = await io.open("net");
    const reading = end.receive(8);
    const saved = io.snapshot();
    const there = await started();
    const [again] = there.io.restore(saved);
    expect(there.io.waits().map(({ operation }) => operation)).toEqual(["service", "read"]);
    expect(there.io.end(again!.handle)).toBe(again!);
    const read = there.io.waits().find(({ operation }) => operation === "read")!.handle;
    await again!.write("go");
    await there.io.calls.asyncWait([read], [false]);
    expect(there.io.calls.asyncOutcome(read)).toMatchObject({ done: true, bytes: 5 });
    expect(there.io.calls.asyncBytes(read)).toEqual(GREETING);
    expect(there.io.calls.asyncRelease(read)).toBe(5);
    expect(there.log.served).toEqual([]);
    await again!.close();
    assertNothingLeft(there.io as never);
    await there.io.close();
    reading.catch(() => {});
    await io.close();
  });
});

test("an end that was closing or opening in a snapshot is so where that is restored", async () => {
  const { io } = await started();
  const end = await io.open("net", { slowly: true });
  const other = await io.open("net");
  const closing = end.close();
  const opening = io.open("net", { slowly: true });
  await io.sleep(ms(1));
  const saved = io.snapshot();
  const there = await started();
  const [first, second] = there.io.restore(saved);
  expect([first!.handle, there.log.served]).toEqual([other.handle, []]);
  await there.io.sleep(ms(200));
  // The one that was being opened is open now, with its service.
  expect([there.io.engine.state.ends.used, there.log.served]).toEqual([2, [2]]);
  await second!.close();
  await first!.close();
  assertNothingLeft(there.io as never);
  await closing;
  await (await opening).close();
  await io.close();
  await there.io.close();
});

/** Its operation waits for ever; its service waits for what nobody will write into a pipe. */
function lonely(closedWorld: boolean): Provider {
  const driver = (cx: DriverContext): Driver => {
    const queue = cx.queue();
    const files: number[] = [];
    const target = cx.memory(64);
    const waitInQueue = (_frame: unknown, run: LayerContext): Wait => run.queue(queue);
    const wait = layer({
      name: "lonely.wait",
      frame: struct({}),
      wait: waitInQueue,
      complete: (_frame, run) => run.done(0),
    });
    const serve = layer({
      name: "lonely.serve",
      frame: struct({}),
      wait:
        cx.backend === "emulated"
          ? waitInQueue
          : (_frame, run) => run.ring.request(OPCODE.READ, files[0]!, target.address, 1, -1, 0),
      complete: (_frame, run) => run.again(),
    });
    return {
      operations: { wait: wait as unknown as Layer },
      layers: [serve as unknown as Layer],
      service: () => serve as unknown as Layer,
      open() {
        if (cx.backend === "uring") files.push(...cx.host.pipe(4096));
      },
      release() {
        for (const file of files.splice(0)) cx.host.close(file);
      },
    };
  };
  return defineProvider({
    kind: "lonely",
    version: "1.0.0",
    stateVersion: 1,
    summary: "Waits",
    options: NO_OPTIONS,
    operations: { wait: { direction: "none", summary: "Waits for ever" } },
    ends: { main: { operations: ["wait"] } },
    capabilities: { shortTransfers: false, cancel: true, restore: [], closedWorld },
    uring: driver,
    emulated: driver,
  }) as unknown as Provider;
}

describe("a deadlock", () => {
  for (const backend of ["emulated", "uring"] as const) {
    const skip = backend === "uring" && missing !== undefined;
    test.skipIf(skip)(`is found although services are in flight, on ${backend}`, async () => {
      // Nobody waits for what a service could bring, whether its world is closed or open.
      for (const closedWorld of [true, false]) {
        const providers = [lonely(closedWorld)];
        await using io = await startRuntime({ backend, seed: 1, providers });
        const end = (await io.open("lonely")) as OpenEnd;
        const event = io.event();
        const wait = (): Promise<unknown> => (closedWorld ? end.perform("wait") : event.wait());
        expect(await io.run(wait).catch((error) => error.code)).toBe("ERR_DEADLOCK");
      }
    });
  }
});
