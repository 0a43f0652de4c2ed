/**
 * Layouts: each field is where it says, reads back what was written, and refuses the rest. The
 * property compares a compiled view with a DataView over the same bytes.
 */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  bool,
  bufferRef,
  bytes,
  handleRef,
  i16,
  i32,
  i53,
  i8,
  oneOf,
  u16,
  u32,
  u48,
  u53,
  u8,
  type Field,
} from "./fields.ts";
import { allocateSlab } from "./slab.ts";
import { struct } from "./struct.ts";

const frame = struct({
  phase: u8,
  drive: i8,
  sectors: u16,
  lba: u48,
  name: bytes(3),
  kind: oneOf("read", "write"),
  last: bool,
});

function viewAt(base: number) {
  const slab = allocateSlab(256);
  const view = frame.view(slab, "ata.dma");
  view.$base = base;
  return { slab, view };
}

describe("struct()", () => {
  test("struct() lays fields out in order, each on its alignment, in whole words", () => {
    expect(frame.fields.map(({ name, offset }) => [name, offset])).toEqual([
      ["phase", 0],
      ["drive", 1],
      ["sectors", 2],
      ["lba", 4],
      ["name", 12],
      ["kind", 15],
      ["last", 16],
    ]);
    expect(frame.sizeBytes).toBe(24);
  });

  test("a view reads what it wrote, at the record it is pointed at and nowhere else", () => {
    const { slab, view } = viewAt(64);
    view.lba = 2 ** 47 + 5;
    view.kind = "write";
    view.last = true;
    view.name = Uint8Array.of(1, 2, 3);
    expect([view.lba, view.kind, view.last]).toEqual([2 ** 47 + 5, "write", true]);
    expect([...view.name]).toEqual([1, 2, 3]);
    view.$base = 0;
    expect(frame.describe(view)).toMatchObject({ lba: 0, kind: "read", last: false });
    expect(slab.u8.findIndex((byte) => byte !== 0)).toBeGreaterThanOrEqual(64);
  });

  test("a wrong value is a RangeError that names owner and field, and writes nothing", () => {
    const { slab, view } = viewAt(0);
    const wrong: [string, unknown][] = [
      ["phase", 256],
      ["phase", -1],
      ["phase", 1.5],
      ["phase", "1"],
      ["phase", Number.NaN],
      ["drive", 128],
      ["sectors", 65536],
      ["lba", 2 ** 48],
      ["lba", -1],
      ["lba", 1n],
      ["name", new Uint8Array(2)],
      ["name", [1, 2, 3]],
      ["kind", "trim"],
      ["last", 1],
    ];
    for (const [field, value] of wrong) {
      const set = (): void => {
        Object.assign(view, { [field]: value });
      };
      expect(set).toThrow(RangeError);
      expect(set).toThrow(`Cannot set ata.dma.${field}: it must be`);
    }
    expect(slab.u8.every((byte) => byte === 0)).toBe(true);
  });

  test("a byte that no name stands for reads as the first name", () => {
    const { slab, view } = viewAt(0);
    slab.u8[15] = 200;
    expect(view.kind).toBe("read");
  });

  test("enums read without making an array each time", () => {
    const { view } = viewAt(0);
    const source = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(view), "kind")!.get!;
    expect(source.toString()).not.toContain('["read"');
  });

  test("struct() refuses field names and sizes that a frame cannot have", () => {
    expect(() => struct({ Phase: u8 })).toThrow("field name must be camelCase: Phase");
    expect(() => struct({ $base: u8 })).toThrow(RangeError);
    expect(() => struct({ valueOf: u8 } as never)).toThrow(RangeError);
    expect(() => struct({ a: bytes(1008), b: u8 })).toThrow("exceed the 1008 of a page");
    expect(struct({ a: bytes(1008) }).sizeBytes).toBe(1008);
    expect(() => bytes(0)).toThrow(RangeError);
    expect(() => oneOf()).toThrow(RangeError);
    expect(() => oneOf("a", "a")).toThrow(RangeError);
  });

  test("the signature changes with name, kind, order and place", () => {
    const base = struct({ a: u8, b: u16 }).signature;
    for (const other of [
      struct({ a: u8, c: u16 }),
      struct({ a: u8, b: i16 }),
      struct({ b: u16, a: u8 }),
      struct({ a: u8, b: oneOf("x", "y") }),
    ]) {
      expect(other.signature).not.toBe(base);
    }
    expect(struct({ a: u8, b: u16 }).signature).toBe(base);
  });

  test("describe() copies the values by name", () => {
    const { view } = viewAt(0);
    view.name = Uint8Array.of(7, 8, 9);
    const described = frame.describe(view);
    view.name = Uint8Array.of(0, 0, 0);
    expect(described).toEqual({
      phase: 0,
      drive: 0,
      sectors: 0,
      lba: 0,
      name: Uint8Array.of(7, 8, 9),
      kind: "read",
      last: false,
    });
  });
});

