/** Faults at the registers: what goes wrong where it was told to, shown as hardware shows it. */
import { describe, expect, test } from "bun:test";
import { FaultList, parseFault, parseWhen } from "../disk/faults.ts";
import { IdeBench, SECTOR } from "./device.fixture.ts";

const READY = 0x50;
const FAILED = 0x51;

describe("parseFault()", () => {
  test("reads kind, place and ordinals, and names what it cannot read", () => {
    expect(parseFault("unreadable lba=5 sectors=2 when=3..9+2")).toEqual({
      kind: "unreadable",
      lba: 5,
      sectors: 2,
      when: "3..9+2",
    });
    for (const line of ["hang when=", "hang lba=x", "hang soon=1", "crc lba=-1"]) {
      expect(() => parseFault(line)).toThrow("Cannot read fault");
    }
    expect(() => new FaultList([parseFault("melts")])).toThrow("Cannot inject melts");
  });

  test("strikes on the ordinals that when= names, and no others", () => {
    const struck = (when: string): number[] => {
      const list = new FaultList([{ kind: "hang", when }]);
      return Array.from({ length: 12 }, (_, i) => i + 1).filter(() => list.strike("hang"));
    };
    expect(struck("3")).toEqual([3]);
    expect(struck("10+")).toEqual([10, 11, 12]);
    expect(struck("3+4")).toEqual([3, 7, 11]);
    expect(struck("3..5")).toEqual([3, 4, 5]);
    expect(struck("3..9+2")).toEqual([3, 5, 7, 9]);
    for (const when of ["0", "", "5..3", "3+0", "x", "1..", "-1"]) {
      expect(() => parseWhen(when)).toThrow("Cannot read when=");
    }
  });
});

