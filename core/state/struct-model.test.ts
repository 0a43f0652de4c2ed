/**
 * State layouts against a DataView: whatever fields a layout has, in whatever order, their bytes
 * are where the layout says, in little-endian, and a refused value leaves every byte as it was.
 */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  bool,
  bytes,
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
import { Records } from "./records.ts";
import { allocateSlab } from "./slab.ts";
import { struct, type FieldPlace, type StructShape } from "./struct.ts";

const phase = oneOf("idle", "busy", "done");
const NAMES = ["idle", "busy", "done"];

interface Kind {
  field: Field<unknown>;
  values: fc.Arbitrary<unknown>;
  wrong: unknown[];
  read(view: DataView, at: number): unknown;
}

function whole(
  field: Field<number>,
  low: number,
  high: number,
  read: (view: DataView, at: number) => number,
): Kind {
  const edges = fc.constantFrom(low, low + 1, 0, 1, high - 1, high);
  const values = fc.oneof(edges, fc.maxSafeInteger()).map((value) => {
    const wrapped = value < low || value > high ? Math.abs(value) % (high + 1) : value;
    return wrapped + 0;
  });
  const outside = [low - 2, high + 2].filter((value) => Number.isSafeInteger(value));
  const wrong = [...outside, 0.5, NaN, Infinity, "1", undefined, null, true];
  return { field: field as Field<unknown>, values, wrong, read };
}

const wide =
  (signed: boolean) =>
  (view: DataView, at: number): number =>
    Number(signed ? view.getBigInt64(at, true) : view.getBigUint64(at, true));

const KINDS: Kind[] = [
  whole(u8, 0, 255, (view, at) => view.getUint8(at)),
  whole(i8, -128, 127, (view, at) => view.getInt8(at)),
  whole(u16, 0, 65535, (view, at) => view.getUint16(at, true)),
  whole(i16, -32768, 32767, (view, at) => view.getInt16(at, true)),
  whole(u32, 0, 2 ** 32 - 1, (view, at) => view.getUint32(at, true)),
  whole(i32, -(2 ** 31), 2 ** 31 - 1, (view, at) => view.getInt32(at, true)),
  whole(u48, 0, 2 ** 48 - 1, wide(false)),
  whole(u53, 0, Number.MAX_SAFE_INTEGER, wide(false)),
  whole(i53, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER, wide(true)),
  {
    field: bool as Field<unknown>,
    values: fc.boolean(),
    wrong: [0, 1, "true", undefined],
    read: (view, at) => view.getUint8(at) === 1,
  },
  {
    field: phase as Field<unknown>,
    values: fc.constantFrom(...NAMES),
    wrong: ["gone", "", 0, undefined],
    read: (view, at) => NAMES[view.getUint8(at)],
  },
  {
    field: bytes(5) as Field<unknown>,
    values: fc.uint8Array({ minLength: 5, maxLength: 5 }),
    wrong: [new Uint8Array(4), new Uint8Array(6), [1, 2, 3, 4, 5], undefined],
    read: (view, at) => new Uint8Array(view.buffer, at, 5).slice(),
  },
];

const chosen = fc.array(fc.nat(KINDS.length - 1), { minLength: 1, maxLength: 14 });

function shapeOf(kinds: readonly number[]): StructShape {
  return Object.fromEntries(kinds.map((kind, i) => [`field${i}`, KINDS[kind]!.field]));
}

function expectSound(fields: readonly FieldPlace[], sizeBytes: number, kinds: number[]): void {
  let end = 0;
  for (const [i, { offset, sizeBytes: size }] of fields.entries()) {
    expect(offset).toBeGreaterThanOrEqual(end);
    expect(offset % KINDS[kinds[i]!]!.field.alignBytes).toBe(0);
    end = offset + size;
  }
  expect(sizeBytes % 8).toBe(0);
  expect(sizeBytes - end).toBeGreaterThanOrEqual(0);
  expect(sizeBytes - end).toBeLessThan(8);
}