const U32 = 2 ** 32;
const MAX = Number.MAX_SAFE_INTEGER;
/** Each numeric field type with its range and its reading by a DataView. */
const MODELS: readonly [Field<number>, number, number, (v: DataView, at: number) => number][] = [
  [u8, 0, 255, (v, at) => v.getUint8(at)],
  [i8, -128, 127, (v, at) => v.getInt8(at)],
  [u16, 0, 65535, (v, at) => v.getUint16(at, true)],
  [i16, -32768, 32767, (v, at) => v.getInt16(at, true)],
  [u32, 0, U32 - 1, (v, at) => v.getUint32(at, true)],
  [i32, -(2 ** 31), 2 ** 31 - 1, (v, at) => v.getInt32(at, true)],
  [u48, 0, 2 ** 48 - 1, (v, at) => v.getUint32(at + 4, true) * U32 + v.getUint32(at, true)],
  [u53, 0, MAX, (v, at) => v.getUint32(at + 4, true) * U32 + v.getUint32(at, true)],
  [i53, -MAX, MAX, (v, at) => v.getInt32(at + 4, true) * U32 + v.getUint32(at, true)],
  [bufferRef, 0, U32 - 1, (v, at) => v.getUint32(at, true)],
  [handleRef, 0, MAX, (v, at) => v.getUint32(at + 4, true) * U32 + v.getUint32(at, true)],
];

test("any layout of numbers agrees with a DataView over the same bytes", () => {
  const fieldAndValue = fc.nat({ max: MODELS.length - 1 }).chain((model) =>
    fc.tuple(
      fc.constant(model),
      fc.maxSafeInteger().map((n) => {
        const [, low, high] = MODELS[model]!;
        return n >= low && n <= high ? n : low + (Math.abs(n) % (high - low + 1));
      }),
    ),
  );
  fc.assert(
    fc.property(
      fc.array(fieldAndValue, { minLength: 1, maxLength: 20, size: "max" }),
      (entries) => {
        const shape: Record<string, Field<number>> = {};
        for (const [i, [model]] of entries.entries()) shape[`f${i}`] = MODELS[model]![0];
        const layout = struct(shape);
        const slab = allocateSlab(layout.sizeBytes * 3);
        const view = layout.view(slab, "model");
        view.$base = layout.sizeBytes;
        for (const [i, [, value]] of entries.entries()) view[`f${i}`] = value;
        const raw = new DataView(slab.buffer, layout.sizeBytes, layout.sizeBytes);
        for (const [i, [model, value]] of entries.entries()) {
          const { offset } = layout.fields[i]!;
          expect(view[`f${i}`]).toBe(value);
          expect(MODELS[model]![3](raw, offset)).toBe(value);
        }
        const outside = [
          ...slab.u8.subarray(0, layout.sizeBytes),
          ...slab.u8.subarray(layout.sizeBytes * 2),
        ];
        expect(outside.every((byte) => byte === 0)).toBe(true);
      },
    ),
    { seed: 20_250_801, numRuns: 300 },
  );
});
