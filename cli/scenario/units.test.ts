/** Tests of sizes and durations as text: what is read, what is refused, what is printed. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { formatDuration, formatSize, parseDuration, parseSize, plural } from "./units.ts";

test("parseSize() reads binary and decimal units, with and without a blank", () => {
  const sizes = ["4KiB", "1.5 MiB", "2GiB", "1TiB", "3kB", "3KB", "7MB", "1GB", "12B", "512"];
  expect(sizes.map(parseSize)).toEqual([
    4096, 1572864, 2147483648, 1099511627776, 3000, 3000, 7000000, 1000000000, 12, 512,
  ]);
  expect(parseSize(4096)).toBe(4096);
});

test("parseSize() refuses what is no size or not whole bytes", () => {
  const wrong = [
    "4kib",
    "KiB",
    "-1KiB",
    "0.1KiB",
    "1e3",
    "",
    " 4KiB",
    "4KiB ",
    1.5,
    null,
    true,
    [],
  ];
  expect(wrong.map(parseSize)).toEqual(wrong.map(() => undefined));
  expect(parseSize("9999999999TiB")).toBeUndefined();
});

test("parseDuration() reads every unit and wants one", () => {
  const durations = ["5ms", "1.5 s", "250us", "250µs", "7ns", "2min", "1h", "0.1ms"];
  expect(durations.map(parseDuration)).toEqual([
    5_000_000, 1_500_000_000, 250_000, 250_000, 7, 120_000_000_000, 3_600_000_000_000, 100_000,
  ]);
  expect(["5", 5, "ms", "-5ms", "0.5ns", "5 m"].map(parseDuration)).toEqual(
    Array.from({ length: 6 }, () => undefined),
  );
});

test("parseSize() and parseDuration() are exact for whole numbers of every unit", () => {
  const units = fc.constantFrom(["KiB", 1024], ["MB", 1e6]) as fc.Arbitrary<[string, number]>;
  const check = fc.property(fc.nat(1_000_000), units, (count, [unit, factor]) => {
    expect(parseSize(`${count}${unit}`)).toBe(count * factor);
    expect(parseDuration(`${count}us`)).toBe(count * 1000);
  });
  fc.assert(check, { seed: 11, numRuns: 200 });
});

test("formatSize() and formatDuration() keep whole numbers whole, others at three digits", () => {
  expect([0, 17, 1024, 1536, 1e6, 5 * 2 ** 30].map(formatSize)).toEqual([
    "0 B",
    "17 B",
    "1 KiB",
    "1.50 KiB",
    "977 KiB",
    "5 GiB",
  ]);
  expect([0, 999, 1000, 1234, 20_500_000, 3e9].map(formatDuration)).toEqual([
    "0 ns",
    "999 ns",
    "1 µs",
    "1.23 µs",
    "20.5 ms",
    "3 s",
  ]);
});

test("plural() counts one thing and several", () => {
  expect([0, 1, 2].map((count) => plural(count, "task"))).toEqual(["0 tasks", "1 task", "2 tasks"]);
});
