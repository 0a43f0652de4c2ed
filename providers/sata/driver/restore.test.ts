/** The driver's state: taken in the middle of a repair, another runtime goes on with it. */
import { describe, expect, test } from "bun:test";
import { ms, seconds } from "../../../core/clock.ts";
import type { OpenEnd } from "../../../core/runtime/open-end.ts";
import type { Runtime } from "../../../core/runtime/runtime.ts";
import { startRuntime } from "../../../core/runtime/start.ts";
import { sata } from "../provider.ts";

const SIZE = 4096;
const READS = 12;

async function start(): Promise<Runtime> {
  return (await startRuntime({
    backend: "emulated",
    seed: 5,
    providers: [sata],
  })) as unknown as Runtime;
}

/** Waits for all operations. @returns how they ended and what their buffers hold */
async function finish(io: Runtime, operations: readonly number[]): Promise<unknown> {
  for (const operation of operations) await io.calls.asyncWait([operation], [false]);
  const outcomes = operations.map((operation) => io.calls.asyncOutcome(operation).code);
  const buffers = [...io.engine.state.pool.all()];
  const bytes = buffers.map((buffer) => Bun.hash.crc32(buffer.bytes));
  const moved = operations.map((operation) => io.calls.asyncRelease(operation));
  for (const buffer of buffers) buffer.dispose();
  return [outcomes, bytes, moved, io.now()];
}

describe("sata driver state", () => {
  test.each([
    ["a queue on a turning disk", [], ms(20)],
    ["a wait for a command that hangs", ["hang when=3"], seconds(3)],
    ["a reset of the link", ["hang when=3"], seconds(7) + ms(2.5)],
    ["a search for the command that failed", ["unreadable lba=16"], ms(9)],
    ["the absence of a disk", ["unplug when=5 delayNs=5000000000"], ms(500)],
  ])("goes on in another runtime from the middle of %s", async (_what, faults, afterNs) => {
    const here = await start();
    const there = await start();
    const options = { sizeBytes: 64 << 20, timing: "hdd7200", faults };
    const disk = (await here.open("sata", options)) as unknown as OpenEnd;
    const operations: number[] = [];
    for (let i = 0; i < READS; i++) {
      const offset = ((i * 5) % READS) * (5 << 20) + (i === 0 ? 8192 : 0);
      operations.push(here.calls.tryStart(disk.handle, offset, i % 3 !== 2, here.buffer(SIZE)));
    }
    await here.sleep(afterNs);
    const saved = here.snapshot();
    const ends = there.restore(saved);
    expect(await finish(there, operations)).toEqual(await finish(here, operations));
    for (const end of ends) await end.close();
    await disk.close();
    await here.close();
    await there.close();
  });
});
