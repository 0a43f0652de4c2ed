/** Disks that come and go on a cable on which something else is going on. */
import { describe, expect, test } from "bun:test";
import { Runtime, ms, seconds } from "../../index.ts";

const SECTOR = 512;
const start = () => Runtime.start({ backend: "emulated", seed: 3 });

describe("ata cable", () => {
  for (const dma of ["auto", "pio"] as const) {
    test(`lets a disk go on by ${dma} while its neighbour is opened and closed`, async () => {
      await using io = await start();
      const options = { dma, timing: "hdd7200", sizeBytes: 1 << 18, channel: 0 } as const;
      await using disk = await io.open("ata", { ...options, drive: 0 });
      const data = new Uint8Array(64 * SECTOR).map((_, i) => i >>> 9);
      for (let i = 0; i < 8; i++) {
        const writing = disk.write(data, { offset: i * data.length });
        await io.sleep(ms(i));
        const neighbour = await io.open("ata", { ...options, drive: 1 });
        await neighbour.close();
        expect(await writing).toBe(data.length);
        expect(await disk.read(data.length, { offset: i * data.length })).toEqual(data);
      }
      // No command was lost, so nobody waited for a timeout.
      expect(io.now()).toBeLessThan(seconds(2));
    });
  }

  test("gives a disk its settings that is opened while the channel is being reset", async () => {
    await using io = await start();
    const options = { dma: "pio", timing: "hdd7200", sizeBytes: 1 << 18 } as const;
    const first = await io.open("ata", options);
    const read = first.read(64 * SECTOR, { offset: 0 }).catch(() => "cancelled");
    await io.sleep(ms(1));
    // Closing cancels the read: the channel is reset, which takes longer than closing.
    await first.close();
    expect(await read).toBe("cancelled");
    await using second = await io.open("ata", options);
    await io.sleep(seconds(1));
    // Several sectors a block: SET MULTIPLE must not have been forgotten.
    expect(await second.write(new Uint8Array(64 * SECTOR), { offset: 0 })).toBe(64 * SECTOR);
  });
});
