/** What goes wrong with floppies, their drives and their controller, and what the driver does. */
import { describe, expect, test } from "bun:test";
import { readFileSync, truncateSync } from "node:fs";
import { diskOf, patterned } from "./bare-machine.fixture.ts";
import { imageFolder, withFloppy } from "./driver.fixture.ts";
import { bytesOf, formatNamed } from "./geometry.ts";

const { imageOf } = imageFolder();

describe("Faults and their mending", () => {
  test("a sector that cannot be read is EIO, its neighbours are intact", async () => {
    const image = imageOf(patterned(bytesOf(formatNamed("1.44M"))));
    const faults = ["unreadable lba=40 sectors=2"];
    await withFloppy({ image, faults }, async ({ main, read }) => {
      const contents = readFileSync(image);
      const sectors = (lba: number, count = 1): Uint8Array =>
        new Uint8Array(contents.subarray(lba * 512, (lba + count) * 512));
      expect(await read(36, 4)).toEqual(sectors(36, 4));
      expect(await read(40)).toBe("EIO");
      expect(await read(42, 20)).toEqual(sectors(42, 20));
      const bytes = new Uint8Array(80 * 512);
      const error = await main.perform("read", bytes, { offset: 0 }).catch((e) => e.code);
      expect(error).toBe("EIO");
      // What came before the cylinder with the bad sector is there.
      expect(bytes.slice(0, 36 * 512)).toEqual(sectors(0, 36).slice());
    });
  });

  for (const fault of [
    "crc when=2..4",
    "dma-error when=1..3",
    "lost-interrupt when=7",
    "hang when=4",
    "late-interrupt when=3+2 delayNs=2000000",
    "spurious-interrupt",
    "pending lba=3 when=1..2",
  ]) {
    test(`survives "${fault}", the data right`, async () => {
      const contents = patterned(bytesOf(formatNamed("1.44M")));
      await withFloppy({ image: imageOf(contents), faults: [fault] }, async ({ read, write }) => {
        expect(await read(0, 200)).toEqual(contents.slice(0, 200 * 512));
        const bytes = new Uint8Array(30 * 512).fill(0x11);
        expect(await write(10, bytes)).toBe(bytes.length);
        await read(2000);
        expect(await read(10, 30)).toEqual(bytes);
      });
    });
  }

  test("a controller that never answers is ETIMEDOUT, and works again afterwards", async () => {
    await withFloppy({ faults: ["hang when=5..9"] }, async ({ read }) => {
      expect(await read(0)).toHaveLength(512);
      expect(await read(100)).toBe("ETIMEDOUT");
      expect(await read(100)).toHaveLength(512);
    });
  });

  test("a flush that fails says so, and the next one brings the data", async () => {
    const path = imageOf(new Uint8Array(bytesOf(formatNamed("1.44M"))));
    await withFloppy({ image: path, faults: ["flush-error when=1"] }, async ({ main, write }) => {
      await write(5, new Uint8Array(512).fill(9));
      expect(await main.perform("flush").catch((e) => e.code)).toBe("EIO");
      await main.perform("flush");
      expect(readFileSync(path)[5 * 512]).toBe(9);
    });
  });

  test("an image that is too small reads to its end; cutting it later is no matter", async () => {
    const path = imageOf(patterned(100 * 512));
    await withFloppy({ image: path }, async ({ read }) => {
      truncateSync(path, 1000);
      expect(await read(0, 100)).toEqual(patterned(100 * 512).slice());
      expect(await read(100)).toBe("EIO");
      expect(await read(99)).toHaveLength(512);
    });
  });

  test("another disk is ENOMEDIUM once, then its own contents in a new generation", async () => {
    await withFloppy({ format: "auto" }, async ({ main, fdc, read }) => {
      const generation = async (): Promise<number> => {
        const text = new Uint8Array(512);
        const count = await main.perform("identify", text);
        return JSON.parse(new TextDecoder().decode(text.subarray(0, count))).generation;
      };
      expect(await read(5)).toEqual(new Uint8Array(512));
      expect(await generation()).toBe(1);
      const other = diskOf("720K");
      fdc.insert(0, other.surface);
      expect(await read(5)).toBe("ENOMEDIUM");
      expect(await read(5)).toEqual(other.medium.bytes.slice(5 * 512, 6 * 512));
      expect(await read(1440)).toHaveLength(0);
      expect(await generation()).toBe(2);
      fdc.eject(0);
      for (let i = 0; i < 3; i++) expect(await read(5)).toBe("ENOMEDIUM");
      fdc.insert(0, other.surface);
      expect(await read(5)).toBe("ENOMEDIUM");
      expect(await read(5)).toEqual(other.medium.bytes.slice(5 * 512, 6 * 512));
    });
  });

  test("a disk taken out in mid-transfer ends it, and the drive is usable again", async () => {
    await withFloppy({ timing: "real" }, async ({ io, fdc, read }) => {
      const { surface } = fdc.drives[0]!;
      const reading = read(0, 2880);
      await io.sleep(2e9);
      fdc.eject(0);
      expect(await reading).toMatch(/ETIMEDOUT|ENOMEDIUM|EIO/);
      fdc.insert(0, surface!);
      const first = await read(0);
      expect(first === "ENOMEDIUM" || first.length === 512).toBe(true);
      expect(await read(0)).toHaveLength(512);
    });
  });

  test.each(["hang when=5", "lost-interrupt when=10"])(
    'a format is found out although "%s" strikes while it is looked for',
    async (fault) => {
      const contents = patterned(bytesOf(formatNamed("160K")));
      await withFloppy({ image: imageOf(contents), faults: [fault] }, async ({ read }) => {
        expect(await read(0, 320)).toEqual(contents);
      });
    },
  );

  test("a read behind one that was cancelled in mid-command brings its sectors", async () => {
    await withFloppy({ timing: "real" }, async ({ io, main, read }) => {
      for (const delayNs of [1e6, 5e6, 50e6, 200e6, 500e6]) {
        await io.run(async () => {
          const task = io.spawn(async () => {
            await main.perform("read", new Uint8Array(36 * 512), { offset: 0 });
            await main.perform("read", new Uint8Array(36 * 512), { offset: 100 * 512 });
          });
          await io.sleep(delayNs);
          await task.cancel();
        });
        expect(await read(100, 10)).toHaveLength(5120);
      }
    });
  });
});
