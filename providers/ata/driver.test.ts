/**
 * The driver against its controller when things go wrong: it survives, or says one clear error, the
 * data before it intact.
 */
import { describe, expect, test } from "bun:test";
import { Runtime } from "../../index.ts";

const SECTOR = 512;
const start = () => Runtime.start({ backend: "emulated", seed: 3 });
const pattern = (sectors: number, salt = 1): Uint8Array =>
  Uint8Array.from({ length: sectors * SECTOR }, (_, i) => (i >>> 9) * 5 + i * salt);
const codeOf = (error: { code?: string; name: string }): string => error.code ?? error.name;

/** Writes, flushes and reads back 600 sectors; @returns what the disk was like after that. */
async function survive(faults: string[], options: Record<string, unknown> = {}) {
  await using io = await start();
  await using disk = await io.open("ata", { sizeBytes: 1 << 20, faults, ...options });
  const data = pattern(600);
  expect(await disk.write(data, { offset: 3 * SECTOR })).toBe(data.length);
  await disk.perform("flush");
  expect(await disk.read(data.length, { offset: 3 * SECTOR })).toEqual(data);
  return io.now();
}

describe("ata driver", () => {
  for (const dma of ["auto", "pio"] as const) {
    const SURVIVED = [
      "hang when=4..6",
      "lost-interrupt when=5..9",
      "late-interrupt when=3+3",
      "spurious-interrupt when=3+2",
      ...(dma === "auto" ? ["dma-error when=2..3", "crc when=1..2"] : []),
    ];
    for (const fault of SURVIVED) {
      test(`survives ${fault} with ${dma}`, async () => {
        expect(await survive([fault], { dma })).toBeLessThan(120e9);
      });
    }
  }

  test("says ETIMEDOUT for a drive that hangs for ever, after four tries", async () => {
    await using io = await start();
    await using disk = await io.open("ata", { faults: ["hang when=4+"] });
    expect(await disk.read(SECTOR, { offset: 0 }).catch(codeOf)).toBe("ETIMEDOUT");
    expect(io.now()).toBeLessThan(60e9);
  });

  test("says ENODEV when the drive was unplugged under way", async () => {
    await using io = await start();
    await using disk = await io.open("ata", { faults: ["unplug when=5"] });
    expect((await disk.read(SECTOR, { offset: 0 })).length).toBe(SECTOR);
    expect(await disk.read(SECTOR, { offset: 0 }).catch(codeOf)).toBe("ENODEV");
    expect(await disk.perform("flush").catch(codeOf)).toBe("ENODEV");
  });

  test("says EIO for an unreadable sector, and brings what lies before it", async () => {
    await using io = await start();
    for (const dma of ["auto", "pio"] as const) {
      await using disk = await io.open("ata", { dma, faults: ["unreadable lba=20"] });
      const data = pattern(64);
      await disk.write(data, { offset: 0 });
      const buffer = io.buffer(64 * SECTOR);
      expect(await disk.readInto(buffer, { offset: 0 }).catch(codeOf)).toBe("EIO");
      expect(buffer.bytes.slice(0, 16 * SECTOR)).toEqual(data.slice(0, 16 * SECTOR));
      buffer.dispose();
      // The sectors around it are as ever.
      expect(await disk.read(43 * SECTOR, { offset: 21 * SECTOR })).toEqual(
        data.slice(21 * SECTOR),
      );
    }
  });

  test("refuses misalignment, ends and read-only disks with their codes", async () => {
    await using io = await start();
    await using disk = await io.open("ata", { sizeBytes: 10 * SECTOR });
    expect(await disk.read(SECTOR, { offset: 1 }).catch(codeOf)).toBe("ERR_OUT_OF_RANGE");
    expect(await disk.read(100, { offset: 0 }).catch(codeOf)).toBe("ERR_OUT_OF_RANGE");
    expect(await disk.write(pattern(2), { offset: 9 * SECTOR }).catch(codeOf)).toBe(
      "ERR_OUT_OF_RANGE",
    );
    expect((await disk.read(4 * SECTOR, { offset: 8 * SECTOR })).length).toBe(2 * SECTOR);
    expect((await disk.read(SECTOR, { offset: 10 * SECTOR })).length).toBe(0);
    await using locked = await io.open("ata", { readOnly: true });
    expect(await locked.write(pattern(1), { offset: 0 }).catch(codeOf)).toBe("EROFS");
    const bad = { faults: ["melts"] };
    expect(await io.open("ata", bad).catch(codeOf)).toBe("EINVAL");
    const taken = { channel: 0, drive: 0 };
    expect(await io.open("ata", taken).catch(codeOf)).toBe("EBUSY");
  });

  test("says who the drive is, trims, and writes durably by FUA", async () => {
    await using io = await start();
    await using disk = await io.open("ata", { sizeBytes: 1 << 20, timing: "ssd" });
    const line = new Uint8Array(1024);
    const length = await disk.perform("identify", line);
    const told = JSON.parse(new TextDecoder().decode(line.subarray(0, length)));
    expect(told).toMatchObject({ model: "IOREEL DISK", sectors: 2048, sectorBytes: SECTOR });
    expect(told.features).toContain("lba48");
    await disk.write(pattern(8), { offset: 0, argument: 1 });
    await disk.perform("discard", undefined, { offset: SECTOR, argument: 2 * SECTOR });
    const back = await disk.read(4 * SECTOR, { offset: 0 });
    expect(new Set(back.slice(SECTOR, 3 * SECTOR))).toEqual(new Set([0]));
    expect(back.slice(3 * SECTOR)).toEqual(pattern(8).slice(3 * SECTOR, 4 * SECTOR));
  });

  test("reads 78 random sectors a second of a 7,200 rpm disk, within 5 %", async () => {
    await using io = await start();
    await using disk = await io.open("ata", { sizeBytes: 2 ** 37, timing: "hdd7200" });
    const begun = io.now();
    const READS = 300;
    for (let i = 0; i < READS; i++) {
      const sector = Math.floor(io.random.unit() * (2 ** 37 / 4096)) * 8;
      await disk.read(8 * SECTOR, { offset: sector * SECTOR });
    }
    const meanMs = (io.now() - begun) / READS / 1e6;
    // Command 0.1 + mean seek 8.5 + half a turn 4.17 + 8 of 2,048 sectors of a turn 0.03.
    expect(Math.abs(meanMs / 12.8 - 1)).toBeLessThan(0.05);
  });
});
