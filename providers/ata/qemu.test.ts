/**
 * Our IDE driver, unchanged, on QEMU's PIIX3 and its disks and CD drives: what it writes is in the
 * image file as other programs see it.
 */
import { describe, expect } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { exercise, identityOf, pattern, type OpenDisk } from "../disk/qemu/exercise.fixture.ts";
import { driveArguments, makeFolders, qemuTest, withIde } from "../disk/qemu/qemu-disks.fixture.ts";

const newFolder = makeFolders();
const SIZE = 4 << 20;
const SECTORS = SIZE / 512;

describe("the IDE driver on QEMU's controller", () => {
  for (const dma of ["auto", "pio"] as const) {
    qemuTest(`identifies, writes, reads back and flushes with dma ${dma}`, async () => {
      const folder = newFolder();
      const image = join(folder, "disk");
      writeFileSync(image, pattern(SIZE, 5));
      await withIde(folder, driveArguments(image, "bus=ide.0,unit=0"), async (io) => {
        const disk = (await io.open("ata", { dma })) as never as OpenDisk;
        expect(await identityOf(disk)).toMatchObject({ model: "QEMU HARDDISK", sectors: SECTORS });
        const counts = dma === "auto" ? [1, 8, 129, 300] : [1, 8, 17];
        await exercise(disk, { image, counts, stride: 700, trims: dma === "auto" });
        expect(await disk.read(1024, { offset: SIZE - 512 })).toHaveLength(512);
      });
    });
  }

  qemuTest("serves four drives at once, a CD among them, without mixing them up", async () => {
    const folder = newFolder();
    const places = ["bus=ide.0,unit=0", "bus=ide.0,unit=1", "bus=ide.1,unit=0"];
    const images = places.map((_, i) => join(folder, `disk${i}`));
    for (const [i, image] of images.entries()) writeFileSync(image, pattern(SIZE, i * 40));
    const disc = join(folder, "disc");
    writeFileSync(disc, pattern(1 << 20, 99));
    const drives = [
      ...places.flatMap((place, i) => driveArguments(images[i]!, place)),
      ...driveArguments(disc, "bus=ide.1,unit=1", "ide-cd"),
    ];
    await withIde(folder, drives, async (io) => {
      const tasks = images.map((image, i) =>
        io.spawn(async () => {
          const options = { channel: i >> 1, drive: i & 1 };
          const disk = (await io.open("ata", options)) as never as OpenDisk;
          await exercise(disk, { image, counts: [40, 2, 90], stride: 400, trims: true });
        }),
      );
      const options = { channel: 1, drive: 1, packet: true };
      const cd = (await io.open("ata", options)) as never as OpenDisk;
      expect(await identityOf(cd)).toMatchObject({ model: "QEMU DVD-ROM", sectorBytes: 2048 });
      for (const [offset, length] of [
        [0, 2048],
        [40_960, 131_072],
        [(1 << 20) - 2048, 2048],
      ] as const) {
        const found = await cd.read(length, { offset });
        expect(
          readFileSync(disc)
            .subarray(offset, offset + length)
            .equals(found),
        ).toBe(true);
      }
      for (const task of tasks) await task.join();
    });
  });
});
