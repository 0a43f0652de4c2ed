/** What a disk driver is put through on QEMU's hardware, and the image that must be there then. */
import { expect } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";

const SECTOR = 512;
const IDENTITY_BYTES = 1024;
const decoder = new TextDecoder();

/** A disk as a program sees it. */
export interface OpenDisk {
  read(bytes: number, options: object): Promise<Uint8Array>;
  write(bytes: Uint8Array, options: object): Promise<number>;
  perform(operation: string, target?: Uint8Array, options?: object): Promise<number>;
}

/** Bytes that differ from place to place. */
export function pattern(length: number, seed: number): Uint8Array {
  return Uint8Array.from({ length }, (_, at) => (at * 31 + (at >> 9) * 7 + seed) & 0xff);
}

/** What a disk says of itself. */
export async function identityOf(disk: OpenDisk): Promise<{ model: string; sectors: number }> {
  const text = new Uint8Array(IDENTITY_BYTES);
  const length = await disk.perform("identify", text);
  return JSON.parse(decoder.decode(text.subarray(0, length)));
}

/** A disk's sectors that a test goes over: where each transfer is, and how long it is. */
export interface Plan {
  image: string;
  /** Sectors of each transfer. */
  counts: readonly number[];
  /** Sectors from one transfer to the next. */
  stride: number;
  /** Whether sectors are discarded at the end. */
  trims: boolean;
}

/** Reads, writes, reads back, flushes and trims; the image then holds just that. */
export async function exercise(disk: OpenDisk, plan: Plan): Promise<void> {
  const expected = readFileSync(plan.image);
  for (const [i, count] of plan.counts.entries()) {
    const offset = (i * plan.stride + 3) * SECTOR;
    const length = count * SECTOR;
    const before = expected.subarray(offset, offset + length);
    expect(before.equals(await disk.read(length, { offset }))).toBe(true);
    const bytes = pattern(length, i);
    expected.set(bytes, offset);
    expect(await disk.write(bytes, { offset, argument: i & 1 })).toBe(length);
    expect(Buffer.from(bytes).equals(await disk.read(length, { offset }))).toBe(true);
  }
  await disk.perform("flush");
  expect(readFileSync(plan.image).equals(expected)).toBe(true);
  if (!plan.trims) return;
  const length = 16 * SECTOR;
  await disk.perform("discard", undefined, { offset: 8 * SECTOR, argument: length });
  await disk.perform("flush");
  expected.fill(0, 8 * SECTOR, 8 * SECTOR + length);
  expect(readFileSync(plan.image).equals(expected)).toBe(true);
}

/** The first of the programs for FAT images that is not installed, or undefined. */
export function missingFatTool(): string | undefined {
  return ["mkfs.fat", "fsck.fat", "mcopy"].find((tool) => Bun.which(tool, ENV) === null);
}
const ENV = { PATH: `${process.env.PATH}:/usr/sbin:/sbin` };
const TEXT = "the quick brown fox\n".repeat(3000);

function run(...cmd: string[]): string {
  const { exitCode, stdout, stderr } = Bun.spawnSync({ cmd, env: { ...process.env, ...ENV } });
  if (exitCode !== 0) throw new Error(`${cmd.join(" ")}: ${decoder.decode(stderr)}`);
  return decoder.decode(stdout);
}

/** Makes a FAT image with a text in it. */
export function makeFat(image: string, sizeBytes: number): void {
  writeFileSync(image, new Uint8Array(sizeBytes));
  run("mkfs.fat", image);
  writeFileSync(`${image}.txt`, TEXT);
  run("mcopy", "-i", image, `${image}.txt`, "::text.txt");
}

/** Checks an image that a driver wrote: the file system is sound and the text whole. */
export function judgeFat(image: string): void {
  run("fsck.fat", "-n", image);
  expect(run("mcopy", "-i", image, "::text.txt", "-")).toBe(TEXT);
}

/** Copies all of a disk to another, through the driver. */
export async function copyDisk(from: OpenDisk, to: OpenDisk, sizeBytes: number): Promise<void> {
  const chunk = 128 * SECTOR;
  for (let offset = 0; offset < sizeBytes; offset += chunk) {
    await to.write(await from.read(chunk, { offset }), { offset });
  }
  await to.perform("flush");
}
