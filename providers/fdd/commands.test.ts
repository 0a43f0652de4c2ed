/** Every data command on the bare machine: its result bytes, and what it moves. */
import { describe, expect, test } from "bun:test";
import { Bench } from "./bare-machine.fixture.ts";
import { MARK } from "./surface.ts";

const AT = 0x20000;
const READ = 0x46;
const WRITE = 0x45;
/** The parameters of a data command on drive A for one address, up to a last sector. */
const on = (command: number, c: number, h: number, r: number, eot = 18): number[] => [
  command,
  h << 2,
  c,
  h,
  r,
  2,
  eot,
  0x1b,
  0xff,
];

function sectorBytes(bench: Bench, lba: number, count = 1): Uint8Array {
  return bench.disk.medium.bytes.slice(lba * 512, (lba + count) * 512);
}

function memory(bench: Bench, length: number): Uint8Array {
  return bench.machine.memory.slice(AT, AT + length);
}

describe("READ DATA", () => {
  test("ends by terminal count with the address behind the last sector [5.1.1]", () => {
    const bench = new Bench();
    bench.dma(0x44, AT, 3 * 512);
    expect(bench.execute(...on(READ, 0, 0, 4))).toEqual([0, 0, 0, 0, 0, 7, 2]);
    expect(memory(bench, 3 * 512)).toEqual(sectorBytes(bench, 3, 3));
  });

  test("without terminal count ends with EN behind the last record [5.1.1]", () => {
    const bench = new Bench();
    bench.dma(0x44, AT, 0x10000);
    expect(bench.execute(...on(READ, 0, 0, 17))).toEqual([0x40, 0x80, 0, 1, 0, 1, 2]);
    expect(memory(bench, 1024)).toEqual(sectorBytes(bench, 16, 2));
  });

  test("with MT goes on with the other head, and there ends [table 5-3]", () => {
    const bench = new Bench();
    bench.dma(0x44, AT, 36 * 512);
    expect(bench.execute(...on(READ | 0x80, 0, 0, 1))).toEqual([4, 0, 0, 1, 0, 1, 2]);
    expect(memory(bench, 36 * 512)).toEqual(sectorBytes(bench, 0, 36));
    bench.dma(0x44, AT, 18 * 512);
    expect(bench.execute(...on(READ | 0x80, 0, 0, 1))).toEqual([4, 0, 0, 0, 1, 1, 2]);
    bench.dma(0x44, AT, 18 * 512);
    expect(bench.execute(...on(READ, 0, 1, 1))).toEqual([4, 0, 0, 1, 1, 1, 2]);
  });

  test("terminal count inside a sector moves no byte more [CVE-2021-3507]", () => {
    const bench = new Bench();
    bench.machine.memory.fill(0xaa);
    bench.dma(0x44, AT, 700);
    expect(bench.execute(...on(READ, 0, 0, 1))).toEqual([0, 0, 0, 0, 0, 3, 2]);
    expect(memory(bench, 700)).toEqual(sectorBytes(bench, 0, 2).slice(0, 700));
    expect(bench.machine.memory[AT + 700]).toBe(0xaa);
  });

  test("says ND, WC or MA for what is not on the track [6.2, 6.3]", () => {
    const bench = new Bench();
    bench.dma(0x44, AT, 512);
    expect(bench.execute(...on(READ, 0, 0, 19, 19)).slice(0, 3)).toEqual([0x40, 4, 0]);
    expect(bench.execute(...on(READ, 1, 0, 1)).slice(0, 3)).toEqual([0x40, 4, 0x10]);
    expect(bench.execute(...on(READ & ~0x40, 0, 0, 1)).slice(0, 3)).toEqual([0x40, 1, 0]);
    expect(bench.execute(READ, 0, 0, 1, 1, 2, 18, 0x1b, 0xff).slice(0, 3)).toEqual([0x40, 4, 0]);
    expect(bench.execute(READ, 0, 0, 0, 1, 3, 18, 0x1b, 0xff).slice(0, 3)).toEqual([0x40, 4, 0]);
    // Two turns at most: no mark is looked for longer.
    const before = bench.machine.nowNs;
    bench.execute(...on(READ, 0, 0, 19, 19));
    expect(bench.machine.nowNs - before).toBeLessThanOrEqual(400e6);
    bench.write(7, 2);
    expect(bench.execute(...on(READ, 0, 0, 1)).slice(0, 3)).toEqual([0x40, 1, 0]);
  });

  test("says OR when its DMA is not served [6.2]", () => {
    const bench = new Bench();
    bench.dma(0x44, AT, 512);
    bench.machine.dma.writeRegister("channels", 0x0a, 6);
    expect(bench.execute(...on(READ, 0, 0, 2))).toEqual([0x40, 0x10, 0, 0, 0, 2, 2]);
  });

  test("names each damage by its bits, the sector in error in the result [6.2, 6.3]", () => {
    for (const [mark, st1, st2] of [
      [MARK.BAD_DATA, 0x20, 0x20],
      [MARK.BAD_ID, 0x20, 0],
      [MARK.MISSING, 0x04, 0],
      [MARK.NO_DATA_MARK, 0x01, 0x01],
    ] as const) {
      const bench = new Bench();
      bench.disk.surface.setMark(2, mark);
      bench.dma(0x44, AT, 18 * 512);
      expect(bench.execute(...on(READ, 0, 0, 1))).toEqual([0x40, st1, st2, 0, 0, 3, 2]);
      expect(memory(bench, 1024)).toEqual(sectorBytes(bench, 0, 2));
    }
  });

  test("of deleted data ends behind them with CM, or skips them with SK [table 5-2]", () => {
    const bench = new Bench();
    bench.disk.surface.setMark(1, MARK.DELETED);
    bench.dma(0x44, AT, 3 * 512);
    expect(bench.execute(...on(READ, 0, 0, 1))).toEqual([0, 0, 0x40, 0, 0, 2, 2]);
    expect(memory(bench, 1024)).toEqual(sectorBytes(bench, 0, 2));
    bench.dma(0x44, AT, 2 * 512);
    expect(bench.execute(...on(READ | 0x20, 0, 0, 1))).toEqual([0, 0, 0x40, 0, 0, 4, 2]);
    expect(memory(bench, 512)).toEqual(sectorBytes(bench, 0));
    expect(memory(bench, 1024).slice(512)).toEqual(sectorBytes(bench, 2).slice());
  });
});

