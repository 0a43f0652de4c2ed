/**
 * Our AHCI driver, unchanged, on QEMU's ICH9 and its disks: what it writes is in the image file as
 * other programs see it.
 */
import { describe, expect } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { exercise, identityOf, pattern, type OpenDisk } from "../disk/qemu/exercise.fixture.ts";
import {
  driveArguments,
  makeFolders,
  qemuTest,
  withAhci,
} from "../disk/qemu/qemu-disks.fixture.ts";

const newFolder = makeFolders();
const SIZE = 8 << 20;
const SECTORS = SIZE / 512;

describe("the AHCI driver on QEMU's adapter", () => {
  qemuTest("identifies, writes, reads back, flushes and trims by NCQ", async () => {
    const folder = newFolder();
    const image = join(folder, "disk");
    writeFileSync(image, pattern(SIZE, 5));
    await withAhci(folder, driveArguments(image, "bus=ide.2"), async (io) => {
      const disk = (await io.open("sata", { port: 2 })) as never as OpenDisk;
      const told = await identityOf(disk);
      expect(told).toMatchObject({ model: "QEMU HARDDISK", sectors: SECTORS, queueDepth: 32 });
      await exercise(disk, { image, counts: [1, 8, 128, 300], stride: 700, trims: true });
      expect(await disk.read(1024, { offset: SIZE - 512 })).toHaveLength(512);
    });
  });

  qemuTest("keeps the queues of two disks filled, and every byte in its place", async () => {
    const folder = newFolder();
    const images = [0, 1].map((i) => join(folder, `disk${i}`));
    for (const [i, image] of images.entries()) writeFileSync(image, pattern(SIZE, i * 40));
    const drives = images.flatMap((image, i) => driveArguments(image, `bus=ide.${i}`));
    const expected = images.map((image) => readFileSync(image));
    await withAhci(folder, drives, async (io) => {
      const disks: OpenDisk[] = [];
      for (const port of [0, 1]) disks.push((await io.open("sata", { port })) as never);
      const tasks = Array.from({ length: 128 }, (_, i) =>
        io.spawn(async () => {
          const disk = disks[i & 1]!;
          const offset = i * 40 * 512;
          const bytes = pattern((1 + (i % 20)) * 512, i);
          expected[i & 1]!.set(bytes, offset);
          await disk.write(bytes, { offset });
          expect(Buffer.from(bytes).equals(await disk.read(bytes.length, { offset }))).toBe(true);
        }),
      );
      for (const task of tasks) await task.join();
      for (const disk of disks) await disk.perform("flush");
      for (const [i, image] of images.entries()) {
        expect(readFileSync(image).equals(expected[i]!)).toBe(true);
      }
    });
  });
});
