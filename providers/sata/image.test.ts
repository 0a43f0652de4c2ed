/** Emulated SATA disks over image files, and what can go wrong when one is opened. */
import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { OpenEnd } from "../../core/runtime/open-end.ts";
import type { Runtime } from "../../core/runtime/runtime.ts";
import { startRuntime } from "../../core/runtime/start.ts";
import { sata } from "./provider.ts";

const folder = mkdtempSync(join(tmpdir(), "ioreel-sata-"));
afterAll(() => rmSync(folder, { recursive: true }));

const SIZE = 1 << 20;
let files = 0;

function image(fill: number, size = SIZE): string {
  const path = join(folder, `disk-${files++}.img`);
  writeFileSync(path, new Uint8Array(size).fill(fill));
  return path;
}

async function emulated<T>(
  body: (open: (options: object) => Promise<OpenEnd>, io: Runtime) => Promise<T>,
): Promise<T> {
  const io = (await startRuntime({
    backend: "emulated",
    seed: 1,
    providers: [sata],
  })) as unknown as Runtime;
  try {
    const open = async (options: object): Promise<OpenEnd> =>
      (await io.open("sata", options as Record<string, unknown>)) as unknown as OpenEnd;
    return await io.run(() => body(open, io));
  } finally {
    await io.close();
  }
}

const codeOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => "done",
    (error: { code?: string }) => error.code,
  );

describe("sata on image files", () => {
  test("what is written reaches the file with a flush, and with closing", async () => {
    const path = image(1);
    await emulated(async (open) => {
      const disk = await open({ image: path });
      await disk.write(new Uint8Array(8192).fill(7), { offset: 4096 });
      expect(readFileSync(path)[4096]).toBe(1);
      await disk.perform("flush");
      expect(
        readFileSync(path)
          .subarray(4096, 12288)
          .every((byte) => byte === 7),
      ).toBe(true);
      await disk.write(new Uint8Array(512).fill(8), { offset: SIZE - 512 });
      await disk.close();
    });
    const bytes = readFileSync(path);
    expect([bytes.length, bytes[4095], bytes[12288], bytes[SIZE - 1]]).toEqual([SIZE, 1, 1, 8]);
  });

  test("without write-back, and read-only, the file stays as it is", async () => {
    const path = image(3);
    await emulated(async (open) => {
      const disk = await open({ image: path, writeBack: false });
      await disk.write(new Uint8Array(512).fill(4));
      await disk.perform("flush");
      expect((await disk.read(512))[0]).toBe(4);
      await disk.close();
      const second = await open({ image: path, readOnly: true });
      expect(await codeOf(second.write(new Uint8Array(512)))).toBe("EROFS");
      const all = { offset: 0, argument: 512 };
      expect(await codeOf(second.perform("discard", undefined, all))).toBe("EROFS");
      expect(await codeOf(second.perform("flush"))).toBe("done");
      expect((await second.read(512))[0]).toBe(3);
      await second.close();
    });
    expect(readFileSync(path).every((byte) => byte === 3)).toBe(true);
  });

  test("forgetting sectors zeroes them and no neighbour, over several ranges", async () => {
    const path = image(9, 48 << 20);
    await emulated(async (open) => {
      const disk = await open({ image: path });
      // More than the 65,535 sectors of one range.
      const argument = 40 << 20;
      await disk.perform("discard", undefined, { offset: 1024, argument });
      const ends = [
        await disk.read(1536, { offset: 512 }),
        await disk.read(1024, { offset: argument + 512 }),
      ];
      expect([ends[0]![511], ends[0]![512], ends[0]![1535]]).toEqual([9, 0, 0]);
      expect([ends[1]![511], ends[1]![512]]).toEqual([0, 9]);
      for (const [offset, length, code] of [
        [100, 512, "ERR_OUT_OF_RANGE"],
        [0, 100, "ERR_OUT_OF_RANGE"],
        [48 << 20, 512, "ERR_OUT_OF_RANGE"],
      ] as const) {
        const where = { offset, argument: length };
        expect(await codeOf(disk.perform("discard", undefined, where))).toBe(code);
      }
      await disk.close();
    });
  });

  test("six ports take six disks; a seventh, a taken port and no image are refused", async () => {
    await emulated(async (open) => {
      const small = { sizeBytes: 1 << 16, queueDepth: 1 };
      const disks: OpenEnd[] = [];
      for (let i = 0; i < 6; i++) disks.push(await open(small));
      expect(await codeOf(open(small))).toBe("EBUSY");
      for (const [i, disk] of disks.entries()) {
        await disk.write(new Uint8Array(512).fill(i + 1));
      }
      const reads = await Promise.all(disks.map((disk) => disk.read(512)));
      expect(reads.map((bytes) => bytes[0])).toEqual([1, 2, 3, 4, 5, 6]);
      await disks[2]!.close();
      expect(await codeOf(open({ ...small, port: 3 }))).toBe("EBUSY");
      expect(await codeOf(open({ ...small, image: join(folder, "none") }))).toBe("ENOENT");
      expect(await codeOf(open({ ...small, image: image(0, 100) }))).toBe("EINVAL");
      expect(await codeOf(open({ ...small, faults: ["nonsense"] }))).toBe("EINVAL");
      const again = await open({ ...small, port: 2 });
      expect((await again.read(512))[0]).toBe(0);
    });
  });

  test("transfers of any length keep to sectors and to the disk", async () => {
    await emulated(async (open) => {
      const disk = await open({ sizeBytes: SIZE });
      const bytes = new Uint8Array(SIZE).map((_, i) => (i * 31) >> 7);
      expect(await disk.write(bytes)).toBe(SIZE);
      expect(await disk.read(2 * SIZE)).toEqual(bytes);
      expect(await disk.read(4096, { offset: SIZE - 1024 })).toEqual(bytes.slice(-1024));
      expect((await disk.read(512, { offset: SIZE })).length).toBe(0);
      expect(await codeOf(disk.read(511))).toBe("ERR_OUT_OF_RANGE");
      expect(await codeOf(disk.read(512, { offset: 1 }))).toBe("ERR_OUT_OF_RANGE");
      const past = disk.write(new Uint8Array(1024), { offset: SIZE - 512 });
      expect(await codeOf(past)).toBe("ERR_OUT_OF_RANGE");
    });
  });
});
