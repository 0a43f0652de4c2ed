/** Media over images: what reaches the file and when, and files that change underneath. */
import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Runtime } from "../../index.ts";
import { fileBase, OverlayMedium, zeros } from "./image.ts";
import { MEDIUM } from "./medium.ts";

const SECTOR = 512;
const folder = mkdtempSync(join(tmpdir(), "ioreel-image-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let images = 0;
function image(bytes: number): string {
  const path = join(folder, `image${++images}`);
  writeFileSync(
    path,
    new Uint8Array(bytes).map((_, i) => (i >>> 9) + 1),
  );
  return path;
}
const filled = (sectors: number, value: number): Uint8Array =>
  new Uint8Array(sectors * SECTOR).fill(value);

describe("OverlayMedium", () => {
  test("writes to its file at a flush and not before, over chunks and at a part one", () => {
    const path = image(70_000 + SECTOR);
    const before = readFileSync(path);
    const medium = new OverlayMedium(fileBase(path, true));
    expect(medium.sectors).toBe(137);
    expect(medium.write(120, 17, filled(17, 0xee), 0)).toBe(17);
    expect(readFileSync(path)).toEqual(before);
    expect(medium.flush()).toBe(true);
    const after = readFileSync(path);
    expect(after.subarray(0, 120 * SECTOR)).toEqual(before.subarray(0, 120 * SECTOR));
    expect(new Set(after.subarray(120 * SECTOR, 137 * SECTOR))).toEqual(new Set([0xee]));
    expect(after.length).toBe(before.length);
    medium.close();
  });

  test("stays inside itself, refuses writes when read-only, and says why", () => {
    const medium = new OverlayMedium(zeros(10 * SECTOR));
    const target = filled(4, 9);
    expect([medium.read(8, 4, target, 0), medium.status]).toEqual([2, MEDIUM.OUTSIDE]);
    expect([medium.write(-1, 1, target, 0), medium.status]).toEqual([0, MEDIUM.OUTSIDE]);
    expect([medium.discard(9, 2), medium.status]).toEqual([false, MEDIUM.OUTSIDE]);
    const locked = new OverlayMedium(zeros(10 * SECTOR), { readOnly: true });
    expect([locked.write(0, 1, target, 0), locked.status]).toEqual([0, MEDIUM.READ_ONLY]);
  });

  test("carries what was written to another medium over the same base, and nothing else", () => {
    const first = new OverlayMedium(zeros(1 << 20));
    first.write(300, 2, filled(2, 7), 0);
    const second = new OverlayMedium(zeros(1 << 20));
    second.write(5, 1, filled(1, 8), 0);
    second.restore(first.snapshot());
    expect(second.snapshot()).toEqual(first.snapshot());
    expect(() => new OverlayMedium(zeros(512)).restore(first.snapshot())).toThrow("Cannot restore");
  });
});

describe("ata over an image file", () => {
  test("has flushed data in the file, and all of it after closing", async () => {
    const path = image(200 * SECTOR);
    await using io = await Runtime.start({ backend: "emulated", seed: 1 });
    const disk = await io.open("ata", { image: path });
    await disk.write(filled(2, 0xaa), { offset: 10 * SECTOR });
    await disk.perform("flush");
    await disk.write(filled(2, 0xbb), { offset: 20 * SECTOR });
    const byteAt = (sector: number): number => readFileSync(path)[sector * SECTOR]!;
    expect([byteAt(10), byteAt(20)]).toEqual([0xaa, 21]);
    await disk.close();
    expect([byteAt(10), byteAt(20)]).toEqual([0xaa, 0xbb]);
    await using dry = await io.open("ata", { image: path, writeBack: false });
    await dry.write(filled(1, 1), { offset: 10 * SECTOR });
    await dry.perform("flush");
    expect((await dry.read(SECTOR, { offset: 10 * SECTOR }))[0]).toBe(1);
    expect(byteAt(10)).toBe(0xaa);
  });

  test("says EIO behind where its image was cut off, and reads what is left", async () => {
    const path = image(200 * SECTOR);
    await using io = await Runtime.start({ backend: "emulated", seed: 1 });
    await using disk = await io.open("ata", { image: path, readOnly: true });
    truncateSync(path, 100 * SECTOR);
    const code = await disk.read(SECTOR, { offset: 150 * SECTOR }).catch((error) => error.code);
    expect(code).toBe("EIO");
    expect((await disk.read(SECTOR, { offset: 50 * SECTOR }))[0]).toBe(51);
  });

  test("refuses images that are not there or have no sector, with the system's code", async () => {
    await using io = await Runtime.start({ backend: "emulated", seed: 1 });
    const open = (path: string) => io.open("ata", { image: path }).catch((error) => error.code);
    expect(await open(join(folder, "nothing"))).toBe("ENOENT");
    expect(await open(folder)).toBe("EISDIR");
    expect(await open(image(100))).toBe("EINVAL");
    expect(await open("/dev/full")).toBe("ERR_UNSUPPORTED");
  });
});
