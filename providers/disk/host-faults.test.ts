/**
 * Emulated disks over image files to which something happens: each time the program gets one clear
 * error, and what was there before stays.
 */
import { describe, expect, test } from "bun:test";
import { mkdirSync, readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Runtime, type OpenEnd } from "../../index.ts";
import { openRecording } from "../../core/session/recording.ts";
import { codeOf, makeFolder, pattern } from "./uring/disk.fixture.ts";

const CHILD = join(import.meta.dir, "child.fixture.ts");
const SECTOR = 512;
const PART = 64 * 1024;
/** What a 1.44 MB floppy has, so that all three take the same image. */
const SIZE = 1_474_560;
const pathOf = makeFolder();
const KINDS = ["ata", "sata", "fdd"] as const;
type Kind = (typeof KINDS)[number];

let images = 0;
function imageOf(bytes: Uint8Array): string {
  const path = pathOf(`image-${++images}`);
  writeFileSync(path, bytes);
  return path;
}

async function withRuntime(
  kind: Kind,
  body: (open: (options: object) => Promise<OpenEnd>) => Promise<void>,
): Promise<void> {
  await using io = await Runtime.start({ backend: "emulated", seed: 1 });
  const open = async (options: object): Promise<OpenEnd> =>
    (await io.open(kind as "ata", { timing: "instant", ...options })) as unknown as OpenEnd;
  await io.run(() => body(open));
}