describe("struct() against a DataView", () => {
  test("fields lie apart, aligned, and are written in little-endian where they lie", () => {
    const records = fc.constantFrom(0, 1, 2);
    const property = fc.property(chosen, records, fc.gen(), (kinds, record, gen) => {
      const layout = struct(shapeOf(kinds));
      expectSound(layout.fields, layout.sizeBytes, kinds);
      const slab = allocateSlab(3 * layout.sizeBytes);
      const dataView = new DataView(slab.buffer);
      const view = layout.view(slab, "test") as unknown as Record<string, unknown>;
      view["$base"] = record * layout.sizeBytes;
      const model = new Map<number, unknown>();
      for (let i = 0; i < 20; i++) {
        const at = gen(fc.nat, kinds.length - 1);
        const value = gen(() => KINDS[kinds[at]!]!.values);
        view[`field${at}`] = value;
        model.set(at, value);
        for (const [each, wanted] of model) {
          const { offset } = layout.fields[each]!;
          expect(view[`field${each}`]).toEqual(wanted as never);
          const found = KINDS[kinds[each]!]!.read(dataView, record * layout.sizeBytes + offset);
          expect(found).toEqual(wanted as never);
        }
      }
      for (let other = 0; other < 3; other++) {
        if (other === record) continue;
        const from = other * layout.sizeBytes;
        expect(slab.u8.slice(from, from + layout.sizeBytes).every((byte) => byte === 0)).toBe(true);
      }
    });
    fc.assert(property, { seed: 51, numRuns: 150 });
  });

  test("a wrong value is refused by owner and field, and no byte changes", () => {
    for (const { field, wrong } of KINDS) {
      const layout = struct({ before: u8, value: field, after: u8 });
      const slab = allocateSlab(layout.sizeBytes);
      slab.u8.fill(1);
      const view = layout.view(slab, "disk.read") as { value: unknown };
      for (const value of wrong) {
        expect(() => (view.value = value)).toThrow(/^Cannot set disk\.read\.value: /);
        expect(slab.u8.every((byte) => byte === 1)).toBe(true);
      }
    }
  });

  test("describe() copies: later changes of the record do not reach it", () => {
    const layout = struct({ count: u32, name: bytes(3) });
    const view = layout.view(allocateSlab(layout.sizeBytes), "x");
    view.count = 7;
    view.name = Uint8Array.of(1, 2, 3);
    const described = layout.describe(view);
    view.count = 8;
    view.name = Uint8Array.of(4, 5, 6);
    expect(described).toEqual({ count: 7, name: Uint8Array.of(1, 2, 3) });
  });

  test("struct() refuses names that would shadow the view's own, and a layout over a page", () => {
    for (const name of ["constructor", "prototype", "toString", "valueOf", "A", "a-b", "$base"]) {
      expect(() => struct({ [name]: u8 })).toThrow(RangeError);
    }
    expect(struct({ most: bytes(1008) }).sizeBytes).toBe(1008);
    expect(() => struct({ most: bytes(1008), more: u8 })).toThrow(/1016 bytes exceed/);
    expect(() => bytes(1009)).toThrow(RangeError);
    expect(() => oneOf("same", "same")).toThrow(RangeError);
  });
});

describe("Records", () => {
  test("each record is its own, a snapshot brings all of them back, and none lies beyond", () => {
    const layout = struct({ id: u32, name: bytes(3) });
    const records = new Records("pipe.ends", layout, 3);
    for (const i of [0, 1, 2]) records.at(i).id = 100 + i;
    const saved = records.snapshot();
    records.clear(1);
    expect([0, 1, 2].map((i) => records.at(i).id)).toEqual([100, 0, 102]);
    records.restore(saved);
    expect([0, 1, 2].map((i) => records.at(i).id)).toEqual([100, 101, 102]);
    for (const index of [-1, 3, NaN, 1e9]) expect(() => records.at(index)).toThrow(RangeError);
    const cut = saved.subarray(8);
    expect(() => records.restore(cut)).toThrow(
      expect.objectContaining({ code: "ERR_STATE_CORRUPT" }),
    );
    expect(records.at(1).id).toBe(101);
  });
});
