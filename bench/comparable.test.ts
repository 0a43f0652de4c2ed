/** Tests of which samples are compared, where a machine is now in one state and now in another. */
import { expect, test } from "bun:test";
import { comparable, lacking, type Taken } from "./comparable.ts";
import type { Sample } from "./subject.ts";

const under = (value: number, distance: number, more: Partial<Sample> = {}): Sample => ({
  value,
  waited: 0,
  distances: [distance, distance],
  ...more,
});

const values = (taken: Taken | undefined, name: string): number[] | undefined =>
  taken?.get(name)?.map(({ value }) => value);

test("comparable() keeps all samples of a machine that stays as it is", () => {
  const taken = new Map([["a", [under(1, 40), under(2, 55), under(3, 60)]]]);
  const { kept, leftOut, states } = comparable(taken);
  expect(values(kept, "a")).toEqual([1, 2, 3]);
  expect(leftOut).toBeUndefined();
  expect(states).toBeUndefined();
});

test("comparable() keeps the state that has most of the samples", () => {
  const near = [1, 2, 3].map((value) => under(value, 40));
  const far = [10, 20, 30, 40, 50].map((value) => under(value, 200));
  const fewer = [5, 6, 7, 8].map((value) => under(value, 40));
  const taken = new Map([
    ["a", [...near, ...far]],
    ["b", [...fewer, ...far]],
  ]);
  const { kept, leftOut, states } = comparable(taken);
  expect(values(kept, "a")).toEqual([10, 20, 30, 40, 50]);
  expect(values(kept, "b")).toEqual([10, 20, 30, 40, 50]);
  expect(values(leftOut, "a")).toEqual([1, 2, 3]);
  expect(states).toEqual({ keptNs: 200, leftOutNs: 40, keptShare: 10 / 17 });
});

test("comparable() leaves out samples during which the state changed", () => {
  const mixed = under(99, 40, { distances: [40, 200] });
  const near = [1, 2, 3].map((value) => under(value, 40));
  const { kept, leftOut } = comparable(new Map([["a", [...near, mixed, under(4, 200)]]]));
  expect(values(kept, "a")).toEqual([1, 2, 3]);
  expect(leftOut).toBeUndefined();
});

test("comparable() leaves out samples that others disturbed, if enough are left", () => {
  const disturbed = under(99, 40, { waited: 0.5 });
  const taken = new Map([
    ["a", [under(1, 40), disturbed, under(2, 40), under(3, 40)]],
    ["b", [under(1, 40), disturbed]],
  ]);
  const { kept } = comparable(taken);
  expect(values(kept, "a")).toEqual([1, 2, 3]);
  expect(values(kept, "b")).toEqual([1, 99]);
});

test("comparable() keeps all where neither state has enough, and what has no distance", () => {
  const alone = [{ value: 7, waited: 0.9 }];
  const taken = new Map<string, Sample[]>([
    ["alone", alone],
    ["a", [under(1, 40), under(2, 40), under(3, 200), under(4, 200)]],
  ]);
  const { kept, states } = comparable(taken);
  expect(values(kept, "a")).toEqual([1, 2, 3, 4]);
  expect(values(kept, "alone")).toEqual([7]);
  expect(states).toBeUndefined();
});

test("lacking() names samplers with too few undisturbed samples in the leading state", () => {
  const near = Array.from({ length: 5 }, (_, value) => under(value, 40));
  const taken = new Map<string, Sample[]>([
    ["alone", [{ value: 7, waited: 0 }]],
    ["enough", near],
    ["far", [...near.slice(1), under(9, 200), under(9, 200)]],
    ["disturbed", [...near.slice(1), under(9, 40, { waited: 0.5 })]],
  ]);
  expect(lacking(taken)).toEqual(["far", "disturbed"]);
});
