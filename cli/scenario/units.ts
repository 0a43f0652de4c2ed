/** Sizes and durations as people write them ("4KiB", "1.5ms"), and numbers as people read them. */
import { NS_PER_MS, NS_PER_SECOND } from "../../core/clock.ts";
import { DURATION_UNITS, SIZE_UNITS } from "../../core/units.ts";

/** Regular expressions for JSON Schema; parsing goes by them too. */
export const SIZE_PATTERN = "^[0-9]+(\\.[0-9]+)? ?(B|kB|KB|MB|GB|KiB|MiB|GiB|TiB)?$";
export const DURATION_PATTERN = "^[0-9]+(\\.[0-9]+)? ?(ns|us|µs|ms|s|min|h)$";

const sizeForm = new RegExp(SIZE_PATTERN);
const durationForm = new RegExp(DURATION_PATTERN);
/** How far a product of decimals may be from the whole number that it means. */
const ROUNDING = 1e-6;

function scaled(text: string, units: ReadonlyMap<string, number>): number | undefined {
  const number = Number.parseFloat(text);
  const unit = /[^0-9. ]+$/.exec(text)?.[0];
  const exact = number * (unit === undefined ? 1 : units.get(unit)!);
  const whole = Math.round(exact);
  if (!Number.isSafeInteger(whole)) return undefined;
  return Math.abs(exact - whole) <= ROUNDING ? whole : undefined;
}

/**
 * Bytes of a size: a whole number, or text such as "4KiB", "1.5 MB" or "512".
 * @returns undefined when it is none, or does not come to whole bytes
 */
export function parseSize(value: unknown): number | undefined {
  if (typeof value === "number") return Number.isSafeInteger(value) ? value : undefined;
  if (typeof value !== "string" || !sizeForm.test(value)) return undefined;
  return scaled(value, SIZE_UNITS);
}

/**
 * Nanoseconds of a duration: text such as "5ms", "1.5 s" or "250us".
 * @returns undefined when it is none: a bare number says no unit
 */
export function parseDuration(value: unknown): number | undefined {
  if (typeof value !== "string" || !durationForm.test(value)) return undefined;
  return scaled(value, DURATION_UNITS);
}

const SIZE_STEPS: readonly (readonly [string, number])[] = [
  ["TiB", 2 ** 40],
  ["GiB", 2 ** 30],
  ["MiB", 2 ** 20],
  ["KiB", 2 ** 10],
];

/** A size for people: "4 KiB", "1.50 MiB", "17 B". Whole numbers stay whole. */
export function formatSize(bytes: number): string {
  for (const [unit, factor] of SIZE_STEPS) {
    if (bytes >= factor) return `${decimals(bytes / factor)} ${unit}`;
  }
  return `${bytes} B`;
}

const DURATION_STEPS: readonly (readonly [string, number])[] = [
  ["s", NS_PER_SECOND],
  ["ms", NS_PER_MS],
  ["µs", 1e3],
];

/** A duration for people: "1.50 ms", "20 s", "0 ns". Whole numbers stay whole. */
export function formatDuration(durationNs: number): string {
  for (const [unit, factor] of DURATION_STEPS) {
    if (durationNs >= factor) return `${decimals(durationNs / factor)} ${unit}`;
  }
  return `${durationNs} ns`;
}

/** Three significant digits where there is a fraction. */
function decimals(value: number): string {
  if (Number.isInteger(value)) return String(value);
  if (value >= 100) return value.toFixed(0);
  return value.toFixed(value >= 10 ? 1 : 2);
}

/** "1 task", "2 tasks". */
export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
