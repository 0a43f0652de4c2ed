/** What closing an end throws reaches whoever closes the runtime, and everything is closed. */
import { describe, expect, test } from "bun:test";
import { ringTest } from "../backend/uring/ring.fixture.ts";
import { ms } from "../clock.ts";
import {
  defineProvider,
  layer,
  struct,
  t,
  u32,
  type Driver,
  type DriverContext,
  type Layer,
  type Provider,
} from "../provider/index.ts";
import { pipe } from "../../providers/pipe/provider.ts";
import { openRecording } from "../session/recording.ts";
import { rewriteRecording } from "../session/rewrite.ts";
import { temporaryFolder } from "../session/session.fixture.ts";
import { assertNothingLeft } from "../testing/harness.ts";

import { replayRuntime, startRuntime, type FacedRuntime } from "./start.ts";

const ENOSPC = 28;
const EIO = 5;

/** Its ends fail to close with the error number that they were opened with. */
function makeStubborn(): { provider: Provider; released: number[] } {
  const released: number[] = [];
  const driver = (cx: DriverContext): Driver<{ error: number }> => {
    const records = cx.records("stubborn", struct({ error: u32 }));
    const wait = layer({
      name: "stubborn.wait",
      frame: struct({}),
      wait: (_frame, run) => run.after(ms(1)),
      complete: (_frame, run) => run.done(0),
    });
    const closing = layer({
      name: "stubborn.close",
      frame: struct({}),
      wait: (_frame, run) => run.after(ms(1)),
      complete(_frame, run) {
        const { error } = records.at(run.resource);
        return error === 0 ? run.done(0) : run.fail(error);
      },
    });
    return {
      operations: { wait: wait as unknown as Layer },
      closing: closing as unknown as Layer,
      open(resource, { error }) {
        records.at(resource).error = error;
      },
      release: (resource) => void released.push(resource),
    };
  };
  const provider = defineProvider({
    kind: "stubborn",
    version: "1.0.0",
    stateVersion: 1,
    summary: "Fails to close",
    options: t.Object({ error: t.Integer({ default: 0 }) }),
    operations: { wait: { direction: "none", summary: "Waits" } },
    ends: { main: { operations: ["wait"] } },
    capabilities: { shortTransfers: false, cancel: true, restore: [] },
    emulated: driver,
  }) as unknown as Provider;
  return { provider, released };
}

async function started(options = {}) {
  const { provider, released } = makeStubborn();
  const io = await startRuntime({
    backend: "emulated",
    seed: 1,
    providers: [provider],
    ...options,
  });
  const open = (error: number) => io.open("stubborn", { error });
  return { io, open, released };
}

describe("io.close()", () => {
  test("rejects with what closing an end has thrown once all ends are closed", async () => {
    const { io, open, released } = await started();
    for (const error of [0, ENOSPC, 0]) await open(error);
    const closing = io.close();
    const failure = await closing.catch((error) => error);
    expect([failure.code, failure.message]).toEqual([
      "ENOSPC",
      "Cannot close stubborn: no space is left (ENOSPC)",
    ]);
    expect(released.toSorted()).toEqual([0, 1, 2]);
    assertNothingLeft(io as never);
    expect(io.close()).toBe(closing);
    expect(() => io.buffer(8)).toThrow("closed");
  });

  test("rejects with all failures together when several ends cannot close", async () => {
    const { io, open, released } = await started();
    for (const error of [EIO, 0, ENOSPC]) await open(error);
    const failure = await io.close().catch((error) => error);
    expect(failure).toBeInstanceOf(AggregateError);
    expect(failure.errors.map(({ code }: { code: string }) => code)).toEqual(["EIO", "ENOSPC"]);
    expect(failure.message).toBe(
      "Cannot close everything well: 2 failures, first: " +
        "Cannot close stubborn: the device failed (EIO)",
    );
    expect(released.length).toBe(3);
  });

  test("says nothing of an end whose failure its own close() has told", async () => {
    const { io, open } = await started();
    const end = (await open(EIO)) as { close(): Promise<void> };
    expect(await end.close().catch((error) => error.code)).toBe("EIO");
    await io.close();
  });

  test("rejects in a replay as it did when recorded, and that is identical", async () => {
    using folder = temporaryFolder();
    const record = folder.path("stubborn.reel");
    const { io, open } = await started({ record });
    await io.run(async () => void (await open(ENOSPC)));
    expect(await io.close().catch((error) => error.code)).toBe("ENOSPC");
    expect(io.session?.failure).toBeUndefined();
    using recording = openRecording(record);
    expect(recording.info.outcome).toBe("failed");
    const replay = replayRuntime(recording, [makeStubborn().provider]);
    await replay.run(async () => void (await replay.open("stubborn", { error: ENOSPC })));
    expect(await replay.close().catch((error) => error.code)).toBe("ENOSPC");
    expect(replay.session?.identical).toBe(true);
    // An end that closes well is not what was recorded: the session says so, and close() is quiet.
    const other = replayRuntime(recording, [makeStubborn().provider]);
    const run = other.run(async () => void (await other.open("stubborn", { error: 0 })));
    await run.catch(() => {});
    await other.close();
    expect(other.session?.failure?.code).toBe("ERR_DIVERGED");
  });

  ringTest("is quiet in a replay that is over because its recording was cut off", async () => {
    using folder = temporaryFolder();
    const whole = folder.path("whole.reel");
    const copy = async (io: FacedRuntime<typeof pipe>): Promise<void> => {
      await io.run(async () => {
        const { reader, writer } = await io.open("pipe");
        const writing = io.spawn(async () => {
          for (let i = 0; i < 20; i++) await writer.write(new Uint8Array(20_000));
          await writer.close();
        });
        // The program's own code is told here that the recording ends, and not the loop.
        while ((await reader.read(30_000)).length > 0) io.mark("some more");
        await writing.join();
        await reader.close();
      });
    };
    const providers = [pipe] as const;
    const io = await startRuntime({ backend: "uring", providers, seed: 1, record: whole });
    await copy(io);
    await io.close();
    using recorded = openRecording(whole);
    const marks = [...recorded.events()].filter(({ event }) => event.kind === "mark");
    for (const { sequence: at } of marks.slice(0, 3)) {
      const cut = folder.path(`cut-${at}.reel`);
      rewriteRecording(whole, cut, (event, sequence) => (sequence < at ? event : []));
      using recording = openRecording(cut);
      const again = replayRuntime(recording, providers);
      await copy(again).catch(() => {});
      await again.close();
      expect(again.session!.failure).toMatchObject({ report: { difference: "record-ends" } });
      expect({ at, identical: again.session!.identical }).toEqual({ at, identical: true });
    }
  });
});
