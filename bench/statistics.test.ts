/** Tests of the statistics that reports are made of. */
import { expect, test } from "bun:test";
import { median, quantile, spread } from "./statistics.ts";

test("median() is the middle value, or the mean of the middle two", () => {
  expect(median([9, 1, 5])).toBe(5);
  expect(median([4, 1, 3, 2])).toBe(2.5);
  expect(median([7])).toBe(7);
});

test("median() leaves its argument as it is", () => {
  const values = [3, 1, 2];
  median(values);
  expect(values).toEqual([3, 1, 2]);
});

test("quantile() gives the ends at 0 and 1 and interpolates between neighbours", () => {
  const values = [10, 20, 30, 40, 50];
  expect(quantile(values, 0)).toBe(10);
  expect(quantile(values, 1)).toBe(50);
  expect(quantile(values, 0.25)).toBe(20);
  expect(quantile(values, 0.9)).toBeCloseTo(46);
});

test("quantile() refuses an empty series", () => {
  expect(() => quantile([], 0.5)).toThrow(RangeError);
});

test("spread() is the interquartile range over the median, and 0 for a median of 0", () => {
  expect(spread([10, 20, 30, 40, 50])).toBeCloseTo(20 / 30);
  expect(spread([5, 5, 5])).toBe(0);
  expect(spread([-1, 0, 1])).toBe(0);
});