describe("The other data commands", () => {
  test("READ DELETED DATA is READ DATA with the marks exchanged [5.1.2]", () => {
    const bench = new Bench();
    bench.disk.surface.setMark(4, MARK.DELETED);
    bench.dma(0x44, AT, 512);
    expect(bench.execute(...on(0x4c, 0, 0, 5))).toEqual([0, 0, 0, 0, 0, 6, 2]);
    bench.dma(0x44, AT, 512);
    expect(bench.execute(...on(0x4c, 0, 0, 6))).toEqual([0, 0, 0x40, 0, 0, 6, 2]);
  });

  test("WRITE DATA and WRITE DELETED DATA leave sector and mark [5.1.4, 5.1.5]", () => {
    const bench = new Bench();
    bench.machine.memory.fill(0x5a, AT, AT + 1000);
    bench.dma(0x48, AT, 1000);
    expect(bench.execute(...on(WRITE, 0, 1, 3))).toEqual([4, 0, 0, 0, 1, 5, 2]);
    const written = sectorBytes(bench, 20, 2);
    expect(written.indexOf(0)).toBe(1000);
    expect(written.slice(1000)).toEqual(new Uint8Array(24));
    bench.dma(0x48, AT, 512);
    expect(bench.execute(...on(0x49, 0, 1, 3))).toEqual([4, 0, 0, 0, 1, 4, 2]);
    expect(bench.disk.surface.mark(20)).toBe(MARK.DELETED);
    bench.dma(0x48, AT, 512);
    bench.execute(...on(WRITE, 0, 1, 3));
    expect(bench.disk.surface.mark(20)).toBe(MARK.NORMAL);
  });

  test("WRITE DATA and FORMAT TRACK say NW on a protected disk [6.2]", () => {
    const bench = new Bench("1.44M", { readOnly: true });
    const before = bench.disk.medium.bytes.slice();
    bench.dma(0x48, AT, 512);
    expect(bench.execute(...on(WRITE, 0, 0, 1))).toEqual([0x40, 2, 0, 0, 0, 1, 2]);
    expect(bench.execute(0x4d, 0, 2, 18, 0x6c, 0xf6).slice(0, 3)).toEqual([0x40, 2, 0]);
    expect(bench.command(4, 0)).toEqual([0x78]);
    expect(bench.disk.medium.bytes).toEqual(before);
  });

  test("READ TRACK reads the track in its order and says ND for other IDs [5.1.3]", () => {
    const bench = new Bench();
    bench.dma(0x44, AT, 18 * 512);
    const before = bench.machine.nowNs;
    expect(bench.execute(...on(0x42, 0, 0, 1)).slice(0, 3)).toEqual([0, 0, 0]);
    expect(bench.machine.nowNs - before).toBeLessThan(400e6);
    expect(memory(bench, 18 * 512)).toEqual(sectorBytes(bench, 0, 18));
    bench.dma(0x44, AT, 2 * 512);
    expect(bench.execute(...on(0x42, 0, 0, 5)).slice(0, 3)).toEqual([0, 4, 0]);
    expect(memory(bench, 1024)).toEqual(sectorBytes(bench, 0, 2));
  });

  test("VERIFY moves nothing, and counts sectors with EC [5.1.6]", () => {
    const bench = new Bench();
    bench.machine.memory.fill(0x77);
    expect(bench.execute(...on(0x56, 0, 0, 1))).toEqual([0, 0, 0, 1, 0, 1, 2]);
    const counted = [0xd6, 0x80, 0, 0, 1, 2, 18, 0x1b, 20];
    expect(bench.execute(...counted)).toEqual([4, 0, 0, 0, 1, 3, 2]);
    expect(bench.execute(0x56, 0x80, 0, 0, 1, 2, 18, 0x1b, 20)[1]).toBe(0x80);
    bench.disk.surface.setMark(7, MARK.BAD_DATA);
    expect(bench.execute(...on(0x56, 0, 0, 1))).toEqual([0x40, 0x20, 0x20, 0, 0, 8, 2]);
    expect(bench.machine.memory.every((byte) => byte === 0x77)).toBe(true);
  });

  test("FORMAT TRACK writes the filler where IDs are named, and bares the rest [5.1.7]", () => {
    const bench = new Bench();
    bench.seek(3);
    for (let i = 0; i < 18; i++) bench.machine.memory.set([3, 1, i + 1, 2], AT + i * 4);
    bench.dma(0x48, AT, 18 * 4);
    const before = bench.machine.nowNs;
    const format = [0x4d, 4, 2, 18, 0x6c, 0xf6];
    expect(bench.execute(...format).slice(0, 3)).toEqual([4, 0, 0]);
    expect(bench.machine.nowNs - before).toBeLessThanOrEqual(400e6 + 1e6);
    const lba = (3 * 2 + 1) * 18;
    expect(sectorBytes(bench, lba, 18).every((byte) => byte === 0xf6)).toBe(true);
    // A track of nine sectors only: the others are gone.
    bench.dma(0x48, AT, 9 * 4);
    bench.execute(0x4d, 4, 2, 9, 0x6c, 0xe5);
    bench.dma(0x44, AT, 512);
    expect(bench.execute(...on(READ, 3, 1, 9))[0]).toBe(4);
    expect(bench.execute(...on(READ, 3, 1, 10)).slice(0, 2)).toEqual([0x44, 4]);
  });

  test("READ ID tells the next ID, which turns by; none on a bare track [5.2.1]", () => {
    const bench = new Bench();
    const seen = Array.from({ length: 18 }, () => bench.execute(0x4a, 0)[5]!);
    expect(new Set(seen).size).toBe(18);
    for (let i = 1; i < 18; i++) expect(seen[i]).toBe((seen[i - 1]! % 18) + 1);
    for (let lba = 0; lba < 18; lba++) bench.disk.surface.setMark(lba, MARK.MISSING);
    expect(bench.execute(0x4a, 0).slice(0, 3)).toEqual([0x40, 1, 0]);
    expect(bench.execute(0x4a, 4)[0]).toBe(4);
  });

  test("SCAN compares by its condition and takes FFh for anything [5.1.8]", () => {
    const bench = new Bench();
    const sector = sectorBytes(bench, 5);
    const scan = (command: number, change: number, at = 9): number[] => {
      const wanted = sector.slice();
      wanted[at] = change;
      for (let i = 0; i < 18; i++) bench.machine.memory.set(wanted, AT + i * 512);
      bench.dma(0x48, AT, 512);
      return bench.execute(command, 0, 0, 0, 6, 2, 6, 0x1b, 1).slice(0, 3);
    };
    const same = sector[9]!;
    expect(scan(0x51, same)).toEqual([0, 0, 8]);
    expect(scan(0x51, 0xff)).toEqual([0, 0, 8]);
    expect(scan(0x51, same - 1)).toEqual([0, 0, 4]);
    expect(scan(0x59, same + 1)).toEqual([0, 0, 0]);
    expect(scan(0x59, same - 1)).toEqual([0, 0, 4]);
    expect(scan(0x5d, same - 1)).toEqual([0, 0, 0]);
    expect(scan(0x5d, same + 1)).toEqual([0, 0, 4]);
  });
});
