/**
 * A FAT file system of mkfs.fat and mtools, copied by our drivers on QEMU's hardware from one disk
 * to another: fsck.fat and mtools find it whole there.
 */
import { describe, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { copyDisk, judgeFat, makeFat, missingFatTool, type OpenDisk } from "./exercise.fixture.ts";
import {
  driveArguments,
  floppyArguments,
  makeFolders,
  withAhci,
  withFloppy,
  withIde,
} from "./qemu-disks.fixture.ts";
import { missingQemu } from "./qtest.fixture.ts";

const newFolder = makeFolders();
const tool = missingFatTool();
if (tool !== undefined) console.warn(`SKIPPED: FAT images on QEMU's devices: no ${tool}`);
const fatTest = test.skipIf(missingQemu !== undefined || tool !== undefined);
const DISK_BYTES = 8 << 20;
const FLOPPY_BYTES = 1_474_560;

interface Io {
  open(kind: string, options: object): Promise<unknown>;
}

/** Makes the images, has the program copy the first to the second, and looks at that. */
async function copyAndJudge(
  sizeBytes: number,
  copy: (folder: string, images: readonly [string, string]) => Promise<void>,
): Promise<void> {
  const folder = newFolder();
  const images = [join(folder, "from"), join(folder, "to")] as const;
  makeFat(images[0], sizeBytes);
  writeFileSync(images[1], new Uint8Array(sizeBytes));
  await copy(folder, images);
  judgeFat(images[1]);
  expect(readFileSync(images[1]).equals(readFileSync(images[0]))).toBe(true);
}

async function copy(io: unknown, kind: string, places: readonly object[], sizeBytes: number) {
  const disks: OpenDisk[] = [];
  for (const place of places) disks.push((await (io as Io).open(kind, place)) as OpenDisk);
  await copyDisk(disks[0]!, disks[1]!, sizeBytes);
}

describe("FAT file systems, copied by our drivers on QEMU's devices", () => {
  fatTest("pass from an IDE disk to another and stay sound", () =>
    copyAndJudge(DISK_BYTES, (folder, images) => {
      const places = ["bus=ide.0,unit=0", "bus=ide.1,unit=0"];
      const drives = images.flatMap((image, i) => driveArguments(image, places[i]!));
      const options = [{ channel: 0 }, { channel: 1 }];
      return withIde(folder, drives, (io) => copy(io, "ata", options, DISK_BYTES));
    }),
  );

  fatTest("pass from a SATA disk to another and stay sound", () =>
    copyAndJudge(DISK_BYTES, (folder, images) => {
      const drives = images.flatMap((image, i) => driveArguments(image, `bus=ide.${i}`));
      const options = [{ port: 0 }, { port: 1 }];
      return withAhci(folder, drives, (io) => copy(io, "sata", options, DISK_BYTES));
    }),
  );

  fatTest("pass from floppy A to floppy B and stay sound", () =>
    copyAndJudge(FLOPPY_BYTES, (folder, images) => {
      const options = [0, 1].map((drive) => ({ drive, timing: "instant" }));
      const drives = floppyArguments(...images);
      return withFloppy(folder, drives, (io) => copy(io, "fdd", options, FLOPPY_BYTES));
    }),
  );
});