describe("emulated disks over images", () => {
  for (const kind of KINDS) {
    test(`${kind} on a full file system says EIO, and keeps what was there`, async () => {
      const folder = pathOf(`full-${kind}`);
      mkdirSync(folder);
      const mounted = Bun.spawnSync(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", folder]);
      if (!mounted.success) return console.warn(`SKIPPED: no tiny file system: ${mounted.stderr}`);
      try {
        const image = join(folder, "image");
        writeFileSync(image, "");
        truncateSync(image, SIZE);
        await withRuntime(kind, async (open) => {
          const disk = await open({ image });
          const before = pattern(PART, 7);
          await disk.write(before);
          await disk.perform("flush");
          const more = pattern(8 * PART, 1);
          await disk.write(more, { offset: PART });
          expect(await codeOf(() => disk.perform("flush"))).toBe("EIO");
          expect(readFileSync(image).subarray(0, PART)).toEqual(Buffer.from(before));
          // The disk itself has all of it, until there is room, or it is closed.
          expect(await disk.read(9 * PART)).toEqual(Buffer.concat([before, more]) as never);
          expect(await codeOf(() => disk.close())).toBe("EIO");
          const again = await open({ image });
          expect(await again.read(PART)).toEqual(before);
          await again.close();
        });
        // A program that leaves it to the runtime hears of it as well.
        const forgetful = withRuntime(kind, async (open) => {
          const disk = await open({ image });
          await disk.write(pattern(8 * PART, 1), { offset: PART });
        });
        expect(await forgetful.catch((error) => error.code)).toBe("EIO");
      } finally {
        Bun.spawnSync(["umount", "-l", folder]);
      }
    });

    test(`${kind} says EIO for what somebody cut off, if it needs it`, async () => {
      const contents = pattern(SIZE, 3);
      const image = imageOf(contents);
      await withRuntime(kind, async (open) => {
        const disk = await open({ image });
        truncateSync(image, 4 * PART);
        expect(await disk.read(2 * SECTOR, { offset: 2 * PART })).toEqual(
          contents.slice(2 * PART, 2 * PART + 2 * SECTOR),
        );
        const behind = await disk.read(SECTOR, { offset: 6 * PART }).catch((error) => error.code);
        // A floppy is read whole when it is put in.
        if (kind === "fdd") expect(behind).toEqual(contents.slice(6 * PART, 6 * PART + SECTOR));
        else expect(behind).toBe("EIO");
        await disk.write(new Uint8Array(SECTOR).fill(9), { offset: PART });
        await disk.perform("flush");
        await disk.close();
      });
      contents.fill(9, PART, PART + SECTOR);
      expect(readFileSync(image)).toEqual(Buffer.from(contents.slice(0, 4 * PART)));
    });

    test(`${kind} says EROFS for each change of an image that may only be read`, async () => {
      const contents = pattern(SIZE, 5);
      const image = imageOf(contents);
      await withRuntime(kind, async (open) => {
        const disk = await open({ image, readOnly: true });
        const write = () => disk.write(new Uint8Array(SECTOR));
        expect(await codeOf(write)).toBe("EROFS");
        expect(await codeOf(write)).toBe("EROFS");
        expect(await disk.read(SECTOR)).toEqual(contents.slice(0, SECTOR));
        await disk.close();
      });
      expect(readFileSync(image)).toEqual(Buffer.from(contents));
    });

    test(`${kind} ends where its file does, whatever the partition table says`, async () => {
      const sectors = 2000;
      const contents = pattern(sectors * SECTOR + 100, 5);
      contents.set([0x83, 0, 0, 0, 64, 0, 0, 0, 0, 0, 16, 0], 446 + 4);
      contents.set([0x55, 0xaa], 510);
      const image = imageOf(contents);
      await withRuntime(kind, async (open) => {
        // A floppy has its format's sectors, whatever is behind them.
        if (kind === "fdd") expect(await codeOf(() => open({ image }))).toBe("EINVAL");
        const disk = await open({ image, ...(kind === "fdd" && { format: "1.44M" }) });
        const last = { offset: (sectors - 1) * SECTOR };
        expect(await disk.read(SECTOR, last)).toEqual(contents.slice(last.offset, -100));
        const behind = { offset: 2500 * SECTOR };
        const read = await codeOf(() => disk.read(SECTOR, behind));
        const write = await codeOf(() => disk.write(new Uint8Array(SECTOR), behind));
        const code = kind === "fdd" ? "EIO" : "ERR_OUT_OF_RANGE";
        expect([read, write]).toEqual([code, code]);
        await disk.write(new Uint8Array(SECTOR).fill(1), last);
        await disk.close();
      });
      contents.fill(1, (sectors - 1) * SECTOR, sectors * SECTOR);
      expect(readFileSync(image)).toEqual(Buffer.from(contents));
    });

    test(`${kind} has what was flushed before its program was killed`, async () => {
      const image = imageOf(new Uint8Array(SIZE));
      const child = Bun.spawn([process.execPath, CHILD, kind, image], { stdout: "pipe" });
      let text = "";
      for await (const chunk of child.stdout) {
        text += new TextDecoder().decode(chunk);
        if (text.includes("through 5\n")) break;
      }
      child.kill("SIGKILL");
      await child.exited;
      const roundOf = (word: string): number =>
        Number([...text.matchAll(new RegExp(`${word} (\\d+)\\n`, "g"))].at(-1)![1]);
      await withRuntime(kind, async (open) => {
        const disk = await open({ image });
        const bytes = await disk.read(33 * SECTOR);
        const isSince = (round: number, first: number): boolean =>
          (round - first + 256) % 256 < 128;
        for (let block = 0; block < 33; block++) {
          const part = bytes.subarray(block * SECTOR, (block + 1) * SECTOR);
          expect(new Set(part).size).toBe(1);
          expect(isSince(part[0]!, roundOf(block === 32 ? "through" : "flushed"))).toBe(true);
        }
        await disk.close();
      });
      expect(statSync(image).size).toBe(SIZE);
    });

    test(`${kind} leaves its image alone in a replay that needs its contents`, async () => {
      const image = imageOf(pattern(SIZE, 1));
      const record = pathOf(`session-${kind}.reel`);
      const session = (io: Runtime) =>
        io.run(async () => {
          const disk = (await io.open(kind as "ata", {
            image,
            timing: "instant",
          })) as unknown as OpenEnd;
          const before = await disk.read(SECTOR);
          await disk.write(new Uint8Array(SECTOR).fill(before[0]! + 1));
          await disk.perform("flush");
          await disk.write(new Uint8Array(SECTOR).fill(2), { offset: PART });
          await disk.close();
          return Bun.hash.crc32(before);
        });
      const io = await Runtime.start({ backend: "emulated", seed: 1, record });
      const found = await session(io as unknown as Runtime);
      await io.close();
      const after = readFileSync(image);
      using recording = openRecording(record);
      const replay = Runtime.replay(recording);
      expect(await session(replay as unknown as Runtime)).toBe(found);
      await replay.close();
      expect(replay.session?.identical).toBe(true);
      expect(readFileSync(image).equals(after)).toBe(true);
    });
  }
});
