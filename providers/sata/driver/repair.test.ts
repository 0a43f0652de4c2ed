/** The driver against faults: what is mended in silence, and what surfaces as one clear error. */
import { describe, expect, test } from "bun:test";
import { ms, seconds } from "../../../core/clock.ts";
import type { OpenEnd } from "../../../core/runtime/open-end.ts";
import type { Runtime } from "../../../core/runtime/runtime.ts";
import { startRuntime } from "../../../core/runtime/start.ts";
import { sata } from "../provider.ts";

const BLOCK = 4096;
const BLOCKS = 64;

interface Found {
  io: Runtime;
  disk: OpenEnd;
}

/** A disk of 64 blocks, each filled with its number, with faults from then on. */
async function withDisk(
  options: Record<string, unknown>,
  body: (found: Found) => Promise<void>,
): Promise<void> {
  const runtime = await startRuntime({ backend: "emulated", seed: 3, providers: [sata] });
  const io = runtime as unknown as Runtime;
  try {
    await io.run(async () => {
      const sizeBytes = BLOCK * BLOCKS;
      const disk = (await io.open("sata", { sizeBytes, ...options })) as unknown as OpenEnd;
      await body({ io, disk });
      await disk.close();
    });
  } finally {
    await io.close();
  }
}

/** Reads all blocks at once. @returns what each brought: its number, or the error's code */
function readAll({ io, disk }: Found): Promise<(number | string)[]> {
  const reads = Array.from({ length: BLOCKS }, (_, i) =>
    io.spawn(async () => {
      try {
        const bytes = await disk.read(BLOCK, { offset: i * BLOCK });
        return bytes.every((byte) => byte === bytes[0]) ? bytes[0]! : "mixed";
      } catch (error) {
        return (error as { code: string }).code;
      }
    }),
  );
  return Promise.all(reads.map((read) => read.join()));
}

async function fill({ disk }: Found): Promise<void> {
  const bytes = new Uint8Array(BLOCK * BLOCKS).map((_, i) => Math.floor(i / BLOCK));
  await disk.write(bytes, { offset: 0 });
  await disk.perform("flush");
}

const codeOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => "done",
    (error: { code?: string }) => error.code,
  );

const numbers = Array.from({ length: BLOCKS }, (_, i) => i);

