/**
 * QEMU's AHCI and ours get the same commands and register accesses, from a seed, and are to answer
 * the same; what they do not is listed in providers/disk/qemu/README.md, with the word of the
 * specification on it.
 */
import { describe, expect } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { Comparison, QemuHardware } from "../disk/qemu/compare.fixture.ts";
import {
  driveArguments,
  enableAhci,
  makeFolders,
  qemuTest,
} from "../disk/qemu/qemu-disks.fixture.ts";
import { Qtest } from "../disk/qemu/qtest.fixture.ts";
import { AhciStream, OurAhci } from "./compare.fixture.ts";
import { SATA_LINE } from "./registers.ts";

const newFolder = makeFolders();
const SECTORS = 4096;
const STEPS = 400;

/** The rows of the table in providers/disk/qemu/README.md. */
const KNOWN = [
  /^HBA (CAP|VS)$/,
  /^(start|start after COMRESET|COMRESET) PxTFD$/,
  /^COMRESET (PxIS|PxSERR)$/,
  /^(20|24) (beyond the end )?(long table )?PxIS$/,
  /^(20|24) .*received (D2H|PIO setup): type and flags$/,
  /^(30|34) beyond the end .*received PIO setup: type and flags$/,
  /^(20|24|30|34|25|35|c8|c9|ca|cb) beyond the end( long table)?(, restart)? PxTFD$/,
  /^(30|34) beyond the end (long table )?PRDBC$/,
  /^(40|42) beyond the end(, restart)? (PxCI|PxIS|PxTFD|received D2H: type and flags)$/,
  /^NCQ PxTFD$/,
];

async function compare(seed: number): Promise<Comparison> {
  const folder = newFolder();
  const image = join(folder, "disk");
  const ours = new OurAhci(SECTORS);
  const { medium } = ours.rig;
  writeFileSync(image, medium.bytes);
  const drives = driveArguments(image, "bus=ide.0");
  const qtest = new Qtest({ folder, machine: "q35", arguments: drives });
  // The interrupt pin goes to one of PIRQA to PIRQH, lines 16 and up.
  const lineOf = (line: number): number => (line >= 16 ? SATA_LINE : -1);
  const qemu = new QemuHardware(qtest, "memory", lineOf);
  const both = new Comparison(qemu, ours, seed);
  try {
    enableAhci(qtest);
    const stream = new AhciStream(both, SECTORS);
    stream.lookAtHba();
    stream.start();
    for (let i = 0; i < STEPS; i++) stream.step();
  } finally {
    await qtest.close();
  }
  expect(readFileSync(image).equals(medium.bytes)).toBe(true);
  return both;
}

describe("AHCI adapters, QEMU's and ours", () => {
  for (const seed of [1, 2, 3]) {
    qemuTest(`answer 400 rounds alike but for what is known, seed ${seed}`, async () => {
      const both = await compare(seed);
      expect(both.unexplained(KNOWN)).toEqual([]);
      expect(both.compared).toBeGreaterThan(4_000);
    });
  }
});
