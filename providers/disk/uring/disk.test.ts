/** The io_uring disk on real files: what moves, what is refused, and what a bad host does to it. */
import { describe, expect } from "bun:test";
import { readFileSync, statSync, truncateSync, writeFileSync, mkdirSync } from "node:fs";

import { codeOf, makeFolder, pattern, startDisks, uringTest, withDisks } from "./disk.fixture.ts";

const OUT = "ERR_OUT_OF_RANGE";

const BLOCK = 512;
const pathOf = makeFolder();
const SIZE = 1 << 20;

function makeImage(name: string, content = pattern(SIZE)): { image: string; content: Uint8Array } {
  const image = pathOf(name);
  writeFileSync(image, content);
  return { image, content };
}

describe("reading and writing", () => {
  for (const direct of [false, true]) {
    uringTest(`a batch goes to the kernel ${direct ? "in eights" : "as a whole"}`, async () => {
      const { image, content } = makeImage(`batch-${direct}`);
      await withDisks(async (io) => {
        const disk = await io.open("disk", { image, direct });
        const identity = new Uint8Array(512);
        await disk.perform("identify", identity);
        const isDirect = new TextDecoder().decode(identity).includes('"direct"');
        const { counters } = io.engine.state.backend;
        const buffers = Array.from({ length: 32 }, () => io.buffer(4096));
        const before = counters.enters;
        const reads = buffers.map((buffer) => disk.readInto(buffer, { offset: 4096 }));
        expect(counters.enters - before).toBe(isDirect ? 4 : 0);
        await Promise.all(reads);
        for (const buffer of buffers) {
          expect(buffer.bytes).toEqual(content.slice(4096, 8192));
          buffer.dispose();
        }
      });
    });

    uringTest(`a disk moves blocks as the file has them when direct is ${direct}`, async () => {
      const { image, content } = makeImage(`moves-${direct}`);
      await withDisks(async (io) => {
        const disk = await io.open("disk", { image, direct });
        const at = 17 * BLOCK;
        expect(await disk.read(3 * BLOCK, { offset: at })).toEqual(content.slice(at, at + 1536));
        const fresh = pattern(64 * 1024, 9);
        expect(await disk.write(fresh, { offset: 8192 })).toBe(fresh.length);
        content.set(fresh, 8192);
        // Memory that is aligned to nothing cannot go past the page cache.
        const odd = io.buffer(8192);
        expect(await disk.readInto(odd, { offset: 8192, at: 7, length: 4096 })).toBe(4096);
        expect(odd.bytes.slice(7, 4103).toHex()).toBe(fresh.slice(0, 4096).toHex());
        odd.dispose();
        const all = await Promise.all(
          Array.from({ length: 64 }, (_, i) => disk.read(16384, { offset: i * 16384 })),
        );
        expect(Buffer.concat(all).equals(content)).toBe(true);
        await disk.perform("flush");
        expect(disk.statistics()).toMatchObject({
          readBytes: 1536 + 4096 + SIZE,
          writtenBytes: fresh.length,
        });
        await disk.close();
      });
      expect(readFileSync(image).equals(content)).toBe(true);
    });
  }

  uringTest("a disk ends where its last whole block does", async () => {
    const { image } = makeImage("ends", pattern(10 * BLOCK + 100));
    await withDisks(async (io) => {
      const disk = await io.open("disk", { image });
      expect((await disk.read(4 * BLOCK, { offset: 8 * BLOCK })).length).toBe(2 * BLOCK);
      expect((await disk.read(BLOCK, { offset: 10 * BLOCK })).length).toBe(0);
      expect(await codeOf(() => disk.read(BLOCK, { offset: 2 ** 50 }))).toBe(OUT);
      const two = pattern(2 * BLOCK, 5);
      expect(await codeOf(() => disk.write(two, { offset: 9 * BLOCK }))).toBe(OUT);
      expect(await codeOf(() => disk.write(two, { offset: 10 * BLOCK }))).toBe(OUT);
      expect(await disk.write(two, { offset: 8 * BLOCK })).toBe(2 * BLOCK);
      expect(await disk.write(new Uint8Array(0))).toBe(0);
    });
    expect(statSync(image).size).toBe(10 * BLOCK + 100);
  });

  uringTest("what is no whole block is refused as out of range", async () => {
    const { image } = makeImage("misaligned");
    await withDisks(async (io) => {
      const disk = await io.open("disk", { image, blockBytes: 2048 });
      const half = new Uint8Array(1024);
      expect(await codeOf(() => disk.read(1024))).toBe(OUT);
      expect(await codeOf(() => disk.read(2048, { offset: 512 }))).toBe(OUT);
      expect(await codeOf(() => disk.read(2048, { offset: -2048 }))).not.toBe("none");
      expect(await codeOf(() => disk.write(half))).toBe(OUT);
      const discard = { offset: 1024, argument: 2048 };
      expect(await codeOf(() => disk.perform("discard", undefined, discard))).toBe(OUT);
    });
  });

  uringTest("a disk without an image is a file without a name", async () => {
    await withDisks(async (io) => {
      const disk = await io.open("disk", { sizeBytes: SIZE, direct: true });
      expect((await disk.read(4096, { offset: 4096 })).every((byte) => byte === 0)).toBe(true);
      const bytes = pattern(8192, 3);
      await disk.write(bytes, { offset: SIZE - 8192, argument: 1 });
      expect(await disk.read(8192, { offset: SIZE - 8192 })).toEqual(bytes);
      expect(await codeOf(() => io.open("disk", { sizeBytes: 0 }))).toBe("EINVAL");
      expect(await codeOf(() => io.open("disk", { sizeBytes: 100 }))).toBe("EINVAL");
    });
  });
});

