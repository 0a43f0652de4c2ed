/** The table: a fixed number of slots whose handles are good once. */
import { describe, expect, test } from "bun:test";
import { EndTable } from "./ends.ts";
import { GENERATION, HEADER_SHIFT, PARENT, STATE, TERMINAL } from "./layout.ts";
import { DescriptorTable, GENERATION_MAX, SLOTS_MAX } from "./table.ts";

const small = (): DescriptorTable =>
  new DescriptorTable({ slots: 3, overflowPages: 1, lists: 128 });

describe("DescriptorTable", () => {
  test("has its slots from the start, counted from 0, and no more [W1, A2.1]", () => {
    const table = small();
    expect([table.acquire(), table.acquire(), table.acquire(), table.acquire()]).toEqual([
      0, 1, 2, -1,
    ]);
    expect([table.used, table.free]).toEqual([3, 0]);
    expect(table.slotOf(1 * SLOTS_MAX + 3)).toBe(-1);
  });

  test("refuses limits that are out of range", () => {
    for (const slots of [0, 65537, 1.5, Number.NaN]) {
      expect(() => new DescriptorTable({ slots })).toThrow("slots must be 1 to 65536");
    }
    expect(() => new DescriptorTable({ lists: 64 })).toThrow("lists must be 128 to");
    expect(() => new DescriptorTable({ overflowPages: -1 })).toThrow(RangeError);
    expect(() => new DescriptorTable({ ends: 0 })).toThrow(RangeError);
  });

  test("takes at most 80 MiB with 65,536 slots", () => {
    const table = new DescriptorTable({ slots: 65536 });
    expect(table.slab.buffer.byteLength).toBeLessThanOrEqual(80 * 2 ** 20);
  });

  test("serves the slot that was freed last first", () => {
    const table = small();
    for (let i = 0; i < 3; i++) table.acquire();
    table.release(1);
    table.release(0);
    expect(table.freeOrder()).toEqual([0, 1]);
    expect([table.acquire(), table.acquire()]).toEqual([0, 1]);
  });

  test("refuses a handle after its release, also when the slot serves another operation", () => {
    const table = small();
    const slot = table.acquire();
    const handle = table.handleOf(slot);
    expect(table.slotOf(handle)).toBe(slot);
    table.release(slot);
    expect(table.slotOf(handle)).toBe(-1);
    expect(table.acquire()).toBe(slot);
    expect(table.slotOf(handle)).toBe(-1);
    expect(table.slotOf(table.handleOf(slot))).toBe(slot);
    expect(() => table.requireSlot(handle, "wait for")).toThrow("Cannot wait for operation");
  });

  test("keeps handles exact up to the last generation, and begins again at 1", () => {
    const table = small();
    const slot = table.acquire();
    table.i32[(slot << HEADER_SHIFT) + GENERATION] = GENERATION_MAX;
    const handle = table.handleOf(slot);
    expect(Number.isSafeInteger(handle)).toBe(true);
    expect(table.slotOf(handle)).toBe(slot);
    table.release(slot);
    expect(table.i32[(slot << HEADER_SHIFT) + GENERATION]).toBe(1);
  });

  test("finds no slot for what is no handle", () => {
    const table = small();
    table.acquire();
    for (const odd of [
      0,
      1,
      -1,
      0.5,
      Number.NaN,
      Infinity,
      2 ** 53,
      SLOTS_MAX + 1,
      SLOTS_MAX * 2,
    ]) {
      expect(table.slotOf(odd)).toBe(-1);
    }
    expect(table.slotOf("65536" as unknown as number)).toBe(-1);
  });

  test("gives forks no handle that a call takes", () => {
    const table = small();
    const parent = table.acquire();
    const child = table.acquire();
    table.i32[(child << HEADER_SHIFT) + PARENT] = parent;
    expect(table.slotOf(table.handleOf(child))).toBe(-1);
  });

  test("isTerminal() is what the slot's state says", () => {
    const table = small();
    const slot = table.acquire();
    expect(table.isTerminal(slot)).toBe(false);
    table.i32[(slot << HEADER_SHIFT) + STATE] = TERMINAL;
    expect(table.isTerminal(slot)).toBe(true);
  });
});

describe("EndTable", () => {
  test("tells a closed handle from one that never was", () => {
    const ends = new EndTable(new DescriptorTable({ ends: 2 }));
    const end = ends.open(3, 4, 1);
    const handle = ends.handleOf(end);
    expect(ends.require(handle, "read from")).toBe(end);
    expect([ends.provider(end), ends.resource(end), ends.kind(end)]).toEqual([3, 4, 1]);
    expect(ends.isOpen(end, handle)).toBe(true);
    ends.beginClose(end);
    expect(ends.isOpen(end, handle)).toBe(false);
    ends.free(end);
    expect(() => ends.require(handle, "read from")).toThrow("it was closed");
    expect(ends.open(0, 0, 0)).toBe(end);
    expect(() => ends.require(handle, "read from")).toThrow("it was closed");
    for (const odd of [0, -1, 1.5, 65536 * 5 + 1, Number.NaN]) {
      expect(() => ends.require(odd, "read from")).toThrow("no such handle");
    }
  });

  test("refuses another end when all are open", () => {
    const ends = new EndTable(new DescriptorTable({ ends: 1 }));
    ends.open(0, 0, 0);
    expect(() => ends.open(0, 1, 0)).toThrow("all 1 are open");
    expect([...ends.all()]).toEqual([0]);
  });

  test("reset() brings back rows and the order of the free ones", () => {
    const ends = new EndTable(new DescriptorTable({ ends: 8 }));
    for (let i = 0; i < 4; i++) ends.open(0, i, 0);
    ends.free(2);
    ends.free(0);
    const rows = ends.rows();
    const order = ends.freeOrder();
    const again = new EndTable(new DescriptorTable({ ends: 8 }));
    again.reset(rows, order);
    expect(again.rows()).toEqual(rows);
    expect([again.used, again.open(0, 9, 0), again.open(0, 9, 0), again.open(0, 9, 0)]).toEqual([
      2, 0, 2, 4,
    ]);
  });
});
