/** The IDE controller at its registers: reads and writes, their data, results and interrupts. */
import { describe, expect, test } from "bun:test";
import { IdeBench, SECTOR, type Task } from "./device.fixture.ts";

const READY = 0x50;
/** A defect must not make a test spin. */
const BLOCKS_MAX = 70_000;
const DATA = 0x58;
const FAILED = 0x51;

/** Reads blocks until the command is over. */
function readBlocks(bench: IdeBench, blockBytes: number, width: 1 | 2 | 4 = 2): Uint8Array[] {
  const blocks: Uint8Array[] = [];
  bench.machine.settle();
  while ((bench.status & 8) !== 0) {
    expect(bench.interrupt).toBe(true);
    expect(bench.read(7)).toBe(DATA);
    expect(bench.interrupt).toBe(false);
    blocks.push(bench.take(blockBytes, width));
    if (blocks.length > BLOCKS_MAX) throw new Error("The blocks have no end");
    bench.machine.settle();
  }
  return blocks;
}

describe("IdeController reads", () => {
  for (const [command, extended] of [
    [0x20, false],
    [0x21, false],
    [0x24, true],
  ] as const) {
    for (const width of [1, 2, 4] as const) {
      test(`by command ${command.toString(16)}h, ${width} bytes at a time [ATA-6 8.27]`, () => {
        const bench = new IdeBench();
        const task = { count: 3, lba: 17 };
        if (extended) bench.issueExt(command, task);
        else bench.issue(command, task);
        expect(bench.status).toBe(0x80);
        const blocks = readBlocks(bench, SECTOR, width);
        expect(blocks).toEqual([17, 18, 19].map((lba) => bench.sectors(lba)));
        expect([bench.status, bench.error, bench.lba()]).toEqual([READY, 0, 19]);
        expect(bench.interrupt).toBe(false);
      });
    }
  }

  test("several sectors a block, and the rest in a short last one [ATA-6 8.28]", () => {
    const bench = new IdeBench();
    bench.issue(0xc4, { count: 5, lba: 3 });
    expect([bench.run(), bench.error]).toEqual([FAILED, 4]);
    bench.issue(0xc6, { count: 4 });
    expect(bench.run()).toBe(READY);
    bench.issue(0xc4, { count: 5, lba: 3 });
    bench.machine.settle();
    expect(bench.read(7)).toBe(DATA);
    expect(bench.take(4 * SECTOR, 4)).toEqual(bench.sectors(3, 4));
    bench.machine.settle();
    expect(bench.read(7)).toBe(DATA);
    expect(bench.take(SECTOR)).toEqual(bench.sectors(7));
    expect(bench.status).toBe(READY);
    for (const count of [3, 32, 255]) {
      bench.issue(0xc6, { count });
      expect([bench.run(), bench.error]).toEqual([FAILED, 4]);
    }
  });

  test("takes a count of 0 for 256, and for 65,536 with 48 bits [ATA-6 6.2]", () => {
    const bench = new IdeBench({ sectors: 70_000 });
    bench.issue(0x20, { count: 0, lba: 1 });
    expect(readBlocks(bench, SECTOR, 4)).toHaveLength(256);
    bench.issueExt(0x42, { count: 0, lba: 70_000 - 65_536 });
    expect(bench.run()).toBe(READY);
    bench.issueExt(0x42, { count: 0, lba: 70_001 - 65_536 });
    expect([bench.run(), bench.error]).toEqual([FAILED, 0x10]);
  });

  test("by cylinder, head and sector, and by the host's own geometry [ATA-6 6.2.1]", () => {
    const bench = new IdeBench({ sectors: 63 * 16 * 3 });
    const chs = (cylinder: number, head: number, sector: number): Task => {
      return { count: 1, lba: cylinder * 256 + sector, device: head };
    };
    bench.issue(0x20, chs(1, 2, 5));
    expect(readBlocks(bench, SECTOR)[0]).toEqual(bench.sectors((1 * 16 + 2) * 63 + 4));
    bench.issue(0x91, { count: 17, device: 3 });
    expect(bench.run()).toBe(READY);
    bench.issue(0x20, chs(10, 3, 17));
    expect(readBlocks(bench, SECTOR)[0]).toEqual(bench.sectors((10 * 4 + 3) * 17 + 16));
    expect([bench.read(3), bench.read(4), bench.read(6) & 15]).toEqual([17, 10, 3]);
    for (const bad of [chs(10, 3, 18), chs(10, 3, 0), chs(10, 4, 1), chs(60, 0, 1)]) {
      bench.issue(0x20, bad);
      expect([bench.run(), bench.error]).toEqual([FAILED, 0x10]);
    }
  });

  test("verifies without data, and says where the disk ends [ATA-6 8.44]", () => {
    const bench = new IdeBench({ sectors: 100 });
    bench.issue(0x40, { count: 10, lba: 90 });
    expect(bench.run()).toBe(READY);
    bench.issue(0x40, { count: 11, lba: 90 });
    expect([bench.run(), bench.error, bench.lba()]).toEqual([FAILED, 0x10, 100]);
  });
});

