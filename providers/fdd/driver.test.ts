/** The driver against the controller: the times of a floppy, and what a program sees of it. */
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { diskOf, patterned } from "./bare-machine.fixture.ts";
import { imageFolder, start, withFloppy } from "./driver.fixture.ts";
import { SETTLE_NS } from "./drive.ts";
import { FORMATS, bytesOf, formatNamed } from "./geometry.ts";

const { folder, imageOf } = imageFolder();

describe("Times of a floppy", () => {
  for (const format of FORMATS) {
    test(`a whole ${format.name} is read in the time of its turns and steps`, async () => {
      const contents = patterned(bytesOf(format));
      const options = { image: imageOf(contents), format: format.name, timing: "real" as const };
      await withFloppy(options, async ({ io, main }) => {
        const bytes = new Uint8Array(contents.length);
        const before = io.now();
        expect(await main.perform("read", bytes, { offset: 0 })).toBe(contents.length);
        expect(bytes).toEqual(contents.slice());
        // A turn for each track, and between two cylinders a step and the head's settling.
        const stepNs = format.rate === 2 ? 4e6 : 3e6;
        const turns = format.cylinders * format.heads * format.turnNs;
        const arithmetic = turns + (format.cylinders - 1) * (stepNs + SETTLE_NS);
        const ratio = (io.now() - before) / arithmetic;
        // 5 % for the format that matters most, some more where sectors are fewer and longer.
        // Where a cylinder is one track, the waiting for the next ID weighs twice as much.
        expect(Math.abs(ratio - 1)).toBeLessThan(format.heads === 2 ? 0.1 : 0.3);
        if (format.name === "1.44M") expect(Math.abs(ratio - 1)).toBeLessThan(0.05);
      });
    });
  }

  test("the motor takes its time, goes on for two seconds, and then off", async () => {
    await withFloppy({ timing: "real" }, async ({ io, fdc, read }) => {
      const { state } = fdc.drives[0]!;
      await io.sleep(3e9);
      expect(state.motorOn).toBe(0);
      const before = io.now();
      await read(0);
      expect(io.now() - before).toBeGreaterThan(300e6);
      expect(state.motorOn).toBe(1);
      await io.sleep(1e9);
      await read(1);
      await io.sleep(1.5e9);
      expect(state.motorOn).toBe(1);
      await io.sleep(1e9);
      expect(state.motorOn).toBe(0);
    });
  });

  test("a second read of the same cylinder comes from the buffer", async () => {
    await withFloppy({ timing: "real" }, async ({ io, read }) => {
      await read(40);
      const before = io.now();
      await read(36, 36);
      expect(io.now()).toBe(before);
    });
  });
});

describe("Reading and writing", () => {
  test("any run of sectors, over cylinders, comes back as it was written", async () => {
    await withFloppy({}, async ({ read, write }) => {
      const bytes = patterned(100 * 512);
      expect(await write(30, bytes)).toBe(bytes.length);
      expect(await read(30, 100)).toEqual(bytes.slice());
      await read(2000);
      expect(await read(30, 100)).toEqual(bytes.slice());
    });
  });

  test("ends at the end of the disk, and refuses what is not whole sectors", async () => {
    await withFloppy({}, async ({ main, read, write }) => {
      expect(await read(2878, 4)).toHaveLength(1024);
      expect(await read(2880)).toHaveLength(0);
      expect(await write(2879, new Uint8Array(1024))).toBe("ERR_OUT_OF_RANGE");
      expect(await read(2879)).toEqual(new Uint8Array(512));
      for (const [length, offset] of [
        [100, 0],
        [512, 100],
        [512, -512],
      ] as const) {
        const error = await main
          .perform("read", new Uint8Array(length), { offset })
          .catch((e) => e);
        expect(error.code ?? error.name).toBe("ERR_OUT_OF_RANGE");
      }
    });
  });

  test("finds out the format of each disk by itself", async () => {
    for (const format of FORMATS) {
      const options = { image: imageOf(patterned(bytesOf(format))), format: "auto" as const };
      await withFloppy(options, async ({ main }) => {
        const text = new Uint8Array(512);
        const count = await main.perform("identify", text);
        const identity = JSON.parse(new TextDecoder().decode(text.subarray(0, count)));
        expect(identity.format).toBe(format.name);
        expect(identity.sectors * 512).toBe(bytesOf(format));
      });
    }
  });

  test("brings written sectors into the image at flush and close, or never", async () => {
    const contents = patterned(bytesOf(formatNamed("1.44M")));
    const path = imageOf(contents);
    const change = new Uint8Array(512).fill(0xee);
    await withFloppy({ image: path, writeBack: false }, async ({ main, write, read }) => {
      await write(7, change);
      await main.perform("flush");
      expect(await read(7)).toEqual(change);
    });
    expect(readFileSync(path).equals(contents)).toBe(true);
    await withFloppy({ image: path }, async ({ main, write }) => {
      await write(7, change);
      expect(readFileSync(path).equals(contents)).toBe(true);
      await main.perform("flush");
      contents.set(change, 7 * 512);
      expect(readFileSync(path).equals(contents)).toBe(true);
      await write(9, change);
    });
    contents.set(change, 9 * 512);
    expect(readFileSync(path).equals(contents)).toBe(true);
  });

  test("refuses writes to a protected disk with EROFS, the option's or the tab's", async () => {
    await withFloppy({ readOnly: true }, async ({ write }) => {
      expect(await write(0, new Uint8Array(512))).toBe("EROFS");
    });
    await withFloppy({}, async ({ fdc, read, write }) => {
      fdc.insert(0, diskOf("1.44M", { readOnly: true }).surface);
      expect(await read(0)).toBe("ENOMEDIUM");
      expect(await write(0, new Uint8Array(512))).toBe("EROFS");
      expect(await read(3)).toEqual(diskOf("1.44M").medium.bytes.slice(3 * 512, 4 * 512));
    });
  });

  test("a drive has one opener, four hold a disk each, other images are refused", async () => {
    const { io } = await start();
    const code = (error: { code?: string }): string => error.code ?? String(error);
    const drives = [];
    for (let drive = 0; drive < 4; drive++) {
      const end = await io.open("fdd", { drive, sizeBytes: 737_280, timing: "instant" });
      await end.perform("write", new Uint8Array(512).fill(drive + 1), { offset: 512 * drive });
      drives.push(end);
    }
    for (const [drive, end] of drives.entries()) {
      const bytes = new Uint8Array(512);
      await end.perform("read", bytes, { offset: 512 * drive });
      expect(bytes[0]).toBe(drive + 1);
    }
    await drives[1]!.close();
    expect(await io.open("fdd", { drive: 0 }).catch(code)).toBe("EBUSY");
    const large = imageOf(new Uint8Array(4_000_000));
    expect(await io.open("fdd", { drive: 1, image: large }).catch(code)).toBe("EINVAL");
    const none = join(folder, "none.img");
    expect(await io.open("fdd", { drive: 1, image: none }).catch(code)).toBe("ENOENT");
    await io.close();
  });
});