describe("sata driver under faults", () => {
  test.each(["instant", "ssd", "hdd7200"])(
    "an unreadable sector fails its own read and no other, on a disk of kind %s",
    async (timing) => {
      const faults = ["unreadable lba=83 sectors=1"];
      await withDisk({ timing, faults }, async (found) => {
        await fill(found);
        const wanted = numbers.map((i) => (i === 10 ? "EIO" : i));
        expect(await readAll(found)).toEqual(wanted);
        expect(await readAll(found)).toEqual(wanted);
      });
    },
  );

  test("errors of others, however many, never become an innocent read's", async () => {
    await withDisk({ timing: "ssd", faults: ["unreadable lba=83"] }, async (found) => {
      await fill(found);
      const wanted = numbers.map((i) => (i === 10 ? "EIO" : i));
      for (let round = 0; round < 20; round++) expect(await readAll(found)).toEqual(wanted);
    });
  });

  test("a sector that a write has mended can be read again", async () => {
    await withDisk({ faults: ["pending lba=16"] }, async (found) => {
      const { disk } = found;
      expect(await codeOf(disk.read(BLOCK, { offset: 2 * BLOCK }))).toBe("EIO");
      await disk.write(new Uint8Array(BLOCK).fill(9), { offset: 2 * BLOCK });
      expect((await disk.read(BLOCK, { offset: 2 * BLOCK }))[0]).toBe(9);
    });
  });

  test.each([
    ["a CRC error on the cable", "crc when=20"],
    ["a damaged DMA transfer", "dma-error when=17"],
    ["a hung command", "hang when=25"],
    ["a lost interrupt", "lost-interrupt when=6..9"],
    ["an interrupt for nothing", "spurious-interrupt when=3+"],
    ["a late interrupt", "late-interrupt when=5 delayNs=20000000"],
  ])("%s is mended: every read brings its block", async (_what, fault) => {
    for (const timing of ["instant", "ssd"]) {
      await withDisk({ timing, faults: [fault] }, async (found) => {
        await fill(found);
        expect(await readAll(found)).toEqual(numbers);
        expect(await readAll(found)).toEqual(numbers);
      });
    }
  });

  test("a command that always hangs ends with ETIMEDOUT, and the disk lives on", async () => {
    await withDisk({ timing: "ssd", faults: ["hang lba=80 sectors=8 when=2+"] }, async (found) => {
      const { io, disk } = found;
      await fill(found);
      const began = io.now();
      const found10 = await codeOf(disk.read(BLOCK, { offset: 10 * BLOCK }));
      expect(found10).toBe("ETIMEDOUT");
      expect(io.now() - began).toBeLessThan(seconds(30));
      expect((await disk.read(BLOCK, { offset: 11 * BLOCK }))[0]).toBe(11);
    });
  });

  test("a hung command whose read was cancelled keeps no tag for ever", async () => {
    const options = { timing: "ssd", queueDepth: 1, faults: ["hang when=2"] };
    await withDisk(options, async ({ io, disk }) => {
      const read = io.spawn(() => disk.read(BLOCK, { offset: 0 }));
      await io.sleep(ms(1));
      read.cancel();
      expect(await codeOf(read.join())).not.toBe("done");
      expect((await disk.read(BLOCK, { offset: BLOCK })).length).toBe(BLOCK);
    });
  });

  test("pulling the disk out ends what is in flight and all that follows with ENODEV", async () => {
    await withDisk(
      { elevator: "fifo", timing: "hdd7200", faults: ["unplug when=50"] },
      async (found) => {
        await fill(found);
        const codes = await readAll(found);
        expect(codes.filter((code) => code === "ENODEV").length).toBeGreaterThan(10);
        expect(codes.every((code, i) => code === "ENODEV" || code === i)).toBe(true);
        expect(await codeOf(found.disk.perform("flush"))).toBe("ENODEV");
        expect(await codeOf(found.disk.write(new Uint8Array(512)))).toBe("ENODEV");
      },
    );
  });

  test("a disk that is put in again says ENOMEDIUM once, then brings its blocks", async () => {
    const faults = ["unplug when=50 delayNs=100000000"];
    await withDisk({ elevator: "fifo", timing: "ssd", faults }, async (found) => {
      const { io, disk } = found;
      await fill(found);
      expect(await readAll(found)).toContain("ENODEV");
      await io.sleep(ms(300));
      expect(await codeOf(disk.read(BLOCK, { offset: 0 }))).toBe("ENOMEDIUM");
      expect(await readAll(found)).toEqual(numbers);
    });
  });

  test("pulling the disk out ends also all those that waited outside the queue", async () => {
    const faults = ["unplug when=5 delayNs=100000000"];
    await withDisk({ faults }, async ({ io, disk }) => {
      // Three times what the queue has room for: reads, and flushes, which must be alone.
      const waiting = Array.from({ length: 192 }, (_, i) =>
        codeOf(i % 8 === 7 ? disk.perform("flush") : disk.read(512, { offset: i * 1024 })),
      );
      expect(new Set(await Promise.all(waiting))).toEqual(new Set(["ENODEV"]));
      await io.sleep(ms(300));
      expect(await codeOf(disk.read(512))).toBe("ENOMEDIUM");
      const again = Array.from({ length: 192 }, (_, i) =>
        codeOf(disk.read(512, { offset: i * 512 })),
      );
      expect(new Set(await Promise.all(again))).toEqual(new Set(["done"]));
    });
  });

  test("what was written and not flushed is lost with a disk that is pulled out", async () => {
    const faults = ["unplug when=5 delayNs=1000000"];
    await withDisk({ faults }, async ({ io, disk }) => {
      await disk.write(new Uint8Array(512).fill(1), { offset: 0 });
      await disk.perform("flush");
      await disk.write(new Uint8Array(512).fill(2), { offset: 0 });
      expect(await codeOf(disk.read(512))).toBe("ENODEV");
      await io.sleep(ms(100));
      await codeOf(disk.read(512));
      expect((await disk.read(512))[0]).toBe(1);
    });
  });

  test("a disk without NCQ is driven one command at a time, faults included", async () => {
    const options = { queueDepth: 0, timing: "ssd", faults: ["unreadable lba=83", "hang when=9"] };
    await withDisk(options, async (found) => {
      await fill(found);
      expect(await readAll(found)).toEqual(numbers.map((i) => (i === 10 ? "EIO" : i)));
    });
  });

  test("a disk that hangs while it is opened or closed is reset", async () => {
    await withDisk({ faults: ["hang when=1"] }, async (found) => {
      await fill(found);
      expect(await readAll(found)).toEqual(numbers);
    });
    await withDisk({ faults: ["hang when=3+"] }, async ({ disk }) => {
      await disk.write(new Uint8Array(512));
    });
    const opening = withDisk({ faults: ["hang"] }, async () => {});
    expect(await codeOf(opening)).toBe("ETIMEDOUT");
  });

  test("a flush that fails says so, and what was written can be read all the same", async () => {
    await withDisk({ faults: ["flush-error when=1"] }, async ({ disk }) => {
      await disk.perform("write", new Uint8Array(512).fill(5), { offset: 512, argument: 1 });
      expect(await codeOf(disk.perform("flush"))).toBe("EIO");
      expect(await codeOf(disk.perform("flush"))).toBe("done");
      expect((await disk.read(512, { offset: 512 }))[0]).toBe(5);
    });
  });
});
