/** Units of sizes and durations as people write them: "4KiB", "1.5ms". */
import { NS_PER_MS, NS_PER_SECOND } from "./clock.ts";

/** Bytes in each unit of size. */
export const SIZE_UNITS: ReadonlyMap<string, number> = new Map([
  ["B", 1],
  ["kB", 1e3],
  ["KB", 1e3],
  ["MB", 1e6],
  ["GB", 1e9],
  ["KiB", 2 ** 10],
  ["MiB", 2 ** 20],
  ["GiB", 2 ** 30],
  ["TiB", 2 ** 40],
]);

/** Nanoseconds in each unit of time. */
export const DURATION_UNITS: ReadonlyMap<string, number> = new Map([
  ["ns", 1],
  ["us", 1e3],
  ["µs", 1e3],
  ["ms", NS_PER_MS],
  ["s", NS_PER_SECOND],
  ["min", 60 * NS_PER_SECOND],
  ["h", 3600 * NS_PER_SECOND],
]);
