/** What a disk driver is put through on QEMU's hardware, and the image that must be there then. */
import { expect } from "bun:test";
import { readFileSync } from "node:fs";

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
