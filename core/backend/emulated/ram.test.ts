/** Memory: the bounds of DMA, the page allocator, and what a snapshot holds. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { isReelError } from "../../errors.ts";
import { PAGE_BYTES, Ram, RAM_BYTES_MAX } from "./ram.ts";

const KIB64 = 65536;

describe("Ram", () => {
  test("write() and readInto() move bytes up to the very last one", () => {
    const ram = new Ram(2 * PAGE_BYTES);
    const end = ram.sizeBytes;
    expect(ram.write(end - 3, Uint8Array.of(1, 2, 3))).toBe(true);
    const target = new Uint8Array(3);
    expect(ram.readInto(end - 3, target)).toBe(true);
    expect([...target]).toEqual([1, 2, 3]);
    expect([...ram.read(end - 1, 1)!]).toEqual([3]);
    expect(ram.write(end, new Uint8Array(0))).toBe(true);
    expect(ram.dmaErrors).toBe(0);
  });

  test("an access outside memory fails, is counted, and moves no byte; nothing wraps", () => {
    const ram = new Ram(2 * PAGE_BYTES);
    const end = ram.sizeBytes;
    const wrong = [-1, end, end - 1, 0.5, NaN, Infinity, 2 ** 32, 2 ** 53, -(2 ** 31)];
    for (const address of wrong) {
      const target = Uint8Array.of(7, 7);
      expect(ram.write(address, Uint8Array.of(1, 2))).toBe(false);
      expect(ram.readInto(address, target)).toBe(false);
      expect([...target]).toEqual([7, 7]);
      expect(ram.read(address, 2)).toBeUndefined();
    }
    expect(ram.read(0, -1)).toBeUndefined();
    expect(ram.read(0, NaN)).toBeUndefined();
    expect(ram.dmaErrors).toBe(wrong.length * 3 + 2);
    expect(ram.capture().contents).toEqual([]);
  });

  test("read() is a live view: what is written through it is memory", () => {
    const ram = new Ram(4 * PAGE_BYTES);
    ram.read(PAGE_BYTES - 1, 2)!.set([5, 6]);
    expect([...ram.read(PAGE_BYTES - 1, 2)!]).toEqual([5, 6]);
    expect(ram.capture().contents.map((page) => page.page)).toEqual([0, 1]);
  });

  test("constructor refuses sizes that are no whole pages or outside the limits", () => {
    for (const size of [0, PAGE_BYTES, PAGE_BYTES * 2 + 1, -PAGE_BYTES, NaN, RAM_BYTES_MAX * 2]) {
      expect(() => new Ram(size)).toThrow(/ramBytes must be a multiple of 4096/);
    }
  });

  test("allocate() never gives address 0, two owners one page, or memory that is not zero", () => {
    const ram = new Ram(8 * PAGE_BYTES);
    const addresses: number[] = [];
    for (let i = 0; i < 7; i++) addresses.push(ram.allocate(1));
    expect(addresses).toEqual([1, 2, 3, 4, 5, 6, 7].map((page) => page * PAGE_BYTES));
    ram.write(addresses[2]!, Uint8Array.of(9));
    ram.free(addresses[2]!);
    expect(ram.allocate(PAGE_BYTES)).toBe(addresses[2]!);
    expect(ram.read(addresses[2]!, 1)![0]).toBe(0);
  });

  test("allocate() fails with ENOMEM when no run is free, and succeeds after free()", () => {
    const ram = new Ram(4 * PAGE_BYTES);
    const first = ram.allocate(PAGE_BYTES);
    ram.allocate(PAGE_BYTES);
    let caught: unknown;
    try {
      ram.allocate(PAGE_BYTES * 2);
    } catch (error) {
      caught = error;
    }
    expect(isReelError(caught, "ENOMEM")).toBe(true);
    ram.free(first);
    expect(() => ram.allocate(PAGE_BYTES * 2)).toThrow();
    expect(ram.allocate(PAGE_BYTES)).toBe(first);
  });

  test("free() refuses what is no allocation's beginning", () => {
    const ram = new Ram(8 * PAGE_BYTES);
    const address = ram.allocate(PAGE_BYTES * 2);
    for (const wrong of [0, address + PAGE_BYTES, address + 1, -PAGE_BYTES, 2 ** 40, NaN]) {
      expect(() => ram.free(wrong)).toThrow(RangeError);
    }
    ram.free(address);
    expect(() => ram.free(address)).toThrow(RangeError);
  });

  test("allocate() refuses sizes, alignments and boundaries that make no sense", () => {
    const ram = new Ram(8 * PAGE_BYTES);
    for (const size of [0, -1, 1.5, NaN, Infinity]) {
      expect(() => ram.allocate(size)).toThrow(RangeError);
    }
    for (const align of [0, 3, -4096, NaN]) {
      expect(() => ram.allocate(1, align)).toThrow(/alignBytes must be a power of two/);
    }
    expect(() => ram.allocate(KIB64 + 1, PAGE_BYTES, KIB64)).toThrow(/boundaryBytes/);
  });

  test("allocate() keeps alignment, boundary and disjointness under random programs", () => {
    const request = fc.record({
      sizeBytes: fc.integer({ min: 1, max: 6 * PAGE_BYTES }),
      align: fc.constantFrom(1, 512, PAGE_BYTES, 4 * PAGE_BYTES),
      bounded: fc.boolean(),
      freeFirst: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(request, { maxLength: 40, size: "max" }), (requests) => {
        const ram = new Ram(64 * PAGE_BYTES);
        const live: { start: number; end: number }[] = [];
        for (const { sizeBytes, align, bounded, freeFirst } of requests) {
          if (freeFirst && live.length > 0) ram.free(live.shift()!.start);
          let start: number;
          try {
            start = ram.allocate(sizeBytes, align, bounded ? 8 * PAGE_BYTES : 0);
          } catch (error) {
            expect(isReelError(error, "ENOMEM")).toBe(true);
            continue;
          }
          const end = start + sizeBytes;
          expect(start % align).toBe(0);
          expect(start).toBeGreaterThan(0);
          expect(end).toBeLessThanOrEqual(ram.sizeBytes);
          if (bounded) {
            const window = 8 * PAGE_BYTES;
            expect(Math.floor(start / window)).toBe(Math.floor((end - 1) / window));
          }
          for (const other of live) expect(start >= other.end || end <= other.start).toBe(true);
          live.push({ start, end });
        }
      }),
      { seed: 20251124, numRuns: 200 },
    );
  });

  test("allocate() finds the one run that fits a boundary", () => {
    const ram = new Ram(32 * PAGE_BYTES);
    ram.allocate(8 * PAGE_BYTES);
    // Pages 9 to 15 are free before the 64 KiB boundary: too few for ten.
    expect(ram.allocate(10 * PAGE_BYTES, PAGE_BYTES, KIB64)).toBe(16 * PAGE_BYTES);
    expect(ram.allocate(7 * PAGE_BYTES, PAGE_BYTES, KIB64)).toBe(9 * PAGE_BYTES);
  });
});
