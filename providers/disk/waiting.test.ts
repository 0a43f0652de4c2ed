/** How disks wait: for their lock, for their interrupt, and beside everything else that waits. */
import { describe, expect, test } from "bun:test";
import { startRuntime } from "../../core/runtime/start.ts";
import { BUILT_IN_PROVIDERS } from "../index.ts";

const SECTOR = 512;

const start = () => startRuntime({ backend: "emulated", seed: 1, providers: BUILT_IN_PROVIDERS });

describe("two ATA disks on a cable", () => {
  test("have one operation at their registers, the rest in line [M2.5, S4]", async () => {
    await using io = await start();
    const where = { sizeBytes: 1 << 20, timing: "hdd7200", channel: 0 } as const;
    const disk = await io.open("ata", { ...where, elevator: "fifo" });
    const other = await io.open("ata", where);
    const sent = [1, 2, 3].map((value) => new Uint8Array(8 * SECTOR).fill(value));
    const done: number[] = [];
    const writes = sent.map(async (bytes, place) => {
      await disk.write(bytes, { offset: place * bytes.length });
      done.push(place);
    });
    const elsewhere = other.read(SECTOR);
    const seen = new Set<string>();
    await io.run(async () => {
      while (done.length < writes.length) {
        // At most one waits for a drive; whoever else is in flight waits in its disk's queue, or
        // for the channel's lock while the other disk has it.
        const waits = io.waits().map(({ waitsFor }) => waitsFor.replace(/ \d+.*$/, ""));
        expect(waits.filter((each) => each === "interrupt line").length).toBeLessThanOrEqual(1);
        for (const each of waits) seen.add(each);
        await io.sleep(100_000);
      }
    });
    await Promise.all([...writes, elsewhere]);
    expect(done).toEqual([0, 1, 2]);
    expect([...seen]).toContain("lock");
    expect([...seen]).toContain("queue");
    expect([...seen]).toContain("interrupt line");
    const back = await disk.read(3 * 8 * SECTOR);
    expect(back).toEqual(Buffer.concat(sent) as never);
  });
});

describe("asyncWait()", () => {
  test("waits for a socket, a floppy and a disk alike [O4, M2.5]", async () => {
    await using io = await start();
    const floppy = await io.open("fdd", {});
    const disk = await io.open("sata", { sizeBytes: 1 << 20, timing: "hdd7200" });
    const listener = await io.listen();
    const client = await io.connect(listener.port);
    const server = await listener.accept();
    const { calls } = io;
    const memory = (): Uint8Array => new Uint8Array(SECTOR);
    const handles = [
      await calls.asyncStart(server.handle, 0, true, memory()),
      await calls.asyncStart(floppy.handle, 0, true, memory()),
      await calls.asyncStart(disk.handle, 0, true, memory()),
    ];
    const order: number[] = [];
    const statuses = [false, false, false];
    while (order.length < handles.length) {
      const left = handles.map((_, i) => i).filter((i) => !order.includes(i));
      await calls.asyncWait(
        left.map((i) => handles[i]!),
        statuses,
      );
      order.push(...left.filter((_, place) => statuses[place]));
      // The disk is there first, then the floppy's motor; the socket only when somebody writes.
      if (order.length === 2) await client.write(new Uint8Array(5));
    }
    expect(order).toEqual([2, 1, 0]);
    expect(handles.map((handle) => calls.asyncRelease(handle))).toEqual([5, SECTOR, SECTOR]);
  });
});
