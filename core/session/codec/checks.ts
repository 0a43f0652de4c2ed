/**
 * The bounds of the format, as checks on what a recorder is given. They are the same that the
 * decoder enforces, so that nothing can be written which would later be refused.
 */
import { HOST_NUMBERS_MAX, MARK_BYTES_MAX } from "./format.ts";

const textEncoder = new TextEncoder();

/** @throws {RangeError} always, naming the field, the value found and the one wanted */
export function refuse(field: string, value: number, wanted: string): never {
  throw new RangeError(`Cannot record an event: ${field} must be ${wanted}: found ${value}`);
}

/** @throws {RangeError} when a value is not a whole number from 0 to the maximum */
export function check(field: string, value: number, maximum: number): void {
  if (!(value >= 0 && value <= maximum && Math.floor(value) === value)) {
    refuse(field, value, `a whole number from 0 to ${maximum}`);
  }
}

export function checkSigned(field: string, value: number): void {
  if (!Number.isSafeInteger(value)) refuse(field, value, "a safe integer");
}

export function checkOffset(offset: number): void {
  if (!(offset >= -1 && Number.isSafeInteger(offset))) {
    refuse("offset", offset, "a whole number from -1 to 2^53 - 1");
  }
}

/**
 * The text of a mark or an outcome, as bytes.
 * @throws {RangeError} above MARK_BYTES_MAX
 */
export function encodeText(text: string): Uint8Array {
  const bytes = textEncoder.encode(text);
  if (bytes.length > MARK_BYTES_MAX) {
    throw new RangeError(
      `Cannot mark the session: the text takes ${bytes.length} bytes, at most ${MARK_BYTES_MAX}`,
    );
  }
  return bytes;
}

export function checkTime(nowNs: number): void {
  if (!(nowNs >= 0 && Number.isSafeInteger(nowNs))) {
    refuse("nowNs", nowNs, "whole nanoseconds from 0 to 2^53 - 1");
  }
}

export function checkNumbers(what: string, numbers: readonly number[]): void {
  if (numbers.length > HOST_NUMBERS_MAX) refuse(what, numbers.length, "at most 8 numbers");
  for (const number of numbers) checkSigned(what, number);
}
