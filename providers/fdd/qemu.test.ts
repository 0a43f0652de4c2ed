/**
 * Our floppy driver, unchanged, on QEMU's floppy and DMA controllers: what it writes is in the
 * image file as other programs see it.
 */
import { describe, expect } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";

import { exercise, identityOf, pattern, type OpenDisk } from "../disk/qemu/exercise.fixture.ts";
import {
  floppyArguments,
  makeFolders,
  qemuTest,
  withFloppy,
} from "../disk/qemu/qemu-disks.fixture.ts";

const newFolder = makeFolders();
const SIZE = 1_474_560;

describe("the floppy driver on QEMU's controller", () => {
  qemuTest("finds the format, writes, reads back and flushes", async () => {
    const folder = newFolder();
    const image = join(folder, "disk");
    writeFileSync(image, pattern(SIZE, 5));
    await withFloppy(folder, floppyArguments(image), async (io) => {
      const disk = (await io.open("fdd", { timing: "instant" })) as never as OpenDisk;
      expect(await identityOf(disk)).toMatchObject({ format: "1.44M", sectors: 2880 });
      await exercise(disk, { image, counts: [1, 8, 36, 50], stride: 700, trims: false });
    });
  });
});
