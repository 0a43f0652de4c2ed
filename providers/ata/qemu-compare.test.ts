/**
 * QEMU's IDE controller and ours get the same register accesses, from a seed, and are to answer the
 * same; what they do not is listed in providers/disk/qemu/README.md, with the word of the standard.
 */
import { describe, expect } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { DiskDrive } from "../disk/drive/disk-drive.ts";
import { FaultList } from "../disk/faults.ts";
import { MemoryMedium } from "../disk/medium.ts";
import { Comparison, QemuHardware } from "../disk/qemu/compare.fixture.ts";
import { pattern } from "../disk/qemu/exercise.fixture.ts";
import {
  driveArguments,
  enableIde,
  makeFolders,
  qemuTest,
} from "../disk/qemu/qemu-disks.fixture.ts";
import { Qtest } from "../disk/qemu/qtest.fixture.ts";
import { timingOf } from "../disk/timing.ts";
import { IdeStream } from "./compare.fixture.ts";
import { OurIde } from "./our-ide.fixture.ts";

const newFolder = makeFolders();
const SIZE = 1 << 20;
const STEPS = 400;

/** The rows of the table in providers/disk/qemu/README.md. */
const KNOWN = [
  /^SRST (line|bus master)$/,
  /^(20|21|24|29|c4|25|35|c8|c9|ca|cb) beyond the end (long table )?error$/,
  /^(30|31|34|39|c5) beyond the end (line|status|bus master)$/,
  /^(40|41|42) beyond the end (line|status|error)$/,
  /^(25|35|c8|c9|ca|cb) (beyond the end )?(CHS )?short table (memory|status)$/,
  /^(25|35|c8|c9|ca|cb) beyond the end short table (line|error|bus master( stopped)?)$/,
  /^(25|35|c8|c9|ca|cb) beyond the end (long table )?bus master$/,
  /^90 .*HOB /,
  /^b0 .*d2 (status|error)$/,
  /^ef .*(3|5|85) (status|error)$/,
  /^f8 CHS LBA_(LOW|MID|HIGH)$/,
  /^e5 (CHS |beyond the end )?COUNT$/,
];

async function compare(seed: number): Promise<Comparison> {
  const folder = newFolder();
  const image = join(folder, "disk");
  const bytes = pattern(SIZE, 5);
  writeFileSync(image, bytes);
  const medium = new MemoryMedium(bytes.slice());
  const timing = timingOf("instant", medium.sectors);
  const faults = new FaultList([], 1);
  const ours = new OurIde((now) => [
    new DiskDrive({ name: "hd0", medium, timing, faults, now, position: 0 }),
  ]);
  const drives = driveArguments(image, "bus=ide.0,unit=0");
  const qtest = new Qtest({ folder, machine: "pc", arguments: drives });
  const both = new Comparison(new QemuHardware(qtest), ours, seed);
  try {
    enableIde(qtest);
    const stream = new IdeStream(both, medium.sectors);
    stream.reset();
    for (let i = 0; i < STEPS; i++) stream.step();
  } finally {
    await qtest.close();
  }
  expect(readFileSync(image).equals(medium.bytes)).toBe(true);
  return both;
}

describe("IDE controllers, QEMU's and ours", () => {
  for (const seed of [1, 2, 3]) {
    qemuTest(`answer 400 commands alike but for what is known, seed ${seed}`, async () => {
      const both = await compare(seed);
      expect(both.unexplained(KNOWN)).toEqual([]);
      expect(both.compared).toBeGreaterThan(10_000);
    });
  }
});
