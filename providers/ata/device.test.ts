/** The IDE controller at its registers: each command, its data, results and interrupts. */
import { describe, expect, test } from "bun:test";
import { SMART_KEY } from "../disk/drive/settings.ts";
import { IdeBench, SECTOR, type Task } from "./device.fixture.ts";

const READY = 0x50;
const DATA = 0x58;
const FAILED = 0x51;
const word = (data: Uint8Array, at: number): number => data[2 * at]! + data[2 * at + 1]! * 256;

/** Reads blocks until the command is over. */
function readBlocks(bench: IdeBench, blockBytes: number, width: 1 | 2 | 4 = 2): Uint8Array[] {
  const blocks: Uint8Array[] = [];
  bench.machine.settle();
  while ((bench.status & 8) !== 0) {
    expect(bench.interrupt).toBe(true);
    expect(bench.read(7)).toBe(DATA);
    expect(bench.interrupt).toBe(false);
    blocks.push(bench.take(blockBytes, width));
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
      test(`sector by sector with ${command.toString(16)}h, ${width} bytes at a time [ATA-6 8.27]`, () => {
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
    test(`sector by sector with ${command.toString(16)}h, an interrupt after each [ATA-6 8.62]`, () => {
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

describe("IdeController device commands", () => {
  test("identifies the disk by the words that drivers look at [ATA-6 8.15]", () => {
    const bench = new IdeBench({ sectors: 3000 });
    bench.issue(0xec);
    bench.machine.settle();
    expect(bench.run()).toBe(DATA);
    const data = bench.take(SECTOR);
    expect([word(data, 60), word(data, 61), word(data, 100)]).toEqual([3000, 0, 3000]);
    expect(word(data, 49) & 0x300).toBe(0x300);
    expect([word(data, 47) & 0xff, word(data, 53), word(data, 88) & 0xff]).toEqual([16, 7, 0x3f]);
    expect([word(data, 83) & 0x7400, word(data, 85) & 0x21]).toEqual([0x7400, 0x21]);
    expect([word(data, 76), word(data, 106), word(data, 169)]).toEqual([0, 0x4000, 1]);
    expect(data.reduce((sum, byte) => sum + byte, 0) & 0xff).toBe(0);
  });

  test("sets features that stick, and refuses others [ATA-6 8.46]", () => {
    const bench = new IdeBench();
    const set = (features: number, count = 0): [number, number] => {
      bench.issue(0xef, { features, count });
      return [bench.run(), bench.error];
    };
    for (const [features, count] of [
      [3, 0x45],
      [3, 0x22],
      [3, 0x0c],
      [0xaa],
      [0x55],
      [2],
      [0x82],
    ]) {
      expect(set(features!, count)).toEqual([READY, 0]);
    }
    for (const [features, count] of [[3, 0x47], [3, 0x23], [3, 0x80], [0x99]]) {
      expect(set(features!, count)).toEqual([FAILED, 4]);
    }
    expect(bench.disk.settings).toMatchObject({ transferMode: 0x0c, writeCache: false });
    bench.issue(0xec);
    bench.run();
    expect(word(bench.take(SECTOR), 85) & 0x20).toBe(0);
  });

  test("tells its power mode, sleeps, and is woken by a reset [ATA-6 8.9, 8.50]", () => {
    const bench = new IdeBench();
    const mode = (): number => {
      bench.issue(0xe5);
      expect(bench.run()).toBe(READY);
      return bench.read(2);
    };
    expect(mode()).toBe(0xff);
    for (const [command, expected] of [
      [0xe1, 0x80],
      [0xe0, 0],
      [0xe3, 0x80],
      [0xe2, 0],
      [0x95, 0x80],
    ]) {
      bench.issue(command!);
      expect(bench.run()).toBe(READY);
      expect(mode()).toBe(expected!);
    }
    bench.issue(0xe6);
    expect(bench.run()).toBe(READY);
    bench.issue(0x20, { count: 1 });
    expect([bench.run(), bench.error]).toEqual([FAILED, 4]);
    bench.ide.writeRegister("control0", 0, 1, 4);
    bench.ide.writeRegister("control0", 0, 1, 0);
    bench.machine.settle();
    expect(mode()).toBe(0);
  });

  test("has SMART data behind its key, while it is enabled [ATA-6 8.51]", () => {
    const bench = new IdeBench();
    const smart = (features: number, lba = SMART_KEY * 256): number => {
      bench.issue(0xb0, { features, lba, count: 1, device: 0 });
      return bench.run();
    };
    expect(smart(0xd0)).toBe(DATA);
    const data = bench.take(SECTOR);
    expect(data.reduce((sum, byte) => sum + byte, 0) & 0xff).toBe(0);
    expect(smart(0xda)).toBe(READY);
    expect([bench.read(4), bench.read(5)]).toEqual([0x4f, 0xc2]);
    expect(smart(0xd0, 0)).toBe(FAILED);
    expect(smart(0xd9)).toBe(READY);
    expect(smart(0xda)).toBe(FAILED);
    expect(smart(0xd8)).toBe(READY);
  });

  test("tells its native size in 28 and 48 bits [ATA-6 8.32, 8.33]", () => {
    const bench = new IdeBench({ sectors: 70_000 });
    bench.issue(0xf8);
    expect([bench.run(), bench.lba()]).toEqual([READY, 69_999]);
    bench.issueExt(0x27);
    expect([bench.run(), bench.lba(true)]).toEqual([READY, 69_999]);
  });

  test("flushes, seeks, recalibrates, and aborts what it does not have [ATA-6 8]", () => {
    const bench = new IdeBench();
    for (const command of [0xe7, 0xea, 0x70, 0x10]) {
      bench.issue(command);
      expect(bench.run()).toBe(READY);
      expect(bench.interrupt).toBe(false);
    }
    for (const command of [0x00, 0x08, 0xa0, 0xa1, 0x22, 0x60, 0xf9, 0xff, 0x87]) {
      bench.issue(command);
      expect([bench.run(), bench.error]).toEqual([FAILED, 4]);
    }
  });
});

describe("IdeController channel", () => {
  test("acknowledges by status alone, and nIEN gates the line only [ATA-6 7.15]", () => {
    const bench = new IdeBench();
    bench.ide.writeRegister("control0", 0, 1, 2);
    bench.issue(0xe7);
    bench.machine.settle();
    expect(bench.interrupt).toBe(false);
    bench.ide.writeRegister("control0", 0, 1, 0);
    expect(bench.interrupt).toBe(true);
    expect(bench.status).toBe(READY);
    expect(bench.interrupt).toBe(true);
    bench.read(7);
    expect(bench.interrupt).toBe(false);
    bench.issue(0xe7);
    bench.machine.settle();
    bench.issue(0xe7);
    expect(bench.interrupt).toBe(false);
  });

  test("shows the previous contents by HOB until a register is written [ATA-6 7.8]", () => {
    const bench = new IdeBench();
    for (const [register, values] of [
      [2, [1, 2]],
      [3, [3, 4]],
      [4, [5, 6]],
      [5, [7, 8]],
    ] as const) {
      for (const value of values) bench.write(register, value);
    }
    const shown = (): number[] => [2, 3, 4, 5].map((register) => bench.read(register));
    expect(shown()).toEqual([2, 4, 6, 8]);
    bench.ide.writeRegister("control0", 0, 1, 0x80);
    expect(shown()).toEqual([1, 3, 5, 7]);
    bench.write(2, 9);
    expect(shown()).toEqual([9, 4, 6, 8]);
  });

  test("is signed after reset and diagnostic, with device 0 selected [ATA-6 9.2, 9.9]", () => {
    const bench = new IdeBench();
    const signature = (): number[] => [1, 2, 3, 4, 5, 6].map((register) => bench.read(register));
    bench.issue(0xec);
    bench.ide.writeRegister("control0", 0, 1, 4);
    expect(bench.status).toBe(0x80);
    bench.machine.settle();
    expect(bench.status).toBe(0x80);
    bench.ide.writeRegister("control0", 0, 1, 0);
    bench.machine.settle();
    expect([bench.status, bench.interrupt]).toEqual([READY, false]);
    expect(signature()).toEqual([1, 1, 1, 0, 0, 0xa0]);
    bench.write(6, 0x10);
    bench.write(7, 0x90);
    bench.machine.settle();
    expect([bench.interrupt, bench.read(7)]).toEqual([true, READY]);
    expect(signature()).toEqual([1, 1, 1, 0, 0, 0xa0]);
  });

  test("answers for an absent drive as a bus with and without the other does [ATA-6 9.16]", () => {
    const bench = new IdeBench();
    bench.write(6, 0x10);
    expect([bench.status, bench.read(7)]).toEqual([0, 0]);
    bench.write(7, 0xec);
    bench.machine.settle();
    expect([bench.status, bench.interrupt]).toEqual([0, false]);
    bench.write(6, 0);
    expect(bench.status).toBe(READY);
    expect(bench.ide.readRegister("control1", 0, 1)).toBe(0x7f);
    expect(bench.ide.readRegister("command1", 7, 1)).toBe(0x7f);
    expect(bench.ide.readRegister("command1", 0, 2)).toBe(0xffff);
  });

  test("takes no registers and commands while it is busy or wants data [ATA-6 7]", () => {
    const bench = new IdeBench();
    bench.issue(0x20, { count: 1, lba: 4 });
    bench.write(3, 99);
    bench.write(7, 0xec);
    bench.machine.settle();
    bench.write(7, 0xec);
    bench.machine.settle();
    expect(bench.take(SECTOR)).toEqual(bench.sectors(4));
    expect(bench.lba()).toBe(4);
    // A read of the data register without data brings nothing and changes nothing.
    expect(bench.read(0, 2)).toBe(0);
    bench.write(0, 1, 2);
    expect(bench.status).toBe(READY);
  });
});
