/**
 * Handles of operations and of open ends: the tables are bounded, a handle names one life of one
 * slot, and every handle of an earlier life is refused whatever lives in its place.
 */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { EndTable } from "./ends.ts";
import { ENDS_MAX, GENERATION, HEADER_SHIFT } from "./layout.ts";
import { DescriptorTable, GENERATION_MAX, SLOTS_MAX } from "./table.ts";

const codeOf = (run: () => unknown): unknown => {
  try {
    run();
  } catch (error) {
    return (error as { code?: unknown }).code;
  }
  return undefined;
};

const small = () => new DescriptorTable({ slots: 4, ends: 4, lists: 128, overflowPages: 0 });

describe("DescriptorTable", () => {
  test("acquire() gives what was fixed up front and -1 beyond it, in place [W1]", () => {
    const table = small();
    const size = table.slab.buffer.byteLength;
    expect([1, 2, 3, 4].map(() => table.acquire())).toEqual([0, 1, 2, 3]);
    expect(table.acquire()).toBe(-1);
    expect([table.used, table.free]).toEqual([4, 0]);
    table.release(2);
    expect(table.acquire()).toBe(2);
    expect(table.acquire()).toBe(-1);
    expect(table.slab.buffer.byteLength).toBe(size);
  });

  test("slotOf() and requireSlot() refuse an index beyond the table [W1]", () => {
    const table = small();
    table.acquire();
    const beyond = SLOTS_MAX + 4;
    for (const handle of [beyond, 2 * SLOTS_MAX - 1, 0, 3, -1, 1.5, NaN, Infinity, 2 ** 53]) {
      expect(table.slotOf(handle)).toBe(-1);
      expect(codeOf(() => table.requireSlot(handle, "wait for"))).toBe("ERR_BAD_HANDLE");
    }
  });

  test("a generation that has reached its largest number begins again at 1, never at 0", () => {
    const table = small();
    const slot = table.acquire();
    table.i32[(slot << HEADER_SHIFT) + GENERATION] = GENERATION_MAX;
    const last = table.handleOf(slot);
    expect(Number.isSafeInteger(last)).toBe(true);
    expect(table.slotOf(last)).toBe(slot);
    table.release(slot);
    expect(table.acquire()).toBe(slot);
    expect(table.slotOf(last)).toBe(-1);
    expect(table.handleOf(slot)).toBe(SLOTS_MAX + slot);
  });

  test("the limits of a table are checked, each by its name", () => {
    for (const limits of [{ slots: 0 }, { slots: 65537 }, { slots: 1.5 }, { lists: 127 }]) {
      expect(() => new DescriptorTable(limits)).toThrow(Object.keys(limits)[0]!);
    }
    expect(() => new DescriptorTable({ ends: 0 })).toThrow("ends");
    expect(() => new DescriptorTable({ overflowPages: -1 })).toThrow("overflowPages");
  });

  test("stale handles are refused after any history of acquiring and releasing", () => {
    const property = fc.property(fc.array(fc.nat(5), { maxLength: 200 }), (choices) => {
      const table = small();
      const live = new Map<number, number>();
      const stale: number[] = [];
      for (const choice of choices) {
        const handle = [...live.keys()][choice];
        if (handle === undefined) {
          const slot = table.acquire();
          expect(slot === -1).toBe(live.size === 4);
          if (slot !== -1) live.set(table.handleOf(slot), slot);
        } else {
          table.release(live.get(handle)!);
          live.delete(handle);
          stale.push(handle);
        }
        expect(table.used).toBe(live.size);
        for (const [each, slot] of live) expect(table.slotOf(each)).toBe(slot);
        for (const each of stale) expect(table.slotOf(each)).toBe(-1);
      }
      expect(new Set(live.values()).size).toBe(live.size);
    });
    fc.assert(property, { seed: 21, numRuns: 200 });
  });
});

describe("EndTable", () => {
  test("open() keeps provider, resource and kind, and refuses when all are open", () => {
    const ends = new EndTable(small());
    const opened = [0, 1, 2, 3].map((i) => ends.open(i, 10 + i, 20 + i));
    for (const [i, end] of opened.entries()) {
      expect([ends.provider(end), ends.resource(end), ends.kind(end)]).toEqual([i, 10 + i, 20 + i]);
      expect(ends.inFlight(end)).toBe(0);
    }
    expect(codeOf(() => ends.open(0, 0, 0))).toBe("ERR_LIMIT");
  });

  test("require() tells a handle that was closed from one that never was", () => {
    const ends = new EndTable(small());
    const end = ends.open(0, 0, 0);
    const handle = ends.handleOf(end);
    ends.free(end);
    expect(codeOf(() => ends.require(handle, "read"))).toBe("ERR_CLOSED");
    expect(ends.open(0, 0, 0)).toBe(end);
    expect(codeOf(() => ends.require(handle, "read"))).toBe("ERR_CLOSED");
    for (const wrong of [0, 1, -5, 0.5, NaN, ENDS_MAX + 3, 2 ** 53]) {
      expect(codeOf(() => ends.require(wrong, "read"))).toBe("ERR_BAD_HANDLE");
    }
  });

  test("stale handles are refused after any history, also that of a restored table", () => {
    const property = fc.property(fc.array(fc.nat(6), { maxLength: 120 }), (choices) => {
      const ends = new EndTable(small());
      const live = new Map<number, number>();
      const stale: number[] = [];
      for (const choice of choices) {
        const handle = [...live.keys()][choice];
        if (choice === 6) {
          ends.reset(ends.rows(), ends.freeOrder());
        } else if (handle !== undefined) {
          ends.free(live.get(handle)!);
          live.delete(handle);
          stale.push(handle);
        } else if (live.size < 4) {
          const end = ends.open(1, 2, 3);
          live.set(ends.handleOf(end), end);
        }
        expect(ends.used).toBe(live.size);
        for (const [each, end] of live) expect(ends.require(each, "read")).toBe(end);
        for (const each of stale) expect(codeOf(() => ends.require(each, "x"))).toBe("ERR_CLOSED");
        expect([...ends.all()]).toEqual([...live.values()].toSorted((a, b) => a - b));
      }
    });
    fc.assert(property, { seed: 22, numRuns: 200 });
  });
});
