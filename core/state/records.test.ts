/** Records: a provider's rows of named bytes. */
import { expect, test } from "bun:test";
import { u16, u32 } from "./fields.ts";
import { Records } from "./records.ts";
import { StateReader } from "./state-reader.ts";
import { StateWriter } from "./state-writer.ts";
import { struct } from "./struct.ts";

const layout = struct({ used: u32, kind: u16 });

test("at() points one view at a record, view() gives one of its own", () => {
  const records = new Records("pipe.state", layout, 4);
  records.at(1).used = 5;
  const own = records.view(1);
  records.at(2).used = 9;
  expect([own.used, records.at(2).used, records.at(0).used]).toEqual([5, 9, 0]);
});

test("records that do not exist are a RangeError that names the provider", () => {
  const records = new Records("pipe.state", layout, 4);
  for (const index of [4, -1, Number.NaN]) {
    expect(() => records.at(index)).toThrow("Cannot reach pipe.state record");
  }
  expect(() => new Records("pipe.state", layout, 0)).toThrow(RangeError);
  expect(() => new Records("pipe.state", layout, 65537)).toThrow(RangeError);
});

test("clear() zeroes one record and leaves its neighbours alone", () => {
  const records = new Records("pipe.state", layout, 3);
  for (let i = 0; i < 3; i++) records.at(i).used = i + 1;
  records.clear(1);
  expect([0, 1, 2].map((i) => records.at(i).used)).toEqual([1, 0, 3]);
});

test("setBytes() puts back what bytesOf() showed, and refuses another size", () => {
  const records = new Records("pipe.state", layout, 2);
  records.at(0).used = 77;
  const saved = records.bytesOf(0).slice();
  records.clear(0);
  records.setBytes(1, saved);
  expect([records.at(0).used, records.at(1).used]).toEqual([0, 77]);
  expect(() => records.setBytes(0, new Uint8Array(3))).toThrow(RangeError);
});

test("restore() refuses bytes of another size with ERR_STATE_CORRUPT", () => {
  const records = new Records("pipe.state", layout, 2);
  records.at(1).used = 3;
  const saved = records.snapshot();
  records.clear(1);
  records.restore(saved);
  expect(records.at(1).used).toBe(3);
  expect(() => records.restore(saved.subarray(1))).toThrow("Cannot restore pipe.state records");
});

test("StateReader reads what StateWriter wrote, and refuses what lies outside the ranges", () => {
  const writer = new StateWriter();
  writer.i32(-5);
  writer.u32(2 ** 32 - 1);
  writer.f64(0.5);
  writer.indices([3, 1, 2]);
  writer.text("naïve");
  writer.bytes(new Uint8Array(3000).fill(9));
  const bytes = writer.finish();
  const reader = new StateReader(bytes, "a test");
  expect(reader.i32("a")).toBe(-5);
  expect(reader.u32("b")).toBe(2 ** 32 - 1);
  expect(reader.f64("c")).toBe(0.5);
  expect(reader.indices("d", 4)).toEqual([3, 1, 2]);
  expect(reader.text("e")).toBe("naïve");
  expect(reader.bytes("f").length).toBe(3000);
  reader.finish();
  const refused: [(again: StateReader) => unknown, string][] = [
    [(again) => again.i32("it", 0), "it must be 0 to 2147483647: found -5"],
    [(again) => again.u32("it", 3), "it must be 0 to 3: found 4294967291"],
    [(again) => again.bytes("it"), "the count of bytes of it"],
    [(again) => again.indices("it", 4), "the count of it"],
    [(again) => again.finish(), "its end must be none"],
  ];
  for (const [read, text] of refused) {
    expect(() => read(new StateReader(bytes, "a test"))).toThrow(text);
  }
});
