/** Bus-master IDE at its registers: the cases of descriptor tables, and both orders of starting. */
import { describe, expect, test } from "bun:test";
import { IdeBench, SECTOR } from "./device.fixture.ts";

const READ_DMA = 0xc8;
const WRITE_DMA = 0xca;
const ACTIVE = 1;
const ERROR = 2;
const INTERRUPT = 4;
const MEMORY = 0x4000;

const CASES = [
  { name: "exact", table: [[MEMORY, 1024]], after: INTERRUPT, moved: 1024 },
  {
    name: "two regions",
    table: [
      [MEMORY, 512],
      [MEMORY + 512, 512],
    ],
    after: INTERRUPT,
    moved: 1024,
  },
  { name: "short", table: [[MEMORY, 512]], after: 0, moved: 512 },
  { name: "long", table: [[MEMORY, 2048]], after: ACTIVE | INTERRUPT, moved: 1024 },
  { name: "odd address and size", table: [[MEMORY + 1, 1025]], after: INTERRUPT, moved: 1024 },
  { name: "zero for 64 KiB", table: [[MEMORY, 0]], after: ACTIVE | INTERRUPT, moved: 1024 },
  {
    name: "32-byte regions",
    table: Array.from({ length: 32 }, (_, i) => [MEMORY + i * 32, 32]),
    after: INTERRUPT,
    moved: 1024,
  },
  {
    name: "memory that is not there",
    table: [
      [MEMORY, 512],
      [0xfffffff0, 512],
    ],
    after: ERROR,
    moved: 512,
  },
] as const;

describe("IdeController bus master", () => {
  for (const { name, table, after, moved } of CASES) {
    for (const order of ["command first", "engine first"]) {
      test(`reads by a table that is ${name}, ${order} [SFF-8038i]`, () => {
        const bench = new IdeBench();
        bench.table(table as never);
        if (order === "engine first") bench.start(true);
        bench.issue(READ_DMA, { count: 2, lba: 5 });
        if (order === "command first") bench.start(true);
        bench.machine.settle();
        expect(bench.busMasterStatus).toBe(after);
        expect(bench.machine.memory.slice(MEMORY, MEMORY + moved)).toEqual(
          bench.sectors(5, 2).slice(0, moved),
        );
        const isOver = (after & INTERRUPT) !== 0;
        expect(bench.interrupt).toBe(isOver);
        expect(bench.status).toBe(isOver ? 0x50 : 0x58);
      });

      test(`writes by a table that is ${name}, ${order} [SFF-8038i]`, () => {
        const bench = new IdeBench();
        const data = Uint8Array.from({ length: 1024 }, (_, i) => i * 11);
        bench.machine.memory.set(data, MEMORY);
        const before = bench.sectors(5, 3);
        bench.table(table as never);
        if (order === "engine first") bench.start(false);
        bench.issue(WRITE_DMA, { count: 2, lba: 5 });
        if (order === "command first") bench.start(false);
        bench.machine.settle();
        expect(bench.busMasterStatus).toBe(after);
        const isOver = (after & INTERRUPT) !== 0;
        expect([...bench.sectors(5, 2)]).toEqual([...(isOver ? data : before.slice(0, 1024))]);
        expect(bench.sectors(7)).toEqual(before.slice(1024));
      });
    }
  }

  test("goes on with a new table where a short one ended [SFF-8038i]", () => {
    const bench = new IdeBench();
    bench.table([[MEMORY, 512]]);
    bench.issue(READ_DMA, { count: 2, lba: 9 });
    bench.start(true);
    bench.machine.settle();
    bench.ide.writeRegister("bus-master", 0, 1, 0);
    bench.table([[MEMORY + 512, 512]]);
    bench.start(true);
    bench.machine.settle();
    expect(bench.busMasterStatus).toBe(INTERRUPT);
    expect(bench.machine.memory.slice(MEMORY, MEMORY + 1024)).toEqual(bench.sectors(9, 2));
  });

  test("moves nothing when stopped or switched off, and loses no drive [SFF-8038i]", () => {
    const bench = new IdeBench();
    bench.table([[MEMORY, 1024]]);
    bench.start(true);
    bench.ide.writeRegister("bus-master", 0, 1, 0);
    bench.issue(READ_DMA, { count: 2, lba: 5 });
    bench.machine.settle();
    expect([bench.busMasterStatus, bench.status]).toEqual([0, 0x58]);
    bench.ide.writeRegister("pci", 4, 2, 1);
    bench.start(true);
    bench.machine.settle();
    expect([bench.busMasterStatus, bench.status]).toEqual([ACTIVE, 0x58]);
    expect(bench.machine.memory[MEMORY]).toBe(0);
    // A soft reset, and the drive is there again.
    bench.ide.writeRegister("control0", 0, 1, 4);
    bench.ide.writeRegister("control0", 0, 1, 0);
    bench.machine.settle();
    expect(bench.status).toBe(0x50);
    bench.issue(0x20, { count: 1, lba: 3 });
    expect(bench.run()).toBe(0x58);
    expect(bench.take(SECTOR)).toEqual(bench.sectors(3));
  });

  test("clears interrupt and error by writing 1 and keeps the rest [SFF-8038i]", () => {
    const bench = new IdeBench();
    bench.table([[MEMORY, 4096]]);
    bench.issue(READ_DMA, { count: 1 });
    bench.start(true);
    bench.machine.settle();
    bench.ide.writeRegister("bus-master", 2, 1, 0x60);
    expect(bench.ide.readRegister("bus-master", 2, 1)).toBe(0x65);
    bench.ide.writeRegister("bus-master", 2, 1, 0x66);
    expect(bench.ide.readRegister("bus-master", 2, 1)).toBe(0x61);
  });
});