describe("discard, identify and suspend", () => {
  uringTest("discarded blocks read as zeros and take no room", async () => {
    const { image, content } = makeImage("discards");
    const before = statSync(image).blocks;
    await withDisks(async (io) => {
      const disk = await io.open("disk", { image });
      await disk.perform("discard", undefined, { offset: 4096, argument: SIZE / 2 });
      const past = { offset: SIZE - 512, argument: 1024 };
      expect(await codeOf(() => disk.perform("discard", undefined, past))).toBe(OUT);
    });
    content.fill(0, 4096, 4096 + SIZE / 2);
    expect(readFileSync(image).equals(content)).toBe(true);
    expect(statSync(image).blocks).toBeLessThan(before);
    expect(statSync(image).size).toBe(SIZE);
  });

  uringTest("identify() tells size and features in pieces, too", async () => {
    const { image } = makeImage("identifies");
    await withDisks(async (io) => {
      const disk = await io.open("disk", { image, readOnly: true });
      const target = new Uint8Array(4096);
      const count = await disk.perform("identify", target);
      const text = new TextDecoder().decode(target.subarray(0, count));
      const facts = { model: "IOREEL TEST", serial: "T-1", sectors: 2048, sectorBytes: 512 };
      expect(JSON.parse(text)).toMatchObject(facts);
      expect(JSON.parse(text).features).toContain("read-only");
      const piece = new Uint8Array(5);
      expect(await disk.perform("identify", piece, { offset: 3 })).toBe(5);
      expect(new TextDecoder().decode(piece)).toBe(text.slice(3, 8));
      expect(await disk.perform("identify", piece, { offset: 9999 })).toBe(0);
    });
  });

  uringTest("suspend() waits for what is under way and holds back the rest", async () => {
    const { image, content } = makeImage("suspends");
    await withDisks(async (io) => {
      const disk = await io.open("disk", { image });
      const before = Array.from({ length: 8 }, (_, i) => disk.read(65536, { offset: i * 65536 }));
      await disk.perform("suspend");
      await Promise.all(before);
      const held: string[] = [];
      const late = [
        disk.write(pattern(512, 1)).then(() => held.push("write")),
        disk.perform("flush").then(() => held.push("flush")),
      ];
      await io.sleep(2_000_000);
      expect(held).toEqual([]);
      expect(readFileSync(image).equals(content)).toBe(true);
      await disk.perform("resume");
      await Promise.all(late);
      expect(held.toSorted()).toEqual(["flush", "write"]);
      await disk.perform("suspend");
      const abandoned = disk.read(512).catch((error) => (error as { code: string }).code);
      await disk.close();
      expect(await abandoned).toBe("ECANCELED");
    });
  });
});