describe("IdeController faults", () => {
  test("an unreadable sector is UNC at its address, those before it intact [ATA-6 8.25]", () => {
    const bench = new IdeBench({ faults: [parseFault("unreadable lba=12")] });
    bench.table([[0x4000, 0]]);
    bench.issue(0xc8, { count: 8, lba: 10 });
    bench.start(true);
    expect(bench.run()).toBe(FAILED);
    expect([bench.error, bench.lba()]).toEqual([0x40, 12]);
    expect(bench.machine.memory.slice(0x4000, 0x4400)).toEqual(bench.sectors(10, 2));
    expect(bench.machine.memory[0x4400]).toBe(0);
    bench.issueExt(0x24, { count: 3, lba: 11 });
    bench.run();
    bench.take(SECTOR);
    expect([bench.run(), bench.error, bench.lba(true)]).toEqual([FAILED, 0x40, 12]);
    bench.issue(0x40, { count: 4, lba: 10 });
    expect([bench.run(), bench.error, bench.lba()]).toEqual([FAILED, 0x40, 12]);
  });

  test("a pending sector is healed by a write, an unreadable one is not", () => {
    for (const [kind, expected] of [
      ["pending", 0x58],
      ["unreadable", FAILED],
    ] as const) {
      const bench = new IdeBench({ faults: [{ kind, lba: 5 }] });
      bench.issue(0x20, { count: 1, lba: 5 });
      expect(bench.run()).toBe(FAILED);
      bench.issue(0x30, { count: 1, lba: 5 });
      bench.machine.settle();
      bench.give(new Uint8Array(SECTOR));
      expect(bench.run()).toBe(READY);
      bench.issue(0x20, { count: 1, lba: 5 });
      expect(bench.run()).toBe(expected);
    }
  });

  test("a torn write persists in part, a misdirected one elsewhere, and both say nothing", () => {
    for (const kind of ["torn", "misdirected"] as const) {
      const bench = new IdeBench({ faults: [{ kind, when: "1" }], seed: 9 });
      const before = bench.medium.bytes.slice();
      bench.machine.memory.fill(0xee, 0x4000, 0x4000 + 8 * SECTOR);
      bench.table([[0x4000, 8 * SECTOR]]);
      bench.issue(0xca, { count: 8, lba: 100 });
      bench.start(false);
      expect(bench.run()).toBe(READY);
      const changed = new Set<number>();
      for (const [i, byte] of bench.medium.bytes.entries()) {
        if (byte !== before[i]) changed.add(Math.floor(i / SECTOR));
      }
      const places = [...changed];
      if (kind === "torn") {
        expect(places.length).toBeLessThan(8);
        expect(places.every((lba, i) => lba === 100 + i)).toBe(true);
      } else {
        expect(places).toHaveLength(8);
        expect(places[0]).not.toBe(100);
      }
    }
  });

  test("power loss takes back what was not flushed, and nothing else [ATA-6 6.11]", () => {
    const bench = new IdeBench();
    const write = (lba: number, value: number): void => {
      bench.issue(0x30, { count: 1, lba });
      bench.machine.settle();
      bench.give(new Uint8Array(SECTOR).fill(value));
      expect(bench.run()).toBe(READY);
    };
    const before = bench.sectors(9);
    write(7, 1);
    bench.issue(0xe7);
    bench.run();
    for (const value of [2, 3, 4]) write(7, value);
    write(9, 5);
    bench.disk.powerLoss();
    expect(new Set(bench.sectors(7))).toEqual(new Set([1]));
    expect(bench.sectors(9)).toEqual(before);
    // Without the cache every write is durable.
    bench.issue(0xef, { features: 0x82 });
    bench.run();
    write(9, 6);
    bench.disk.powerLoss();
    expect(new Set(bench.sectors(9))).toEqual(new Set([6]));
  });

  test("a flush fails, or lies, when told to", () => {
    const bench = new IdeBench({ faults: [{ kind: "flush-error", when: "1" }] });
    bench.issue(0xe7);
    expect([bench.run(), bench.error]).toEqual([FAILED, 4]);
    bench.issue(0xe7);
    expect(bench.run()).toBe(READY);
  });

  test("a hung drive stays busy until it is reset", () => {
    const bench = new IdeBench({ faults: [{ kind: "hang", when: "1" }] });
    bench.issue(0x20, { count: 1 });
    bench.machine.settle();
    expect(bench.status).toBe(0x80);
    bench.ide.writeRegister("control0", 0, 1, 4);
    bench.ide.writeRegister("control0", 0, 1, 0);
    bench.machine.settle();
    expect(bench.status).toBe(READY);
    bench.issue(0x20, { count: 1 });
    expect(bench.run()).toBe(0x58);
  });

  test("interrupts are lost, late or for nothing, and a bus error stops the engine", () => {
    const after = (kind: "lost-interrupt" | "late-interrupt" | "spurious-interrupt") => {
      const bench = new IdeBench({ faults: [{ kind, when: "1" }] });
      bench.issue(0xe7);
      const early = bench.interrupt;
      bench.machine.settle();
      return { early, at: bench.machine.nowNs, interrupt: bench.interrupt, status: bench.status };
    };
    expect(after("lost-interrupt")).toMatchObject({ interrupt: false, status: READY });
    expect(after("late-interrupt")).toMatchObject({ at: 10e6, interrupt: true });
    expect(after("spurious-interrupt")).toMatchObject({ early: true, status: READY });
    const bench = new IdeBench({ faults: [{ kind: "dma-error", when: "1" }] });
    bench.table([[0x4000, SECTOR]]);
    bench.issue(0xc8, { count: 1 });
    bench.start(true);
    bench.machine.settle();
    expect([bench.busMasterStatus, bench.status]).toEqual([2, 0x58]);
  });

  test("a CRC error aborts a DMA command, and an unplugged drive is not there", () => {
    const bench = new IdeBench({ faults: [parseFault("crc when=1"), parseFault("unplug when=3")] });
    for (const expected of [FAILED, READY]) {
      bench.table([[0x4000, SECTOR]]);
      bench.issue(0xc8, { count: 1 });
      bench.start(true);
      expect(bench.run()).toBe(expected);
      if (expected === FAILED) expect(bench.error).toBe(0x84);
    }
    bench.issue(0xe7);
    bench.machine.settle();
    expect(bench.status).toBe(0x7f);
  });
});
