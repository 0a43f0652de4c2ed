/**
 * QEMU's floppy controller and ours get the same commands, from a seed, and are to answer the same;
 * what they do not is listed in providers/disk/qemu/README.md, with the data sheet's word on it.
 */
import { describe, expect } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { Comparison, QemuHardware } from "../disk/qemu/compare.fixture.ts";
import { floppyArguments, makeFolders, qemuTest } from "../disk/qemu/qemu-disks.fixture.ts";
import { Qtest } from "../disk/qemu/qtest.fixture.ts";
import { FloppyStream, OurFloppy } from "./compare.fixture.ts";

const newFolder = makeFolders();
const STEPS = 300;

/** The rows of the table in providers/disk/qemu/README.md. */
const KNOWN = [
  /^command e result [04-7]$/,
  /^read (multi-track )?of another cylinder (result [0-5]|memory|DMA count, byte [01])$/,
  /^(read|write) (multi-track )?behind the track result [01]$/,
  /^(read|write) (multi-track )?result 0$/,
  /^read id result [35]$/,
  /^sense drive result 0$/,
  /^(seek|recalibrate) MSR$/,
  /^sense after (seek|recalibrate) MSR before a byte$/,
  /^sense after reset result 1$/,
];

async function compare(seed: number): Promise<Comparison> {
  const folder = newFolder();
  const image = join(folder, "disk");
  const ours = new OurFloppy();
  writeFileSync(image, ours.disk.medium.bytes);
  const qtest = new Qtest({ folder, machine: "pc", arguments: floppyArguments(image) });
  const both = new Comparison(new QemuHardware(qtest), ours, seed);
  try {
    const stream = new FloppyStream(both);
    stream.reset();
    for (let i = 0; i < STEPS; i++) stream.step();
  } finally {
    await qtest.close();
  }
  expect(readFileSync(image).equals(ours.disk.medium.bytes)).toBe(true);
  return both;
}

describe("floppy controllers, QEMU's and ours", () => {
  for (const seed of [1, 2, 3]) {
    qemuTest(`answer 300 rounds alike but for what is known, seed ${seed}`, async () => {
      const both = await compare(seed);
      expect(both.unexplained(KNOWN)).toEqual([]);
      expect(both.compared).toBeGreaterThan(4_000);
    });
  }
});