describe("what the host refuses", () => {
  uringTest("a read-only disk refuses to change, and opens what cannot be written", async () => {
    const { image, content } = makeImage("read-only");
    await withDisks(async (io) => {
      const disk = await io.open("disk", { image, readOnly: true });
      expect(await codeOf(() => disk.write(pattern(512, 1)))).toBe("EROFS");
      const discard = { argument: 512 };
      expect(await codeOf(() => disk.perform("discard", undefined, discard))).toBe("EROFS");
      expect(await disk.read(512)).toEqual(content.slice(0, 512));
    });
    expect(readFileSync(image).equals(content)).toBe(true);
  });

  uringTest("an exclusive disk keeps other processes and runtimes out", async () => {
    const { image } = makeImage("exclusive");
    const other = await startDisks();
    await withDisks(async (io) => {
      const disk = await io.open("disk", { image, exclusive: true });
      expect(await codeOf(() => other.open("disk", { image, exclusive: true }))).toBe("EBUSY");
      const reader = { image, exclusive: true, readOnly: true };
      expect(await codeOf(() => other.open("disk", reader))).toBe("EBUSY");
      await disk.close();
      const [one, two] = [await io.open("disk", reader), await other.open("disk", reader)];
      expect(await codeOf(() => io.open("disk", { image, exclusive: true }))).toBe("EBUSY");
      await one.close();
      await two.close();
    });
    await other.close();
    // Nothing holds the lock on, once a runtime is closed with its disk open.
    for (let round = 0; round < 3; round++) {
      const io = await startDisks();
      await io.open("disk", { image, exclusive: true });
      await io.close();
    }
  });

  uringTest("an image that is cut while it is open gives EIO and says so", async () => {
    const { image, content } = makeImage("cut");
    await withDisks(async (io) => {
      const disk = await io.open("disk", { image });
      truncateSync(image, 64 * BLOCK + 10);
      expect(await disk.read(BLOCK, { offset: 63 * BLOCK })).toEqual(
        content.slice(63 * BLOCK, 64 * BLOCK),
      );
      const failure = disk.read(4 * BLOCK, { offset: 62 * BLOCK });
      const error = (await failure.catch((thrown) => thrown)) as Error & { code: string };
      expect(error.code).toBe("EIO");
      expect(error.message).toContain("which was cut short meanwhile");
    });
  });

  uringTest("what is no disk image is refused when it is opened", async () => {
    const { image } = makeImage("short", pattern(100));
    mkdirSync(pathOf("folder"));
    Bun.spawnSync(["mkfifo", pathOf("fifo")]);
    await withDisks(async (io) => {
      const open = (options: object): Promise<string> => codeOf(() => io.open("disk", options));
      expect(await open({ image })).toBe("EINVAL");
      expect(await open({ image: pathOf("absent") })).toBe("ENOENT");
      expect(await open({ image: pathOf("folder") })).toBe("EISDIR");
      expect(await open({ image: pathOf("folder"), readOnly: true })).toBe("ERR_UNSUPPORTED");
      expect(await open({ image: pathOf("fifo"), readOnly: true })).toBe("ERR_UNSUPPORTED");
      expect(await open({ image: "/dev/null" })).toBe("ERR_UNSUPPORTED");
    });
  });
});
