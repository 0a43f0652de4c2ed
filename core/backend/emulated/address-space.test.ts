/** Address spaces: who answers an access, and what happens where nobody does. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { AddressSpace } from "./address-space.ts";
import type { AccessWidth, RegisterHandler } from "./device-host.ts";

/** A device of plain bytes, which remembers the accesses as they reached it. */
class Registers implements RegisterHandler {
  readonly bytes: Uint8Array;
  readonly accesses: string[] = [];

  constructor(length: number) {
    this.bytes = new Uint8Array(length);
  }

  read(offset: number, width: AccessWidth): number {
    this.accesses.push(`r${width}@${offset}`);
    let value = 0;
    for (let i = width - 1; i >= 0; i--) value = (value << 8) | this.bytes[offset + i]!;
    return value;
  }

  write(offset: number, width: AccessWidth, value: number): void {
    this.accesses.push(`w${width}@${offset}`);
    for (let i = 0; i < width; i++) this.bytes[offset + i] = value >>> (i * 8);
  }
}

describe("AddressSpace", () => {
  test("read() and write() reach the device with the offset and width of the access", () => {
    const space = new AddressSpace("ports", 65536);
    const device = new Registers(8);
    space.register(0x1f0, 8, device, "ata0");
    space.write(0x1f4, 4, 0xfedcba98);
    expect(space.read(0x1f4, 4)).toBe(0xfedcba98);
    expect(space.read(0x1f6, 2)).toBe(0xfedc);
    expect(space.read(0x1f7, 1)).toBe(0xfe);
    expect(device.accesses).toEqual(["w4@4", "r4@4", "r2@6", "r1@7"]);
  });

  test("read() cuts what a device answers to the width, unsigned", () => {
    const space = new AddressSpace("ports", 16);
    space.register(0, 4, { read: () => -1, write() {} }, "ones");
    space.register(4, 4, { read: () => NaN, write() {} }, "broken");
    expect(space.read(0, 1)).toBe(0xff);
    expect(space.read(0, 2)).toBe(0xffff);
    expect(space.read(0, 4)).toBe(0xffffffff);
    expect(space.read(4, 4)).toBe(0);
  });

  test("write() cuts the value to the width before the device sees it", () => {
    const space = new AddressSpace("ports", 16);
    const seen: number[] = [];
    space.register(0, 4, { read: () => 0, write: (_o, _w, value) => void seen.push(value) }, "d");
    space.write(0, 1, 0x1234);
    space.write(0, 2, -1);
    space.write(0, 4, -2);
    expect(seen).toEqual([0x34, 0xffff, 0xfffffffe]);
  });

  test("unmapped reads answer all ones, unmapped writes are dropped, both are counted", () => {
    const space = new AddressSpace("ports", 65536);
    expect(space.read(0x80, 1)).toBe(0xff);
    expect(space.read(0x80, 2)).toBe(0xffff);
    expect(space.read(0x80, 4)).toBe(0xffffffff);
    space.write(0x80, 4, 1);
    space.write(0xffff, 4, 1);
    expect(space.read(0xffff, 2)).toBe(0xffff);
    expect(space.unmappedReads).toBe(8);
    expect(space.unmappedWrites).toBe(5);
  });

  test("an access over the end of a range is split into bytes that go where they belong", () => {
    const space = new AddressSpace("ports", 65536);
    const low = new Registers(2);
    const high = new Registers(1);
    space.register(0x100, 2, low, "low");
    space.register(0x102, 1, high, "high");
    space.write(0x101, 4, 0x44332211);
    expect([...low.bytes, ...high.bytes]).toEqual([0, 0x11, 0x22]);
    expect(space.read(0x101, 4)).toBe(0xffff2211);
    expect(space.unmappedWrites).toBe(2);
  });

  test("register() refuses an overlap, naming both devices", () => {
    const space = new AddressSpace("ports", 65536);
    space.register(0x1f0, 8, new Registers(8), "ata0");
    for (const [base, length] of [
      [0x1f7, 1],
      [0x1e9, 8],
      [0x1f1, 2],
      [0, 65536],
    ] as const) {
      expect(() => space.register(base, length, new Registers(1), "sound")).toThrow(
        /sound.*overlaps ata0 at 0x1f0 to 0x1f7/,
      );
    }
    space.register(0x1e8, 8, new Registers(8), "below");
    space.register(0x1f8, 8, new Registers(8), "above");
  });

  test("register() refuses a range that is empty, fractional or outside the space", () => {
    const space = new AddressSpace("ports", 256);
    for (const [base, length] of [
      [0, 0],
      [-1, 2],
      [0.5, 1],
      [0, 1.5],
      [255, 2],
      [NaN, 1],
    ] as const) {
      expect(() => space.register(base, length, new Registers(1), "d")).toThrow(RangeError);
    }
  });

  test("read() and write() refuse an address outside the space and an unknown width", () => {
    const space = new AddressSpace("ports", 256);
    for (const address of [-1, 256, 0.5, NaN, Infinity]) {
      expect(() => space.read(address, 1)).toThrow(RangeError);
      expect(() => space.write(address, 1, 0)).toThrow(RangeError);
    }
    expect(() => space.read(0, 3 as AccessWidth)).toThrow(/width must be 1, 2 or 4: found 3/);
    expect(() => space.write(0, 8 as AccessWidth, 0)).toThrow(RangeError);
  });

  test("remove() frees the range at once, also when it was the last one accessed", () => {
    const space = new AddressSpace("memory", 2 ** 48);
    const base = 2 ** 40;
    const region = space.register(base, 4, new Registers(4), "bar0");
    expect(space.read(base, 4)).toBe(0);
    region.remove();
    region.remove();
    expect(space.read(base, 4)).toBe(0xffffffff);
    space.register(base + 2, 4, new Registers(4), "bar1");
    expect(space.read(base + 2, 4)).toBe(0);
  });

  test("an error of a device passes to the driver and leaves the space working", () => {
    const space = new AddressSpace("ports", 256);
    const broken = (): never => {
      throw new Error("device bug");
    };
    space.register(0, 4, { read: broken, write: broken }, "broken");
    space.register(4, 4, new Registers(4), "sound");
    expect(() => space.read(0, 4)).toThrow("device bug");
    expect(() => space.write(0, 4, 1)).toThrow("device bug");
    space.write(4, 1, 9);
    expect(space.read(4, 1)).toBe(9);
    expect(() => space.read(2, 4)).toThrow("device bug");
  });

  test("finds the owner of every address among any set of ranges", () => {
    const ranges = fc.uniqueArray(fc.integer({ min: 0, max: 60 }), {
      minLength: 1,
      maxLength: 20,
      size: "max",
    });
    fc.assert(
      fc.property(ranges, fc.array(fc.nat(63), { maxLength: 60, size: "max" }), (bases, probes) => {
        const space = new AddressSpace("ports", 64);
        const owner = new Map<number, number>();
        for (const base of bases) {
          const handler = { read: () => base, write() {} };
          const free = !owner.has(base) && !owner.has(base + 1);
          if (!free) {
            expect(() => space.register(base, 2, handler, `d${base}`)).toThrow(RangeError);
            continue;
          }
          space.register(base, 2, handler, `d${base}`);
          owner.set(base, base).set(base + 1, base);
        }
        for (const address of probes)
          expect(space.read(address, 1)).toBe(owner.get(address) ?? 0xff);
      }),
      { seed: 20251123, numRuns: 200 },
    );
  });
});