describe("IdeController writes", () => {
  for (const [command, extended] of [
    [0x30, false],
    [0x31, false],
    [0x34, true],
  ] as const) {
    test(`by command ${command.toString(16)}h with an interrupt each [ATA-6 8.62]`, () => {
      const bench = new IdeBench();
      const blocks = [1, 2].map((seed) => new Uint8Array(SECTOR).map((_, i) => i * seed));
      if (extended) bench.issueExt(command, { count: 2, lba: 40 });
      else bench.issue(command, { count: 2, lba: 40 });
      bench.machine.settle();
      expect([bench.status, bench.interrupt]).toEqual([DATA, false]);
      bench.give(blocks[0]!, 4);
      expect(bench.status).toBe(0x80);
      bench.machine.settle();
      expect([bench.interrupt, bench.read(7)]).toEqual([true, DATA]);
      bench.give(blocks[1]!, 1);
      expect(bench.run()).toBe(READY);
      expect(bench.sectors(40)).toEqual(blocks[0]!);
      expect(bench.sectors(41)).toEqual(blocks[1]!);
    });
  }

  test("several sectors a block, also through the cache [ATA-6 8.63]", () => {
    const bench = new IdeBench();
    bench.issue(0xc6, { count: 2 });
    bench.run();
    for (const command of [0x39, 0xce]) {
      bench.issueExt(command, { count: 3, lba: 8 });
      bench.machine.settle();
      bench.give(new Uint8Array(2 * SECTOR).fill(command), 4);
      bench.machine.settle();
      bench.give(new Uint8Array(SECTOR).fill(command), 4);
      expect(bench.run()).toBe(READY);
      expect(new Set(bench.sectors(8, 3))).toEqual(new Set([command]));
    }
  });

  test("forgets trimmed ranges, all or none [ACS-3 7.5]", () => {
    const bench = new IdeBench();
    const trim = (ranges: readonly (readonly [lba: number, count: number])[]): number => {
      const memory = new DataView(bench.machine.memory.buffer, 0x4000, SECTOR);
      for (let i = 0; i < 64; i++) {
        const [lba, count] = ranges[i] ?? [0, 0];
        memory.setUint32(i * 8, lba, true);
        memory.setUint32(i * 8 + 4, count * 65536, true);
      }
      bench.table([[0x4000, SECTOR]]);
      bench.issueExt(0x06, { features: 1, count: 1 });
      bench.start(false);
      return bench.run();
    };
    expect(
      trim([
        [3, 2],
        [9, 1],
      ]),
    ).toBe(READY);
    expect(new Set(bench.sectors(3, 2))).toEqual(new Set([0]));
    expect(new Set(bench.sectors(9))).toEqual(new Set([0]));
    const before = bench.sectors(20);
    expect(
      trim([
        [20, 1],
        [255, 2],
      ]),
    ).toBe(FAILED);
    expect(bench.sectors(20)).toEqual(before);
  });
});
