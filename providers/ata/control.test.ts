/** The IDE controller at its registers: commands without sectors, resets, absent drives. */
import { describe, expect, test } from "bun:test";
import { SMART_KEY } from "../disk/drive/settings.ts";
import { IdeBench, SECTOR } from "./device.fixture.ts";

const READY = 0x50;
const DATA = 0x58;
const FAILED = 0x51;
const word = (data: Uint8Array, at: number): number => data[2 * at]! + data[2 * at + 1]! * 256;

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
